/** The watches of a page: as the next engine has to be told of them, with revisions that count over all engines. */
import type { Calls, Pushes } from "../generated/calls";

type Queue = Pushes["queue"];
type CallRequest = Calls["watch"]["body"];

interface Entry {
  /** Null for what the start itself asks for. */
  asked: CallRequest | null;
  /** Revision that the present engine's first one is. */
  base: number;
  last: Queue;
}

export class Watched {
  readonly #entries = new Map<string, Entry>();

  /** The calls that a new engine is to be asked. */
  get asked(): readonly CallRequest[] {
    return [...this.#entries.values()].flatMap(({ asked }) => (asked ? [asked] : []));
  }

  /** An engine follows it from this head on; gives the change that this is, null if it is what was told before. */
  begins(watch: string, asked: CallRequest | null, { queue, total, figures }: Calls["watch"]["reply"]): Queue | null {
    const before = this.#entries.get(watch)?.last;
    const isSame = before?.total === total && JSON.stringify(before.queue) === JSON.stringify(queue);
    const base = before ? before.revision + (isSame ? 0 : 1) : 0;
    const last = { watch, queue, total, revision: base, ...(figures ? { figures } : {}) };
    this.#entries.set(watch, { asked, base, last });
    return isSame && !figures ? null : last;
  }

  /** A change, its revision counted from the first engine on. */
  changed(push: Queue): Queue {
    const entry = this.#entries.get(push.watch);
    if (!entry) return push;
    entry.last = { ...push, revision: entry.base + push.revision };
    return entry.last;
  }

  delete(watch: string): void {
    this.#entries.delete(watch);
  }
}
