/** The records that a page keeps of options, by option and server: for the next page, and for other tabs. */
import type { Mirror } from "./mirror";

/** One option's entry: its name (`nameOf`), and what is kept. */
export type Entry = [name: string, ...values: number[]];

/** The entries of one kind at one place; those that no longer say anything are passed over. */
export class OptionCache<E extends Entry> {
  readonly #mirror: Mirror | null;
  readonly #kind: string;
  readonly #place: string;
  readonly #lasts: (entry: E) => boolean;
  #writing: Promise<void> = Promise.resolve();

  /** Without a mirror nothing is kept. `lasts`: whether an entry, of foreign data, is one and still says something. */
  constructor(mirror: Mirror | null, kind: string, place: string, lasts: (entry: E) => boolean) {
    [this.#mirror, this.#kind, this.#place, this.#lasts] = [mirror, kind, place, lasts];
  }

  async all(): Promise<E[]> {
    const found = await this.#mirror?.recall(this.#kind, this.#place);
    return Array.isArray(found) ? (found as E[]).filter(this.#lasts) : [];
  }

  /** One after the other, on what is there now: another tab may have written, or forgotten, meanwhile. */
  change(to: (kept: E[]) => E[]): void {
    this.after(async () => {
      await this.#mirror?.keep(this.#kind, this.#place, to(await this.all()));
    });
  }

  /** This before any change that comes later. */
  after(work: () => Promise<void>): void {
    this.#writing = this.#writing.then(work);
  }
}

/** The names already made: a router's addresses stay as they are. */
const NAMES = new WeakMap<ReadonlyMap<string, URL>, Map<string, string>>();

/** Another server of the same option is another one. */
export function nameOf(option: string, bases: ReadonlyMap<string, URL>): string {
  const made = NAMES.get(bases) ?? new Map<string, string>();
  NAMES.set(bases, made);
  const name = made.get(option) ?? JSON.stringify([option, bases.get(option)?.origin]);
  made.set(option, name);
  return name;
}
