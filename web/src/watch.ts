/** A queue kept current at a cursor of its own. */
import type { SporewrightError } from "./errors";
import { TypedTarget } from "./events";
import type { QueueDetail, WatchEvents } from "./types";

export class Watch extends TypedTarget<WatchEvents> {
  #detail: QueueDetail = { queue: Object.freeze([]), total: 0, revision: 0 };
  readonly #onClose: () => void;
  #error: SporewrightError | null = null;

  constructor(onClose: () => void) {
    super();
    this.#onClose = onClose;
  }

  /** The head of the order as last told; empty until the engine has answered. Never waits. */
  get queue(): readonly string[] {
    return this.#detail.queue;
  }

  /** How many options there are in all. */
  get total(): number {
    return this.#detail.total;
  }

  /** Why it cannot be followed; null as long as it can. */
  get error(): SporewrightError | null {
    return this.#error;
  }

  /** @internal The engine will not follow it. */
  fail(error: SporewrightError): void {
    this.#error = error;
    this.emit("error", error);
  }

  /** @internal What the engine told. */
  update(detail: QueueDetail): void {
    this.#detail = detail;
    this.emit("change", detail);
  }

  /** No more changes. */
  close(): void {
    this.#onClose();
  }
}
