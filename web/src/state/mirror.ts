/** A store of values by kind and name in IndexedDB, for a returning tab; `queues.ts` and others write. It may forget, never fail. */
import { Database } from "./database";

/** A hung store must not hold up the first call. */
const READ_TIMEOUT_MS = 1000;

export class Mirror {
  readonly #database: Database<unknown>;
  readonly #latest = new Map<string, { kind: string; name: string; value: unknown }>();
  #writing: Promise<void> | null = null;
  #closed = false;

  constructor(name = "sporewright") {
    this.#database = new Database(name, "memories");
    void this.#database.open();
  }

  /** The value kept under this name; undefined if none was, or the storage is forbidden, broken or hangs. */
  async recall(kind: string, name: string): Promise<unknown> {
    const late = new Promise<undefined>((resolve) => setTimeout(resolve, READ_TIMEOUT_MS));
    return Promise.race([this.#read(kind, name), late]);
  }

  /** Keep a value; of several in a row under one name the last one is written. Resolves when nothing is left to write. */
  keep(kind: string, name: string, value: unknown): Promise<void> {
    if (this.#closed) return Promise.resolve();
    this.#latest.set(`${kind}/${name}`, { kind, name, value });
    this.#writing ??= this.#drain();
    return this.#writing;
  }

  /** Replace a value by what `to` makes of it, before any other tab can; rejects where that fails, or takes too long. */
  change<T>(kind: string, name: string, ms: number, to: (value: unknown) => readonly [T, unknown]): Promise<T> {
    const late = new Promise<never>((_, reject) =>
      setTimeout(() => {
        reject(new Error("IndexedDB does not answer"));
      }, ms),
    );
    return Promise.race([this.#database.change([kind, name], to), late]);
  }

  /** Write what is still to be written and let go of the database. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#writing;
    this.#database.close();
  }

  async #read(kind: string, name: string): Promise<unknown> {
    try {
      return await this.#database.get([kind, name]);
    } catch {
      return undefined; // a store that cannot be read has nothing to tell
    }
  }

  async #drain(): Promise<void> {
    while (this.#latest.size > 0) {
      const batch = [...this.#latest.values()];
      this.#latest.clear();
      for (const { kind, name, value } of batch) {
        try {
          await this.#database.put([[[kind, name], value]]);
        } catch {
          continue; // full or gone: this profile does not remember, and routes all the same
        }
      }
    }
    this.#writing = null;
  }
}
