/** The network's return, as the browser tells it: what waits to be tried again need not wait any longer. */
export class Online {
  readonly #back: () => void;

  constructor(back: () => void) {
    this.#back = back;
    if (typeof addEventListener === "function") addEventListener("online", this.#back);
  }

  close(): void {
    if (typeof removeEventListener === "function") removeEventListener("online", this.#back);
  }
}
