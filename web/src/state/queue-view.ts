/** The known part of the order: the head that is shown, and the order among the options that can be called. */
import type { QueueDetail } from "../types";

const NONE: readonly string[] = Object.freeze([]);

export class Order {
  #head: QueueDetail = { queue: NONE, total: 0, revision: 0 };
  #routes: readonly string[] = NONE;
  #walk: readonly string[] | null = null;

  get head(): QueueDetail {
    return this.#head;
  }

  /** The options that a routed fetch walks: the head, then all others that can be called; both are cuts of one order. */
  get walk(): readonly string[] {
    if (!this.#walk) {
      const shown = new Set(this.#head.queue);
      this.#walk = Object.freeze([...this.#head.queue, ...this.#routes.filter((option) => !shown.has(option))]);
    }
    return this.#walk;
  }

  /** The head as it is from now on, frozen. */
  show(head: QueueDetail): QueueDetail {
    this.#head = { ...head, queue: Object.freeze([...head.queue]) };
    this.#walk = null;
    return this.#head;
  }

  /** The options that can be called, in their order, as it is from now on. */
  route(options: readonly string[]): void {
    this.#routes = options;
    this.#walk = null;
  }
}
