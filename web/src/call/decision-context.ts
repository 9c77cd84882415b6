/** The reason for the engine's order, asked for beside the call: the part of a receipt that says what was known. */
import type { Cursor, Known, Resolution } from "../types";

/** Beyond so many options a receipt holds the order, not its reasons: they would be larger than the answers. */
const MOST_WRITTEN = 32;

export class Reasons {
  readonly #ask: (at?: Cursor) => Promise<Resolution>;
  readonly #asked = new Map<string, Promise<Resolution>>();

  constructor(ask: (at?: Cursor) => Promise<Resolution>) {
    this.#ask = ask;
  }

  /** As of this call, or of one that still waits for its answer; null where the engine's order is not this queue.
   * `at` is the call's own part of the cursor. */
  async of(
    queue: readonly string[],
    head: { total: number; revision: number },
    cursor: Cursor,
    at?: Cursor,
  ): Promise<Known | null> {
    if (head.total > MOST_WRITTEN) return null;
    const { ranked, dropped } = await this.#once(at);
    const asked = new Set(queue);
    const selection = ranked.map(({ option }) => option).filter((option) => asked.has(option));
    if (selection.length !== queue.length || selection.some((option, at) => option !== queue[at])) return null;
    const address = { ...cursor };
    return { revision: String(head.revision), address, policy: { operator: "resolve" }, ranked, dropped, selection };
  }

  /** Calls of one moment at one place share the question. */
  #once(at?: Cursor): Promise<Resolution> {
    const key = JSON.stringify(at);
    const asked = this.#asked.get(key) ?? this.#ask(at).finally(() => this.#asked.delete(key));
    this.#asked.set(key, asked);
    return asked;
  }
}
