/** A page that the browser puts aside to show it again (the back/forward cache): none of it runs, and nobody else gets what it holds. */
export class BackForwardCache {
  readonly #done = new AbortController();
  #shown = Promise.resolve();
  #back: (() => void) | null = null;

  /** `onAside`: called before it is put aside; its last chance to let go. */
  constructor(onAside: () => void) {
    if (typeof document === "undefined") return;
    const { signal } = this.#done;
    const hidden = ({ persisted }: PageTransitionEvent): void => {
      if (!persisted || this.#back) return;
      this.#shown = new Promise((resolve) => {
        this.#back = resolve;
      });
      onAside();
    };
    const shown = (): void => {
      this.#back?.();
      this.#back = null;
    };
    addEventListener("pagehide", hidden, { signal });
    addEventListener("pageshow", shown, { signal });
  }

  get isAside(): boolean {
    return this.#back !== null;
  }

  /** Resolves once it is shown again; at once where it is. */
  get shown(): Promise<void> {
    return this.#shown;
  }

  close(): void {
    this.#done.abort();
  }
}
