/** The orders of kinds of work that calls were said to be, each followed from its first call on. */
import type { Calls } from "../generated/calls";
import type { Watch } from "./watch";

type Follow = (asked: Omit<Calls["watch"]["body"], "watch">) => Watch;

/** As many as the engine keeps current; the one called for longest ago is followed no more. */
const MOST = 32;

export class TaskQueues {
  readonly #follow: Follow;
  readonly #watches = new Map<string, Watch>();

  constructor(follow: Follow) {
    this.#follow = follow;
  }

  /** The order of that kind of work among these as last told; null before the engine has told one. */
  of(task: string, upstreams: Readonly<Record<string, unknown>>): readonly string[] | null {
    const known = this.#watches.get(task);
    const among = Object.keys(upstreams);
    const isFollowed = known !== undefined && known.error === null;
    const watch = isFollowed ? known : this.#follow({ cursor: { task }, limit: among.length, among });
    this.#watches.delete(task);
    this.#watches.set(task, watch);
    const [oldest] = this.#watches;
    if (oldest && this.#watches.size > MOST) {
      this.#watches.delete(oldest[0]);
      oldest[1].close();
    }
    return watch.queue.length > 0 ? watch.queue : null;
  }
}
