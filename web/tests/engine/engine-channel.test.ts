/** Engines of one profile beside each other. */
import { expect, it, vi } from "vitest";
import type { News } from "../../src/generated/calls";
import { EngineChannel } from "../../src/engine/engine-channel";

const NEWS: News = {
  health: {
    option: "a",
    cooling_until: 0,
    blocked: null,
    aside: null,
    keys: [],
    breaker: { state: "open", until: 60, since: 0 },
    first_token_p95_s: null,
    headers_p95_s: null,
  },
};

it("hear of what one engine finds, those that come later and those whose teller is gone as well", async () => {
  const heard: Record<string, News[]> = { one: [], other: [], later: [] };
  const join = (who: string): EngineChannel => new EngineChannel("slice", (news) => heard[who]?.push(news));
  const [one, other] = [join("one"), join("other")];
  one.tell(NEWS);
  await expect.poll(() => heard["other"]).toContainEqual(NEWS);
  one.close();
  const later = join("later");
  await expect.poll(() => heard["later"]).toContainEqual(NEWS);
  other.tell({ called: true });
  await expect.poll(() => heard["later"]).toContainEqual({ called: true });
  const last = join("last");
  heard["last"] = [];
  await expect.poll(() => heard["last"]).toContainEqual(NEWS);
  expect(heard["last"]).not.toContainEqual({ called: true });
  expect([...last.known]).toEqual([NEWS]);
  last.close();
  expect(heard["one"]).toEqual([]);
  other.close();
  later.close();
});

it("are nobody where the site may store nothing: Firefox refuses the channel, and the engine goes on", () => {
  vi.stubGlobal("BroadcastChannel", () => {
    throw new DOMException("The operation is insecure.", "SecurityError");
  });
  const alone = new EngineChannel("slice", () => undefined);
  alone.tell(NEWS);
  expect([...alone.known]).toEqual([NEWS]);
  alone.close();
  vi.unstubAllGlobals();
});
