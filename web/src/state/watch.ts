/** A queue kept current at a cursor of its own. */
import type { SporewrightError } from "../errors";
import { TypedTarget } from "../base";
import type { Figures } from "../generated/calls";
import type { QueueDetail, WatchEvents } from "../types";

const NOTHING: Readonly<Record<string, Figures>> = Object.freeze({});

/** A queue kept current at its cursor; made by `router.watch`. Close it when done. */
export class Watch extends TypedTarget<WatchEvents> {
  #detail: QueueDetail = { queue: Object.freeze([]), total: 0, revision: 0 };
  #isTold = false;
  #figures: Readonly<Record<string, Figures>> = NOTHING;
  readonly #onClose: () => void;
  #error: SporewrightError | null = null;

  constructor(onClose: () => void) {
    super();
    this.#onClose = onClose;
  }

  /** The head of the order, as last pushed by the engine; empty before its first answer. */
  get queue(): readonly string[] {
    return this.#detail.queue;
  }

  /** The number of options in the order. */
  get total(): number {
    return this.#detail.total;
  }

  /** @internal True once the engine has told a head, an empty one included. */
  get isTold(): boolean {
    return this.#isTold;
  }

  /** @internal The figures of the options, where they were asked for. */
  get figures(): Readonly<Record<string, Figures>> {
    return this.#figures;
  }

  /** The reason why the queue cannot be kept current, or null. */
  get error(): SporewrightError | null {
    return this.#error;
  }

  /** @internal The engine will not follow it. */
  fail(error: SporewrightError): void {
    this.#error = error;
    this.emit("error", error);
  }

  /** @internal What the engine told. */
  update({ figures = NOTHING, ...detail }: QueueDetail & { figures?: Readonly<Record<string, Figures>> }): void {
    [this.#detail, this.#figures, this.#isTold] = [detail, figures, true];
    this.emit("change", detail);
  }

  /** Ends the watch: there will be no more changes. */
  close(): void {
    this.#onClose();
  }
}
