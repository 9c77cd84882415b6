/**
 * One IndexedDB store of values by key, which outlives its handle: a browser closes a database when the site's data are cleared
 * or the disk fails, and a tab that deletes it, or has a newer one, waits until it is closed. It is opened again then, and what
 * is missing there is written again.
 */
import { openDB, type IDBPDatabase } from "idb";
import { messageOf } from "../errors";

/** A request that hangs must hold up nobody for longer; it may succeed later all the same. */
const OPEN_TIMEOUT_MS = 5000;
/** While a browser clears a site's data it refuses to open any: waited before each further try. */
const AGAIN_MS = [0, 100, 1000];
/** The errors of an operation whose handle was closed under it. */
const LOST: readonly unknown[] = ["InvalidStateError", "AbortError", "UnknownError"];

type Key = string | string[];
type Change<V> = readonly [key: Key, value: V | null];

interface Known<V> {
  key: Key;
  /** Null: it was deleted. */
  value: V | null;
  isStored: boolean;
}

export class Database<V> {
  readonly #name: string;
  readonly #store: string;
  /** All that was read or written here, by key. */
  readonly #known = new Map<string, Known<V>>();
  #db: IDBPDatabase | null = null;
  #opening: Promise<void> | null = null;
  #isLate = false;
  #wasOpen = false;
  /** Something that is known may not be there. */
  #isBehind = false;
  #keepsUp = true;
  #isClosed = false;
  #problem = "storage is not open";

  constructor(name: string, store: string) {
    [this.#name, this.#store] = [name, store];
  }

  /** True: what is missing is written again; not if another tab is the writer. */
  set keepsUp(keepsUp: boolean) {
    this.#keepsUp = keepsUp;
  }

  /** Resolves once it is open, or cannot be in time; never rejects. */
  async open(): Promise<void> {
    if (this.#db || this.#isClosed || this.#isLate) return;
    this.#opening ??= this.#attach().finally(() => {
      [this.#opening, this.#isLate] = [null, false];
    });
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(() => {
        this.#isLate = this.#opening !== null;
        this.#problem = `IndexedDB did not open within ${OPEN_TIMEOUT_MS} ms`;
        resolve();
      }, OPEN_TIMEOUT_MS);
    });
    await Promise.race([this.#opening, late]);
    clearTimeout(timer);
  }

  /** Every value; rejects where it cannot be read. */
  async all(): Promise<[key: Key, value: V][]> {
    return this.#on(async (db) => {
      const store = db.transaction(this.#store).store;
      const [keys, values] = await Promise.all([store.getAllKeys(), store.getAll()]);
      const found = keys.map((key, at): [Key, V] => [key as Key, values[at] as V]);
      for (const [key, value] of found) {
        const name = nameOf(key);
        if (!this.#known.has(name)) this.#known.set(name, { key, value, isStored: true });
      }
      return found;
    });
  }

  /** The value; undefined if there is none. Rejects where it cannot be read. */
  async get(key: Key): Promise<V | undefined> {
    return this.#on(async (db) => (await db.get(this.#store, key)) as V | undefined);
  }

  /** Put, or delete for null, all in one step; resolves once it is there, rejects with the reason if not. */
  async put(changes: Iterable<Change<V>>): Promise<void> {
    if (this.#isClosed) throw new Error(this.#problem);
    const entries = [...changes].map(([key, value]) => ({ key, value, isStored: false }));
    for (const entry of entries) this.#known.set(nameOf(entry.key), entry);
    try {
      await this.#on((db) => (this.#isBehind ? this.#catchUp(db) : this.#write(db, entries)));
    } catch (error) {
      this.#isBehind = true;
      throw error;
    }
  }

  /** Replace the value by the second of what `to` gives for it, in one transaction; resolves to the first once it is there. */
  async change<T>(key: Key, to: (value: V | undefined) => readonly [found: T, next: V]): Promise<T> {
    return this.#on(async (db) => {
      const transaction = db.transaction(this.#store, "readwrite");
      const [found, next] = to((await transaction.store.get(key)) as V | undefined);
      await Promise.all([transaction.store.put(next, key), transaction.done]);
      return found;
    });
  }

  /** Close it once what was handed over before is written. */
  close(): void {
    this.#isClosed = true;
    this.#problem = "storage is closed";
    this.#db?.close();
    this.#db = null;
  }

  async #attach(): Promise<void> {
    let db: IDBPDatabase | undefined;
    /** Closed by the browser, or to be let go of for somebody else. */
    const loses = (): void => {
      db?.close();
      if (db !== this.#db) return;
      this.#letGo();
      this.#recover();
    };
    try {
      db = await openDB(this.#name, 1, {
        upgrade: (made) => {
          made.createObjectStore(this.#store);
        },
        blocking: loses,
        terminated: loses,
      });
      this.#wasOpen = true;
      if (this.#isClosed) db.close();
      else this.#db = db;
      if (this.#isLate) this.#recover();
    } catch (error) {
      this.#problem = messageOf(error);
    }
  }

  /** With a handle, and again with another one where that was closed under it. */
  async #on<T>(work: (db: IDBPDatabase) => Promise<T>): Promise<T> {
    for (let tries = 0; ; tries += 1) {
      const wait = this.#isClosed || this.#isLate || !this.#wasOpen ? undefined : AGAIN_MS[tries];
      // At once where it is open: what is handed over before a worker ends is written.
      if (!this.#db) await this.open();
      const db = this.#db;
      try {
        if (!db) throw new Error(this.#problem);
        return await work(db);
      } catch (error) {
        const isLost = db !== this.#db || LOST.includes((error as { name?: unknown } | null)?.name);
        if (wait === undefined || (db && !isLost)) throw error;
        if (db && db === this.#db) this.#letGo();
        await new Promise((resolve) => setTimeout(resolve, wait));
      }
    }
  }

  async #write(db: IDBPDatabase, entries: readonly Known<V>[]): Promise<void> {
    const transaction = db.transaction(this.#store, "readwrite");
    const { store } = transaction;
    const requests = entries.map(({ key, value }) => (value === null ? store.delete(key) : store.put(value, key)));
    await Promise.all([...requests, transaction.done]);
    for (const entry of entries) entry.isStored = true;
  }

  /** Write what is missing, or was not written yet. */
  async #catchUp(db: IDBPDatabase): Promise<void> {
    const there = new Set((await db.getAllKeys(this.#store)).map((key) => nameOf(key as Key)));
    const missing = [...this.#known].filter(
      ([name, { value, isStored }]) => !isStored || (value !== null && !there.has(name)),
    );
    this.#isBehind = false;
    await this.#write(
      db,
      missing.map(([, entry]) => entry),
    );
  }

  #letGo(): void {
    this.#db?.close();
    this.#db = null;
    this.#isBehind = this.#keepsUp;
  }

  #recover(): void {
    if (!this.#isClosed && this.#keepsUp) this.put([]).catch(() => undefined); // the next one says what is wrong
  }
}

function nameOf(key: Key): string {
  return JSON.stringify(key);
}
