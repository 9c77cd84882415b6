/** The options whose answers this page could read, also before it was last reloaded: what they hide later is no lack of CORS. */
import { seconds } from "../base";
import { OptionCache, nameOf } from "./option-cache";
import type { Mirror } from "./mirror";

/** Those last read are kept, by option and server: `[name, when it was read]`, seconds since the epoch. */
type Read = [name: string, at: number];

const KIND = "readable";
const MOST = 256;
/** A server that has taken its permission back since must not pass for a masked one for ever. */
const KEPT_S = 7 * 24 * 3600;
/** The least time between two writes of the same. */
const AGAIN_S = 3600;

export class CorsHistory {
  readonly #kept: OptionCache<Read>;
  readonly #bases: ReadonlyMap<string, URL>;
  readonly #read = new Map<string, number>();

  /** Without a mirror it lasts as long as the page. */
  constructor(bases: ReadonlyMap<string, URL> = new Map(), mirror: Mirror | null = null) {
    this.#bases = bases;
    this.#kept = new OptionCache(mirror, KIND, "", ([, at]) => this.#isFresh(at));
    this.#kept.after(async () => {
      for (const [name, at] of await this.#kept.all()) if (!this.#read.has(name)) this.#read.set(name, at);
    });
  }

  has(option: string): boolean {
    return this.#isFresh(this.#read.get(nameOf(option, this.#bases)));
  }

  add(option: string): void {
    const [name, now] = [nameOf(option, this.#bases), seconds()];
    const before = this.#read.get(name) ?? -Infinity;
    if (now - before < AGAIN_S) return;
    this.#read.set(name, now);
    this.#kept.change((kept) => {
      const read: Read[] = [...kept.filter(([other]) => other !== name), [name, now]];
      return read.sort(([, one], [, other]) => one - other).slice(-MOST);
    });
  }

  /** Nothing was ever read, here or in what is kept. */
  forget(): void {
    this.#read.clear();
    this.#kept.change(() => []);
  }

  #isFresh(at = -Infinity): boolean {
    return seconds() - at < KEPT_S;
  }
}
