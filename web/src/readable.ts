/** The options whose answers this page could read, also before it was last reloaded: what they hide later is no lack of CORS. */
import { seconds } from "./abort";
import type { Mirror } from "./mirror";

/** Those last read are kept, by option and server: `[name, when it was read]`, seconds since the epoch. */
type Kept = [name: string, at: number][];

const KIND = "readable";
const MOST = 256;
/** A server that has taken its permission back since must not pass for a masked one for ever. */
const KEPT_S = 7 * 24 * 3600;
/** How often the same is written anew. */
const AGAIN_S = 3600;

export class Readable {
  readonly #mirror: Mirror | null;
  readonly #bases: ReadonlyMap<string, URL>;
  readonly #read = new Map<string, number>();
  #writing: Promise<void>;

  /** Without a mirror it lasts as long as the page. */
  constructor(bases: ReadonlyMap<string, URL> = new Map(), mirror: Mirror | null = null) {
    [this.#bases, this.#mirror] = [bases, mirror];
    this.#writing = this.#stored().then((kept) => {
      for (const [name, at] of kept) if (!this.#read.has(name)) this.#read.set(name, at);
    });
  }

  has(option: string): boolean {
    return this.#isFresh(this.#read.get(this.#name(option)));
  }

  add(option: string): void {
    const [name, now] = [this.#name(option), seconds()];
    const before = this.#read.get(name) ?? -Infinity;
    if (now - before < AGAIN_S) return;
    this.#read.set(name, now);
    this.#change((kept) => [...kept.filter(([other]) => other !== name), [name, now]]);
  }

  /** Nothing was ever read, here or in what is kept. */
  forget(): void {
    this.#read.clear();
    this.#change(() => []);
  }

  /** One after the other, on what is there now: another tab may have written, or forgotten, meanwhile. */
  #change(to: (kept: Kept) => Kept): void {
    this.#writing = this.#writing.then(async () => {
      const kept = to(await this.#stored()).sort(([, one], [, other]) => one - other);
      await this.#mirror?.keep(KIND, "", kept.slice(-MOST));
    });
  }

  async #stored(): Promise<Kept> {
    const found = await this.#mirror?.recall(KIND, "");
    return Array.isArray(found) ? (found as Kept).filter(([, at]) => this.#isFresh(at)) : [];
  }

  #isFresh(at = -Infinity): boolean {
    return seconds() - at < KEPT_S;
  }

  #name(option: string): string {
    return JSON.stringify([option, this.#bases.get(option)?.origin]);
  }
}
