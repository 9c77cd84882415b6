/** Moves list items from where they were to where they are, unless the visitor asked for less motion. */
import type { RefObject } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";

const DURATION_MS = 320;

/** Animate the children of `list` that carry `data-key` whenever `order` changes; the layout itself never waits. */
export function useReorder(list: RefObject<HTMLElement | null>, order: readonly string[]): void {
  const tops = useRef(new Map<string, number>());
  const key = order.join("\n");
  useLayoutEffect(() => {
    const before = tops.current;
    const after = new Map<string, number>();
    const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
    for (const item of list.current?.querySelectorAll<HTMLElement>(":scope > [data-key]") ?? []) {
      const name = item.dataset["key"] ?? "";
      const top = item.offsetTop;
      after.set(name, top);
      const moved = (before.get(name) ?? top) - top;
      if (moved !== 0 && !still) {
        const frames = [{ transform: `translateY(${moved}px)` }, { transform: "none" }];
        item.animate(frames, { duration: DURATION_MS, easing: "cubic-bezier(0.2, 0.7, 0.2, 1)" });
      }
    }
    tops.current = after;
  }, [key, list]);
}
