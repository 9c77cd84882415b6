/** The engine's records in IndexedDB, with one writer at a time: a Web Lock decides which engine of a profile it is. */
import { openDB, type DBSchema, type IDBPDatabase } from "idb";
import { messageOf } from "../errors";

interface Schema extends DBSchema {
  records: { key: string; value: string };
}

const OPEN_TIMEOUT_MS = 5000;

export class Storage {
  readonly #name: string;
  readonly #done = new AbortController();
  readonly #held = new Map<string, string | null>();
  #db: IDBPDatabase<Schema> | null = null;
  #problem = "storage is not open";
  #writable = true;

  private constructor(name: string) {
    this.#name = name;
  }

  /** Open, never fails: a store that cannot be opened has no records and refuses each save. `onTakeover`: this engine became the writer. */
  static async open(name: string, onTakeover: () => void): Promise<Storage> {
    const storage = new Storage(name);
    storage.#writable = await storage.#lock(onTakeover);
    try {
      storage.#db = await withTimeout(
        openDB<Schema>(name, 1, {
          upgrade: (db) => {
            db.createObjectStore("records");
          },
        }),
      );
    } catch (error) {
      storage.#problem = messageOf(error);
    }
    return storage;
  }

  /** False while another engine holds the storage: what is saved is kept here until that one ends. */
  get writable(): boolean {
    return this.#writable;
  }

  /** Every record. */
  async records(): Promise<[key: string, text: string][]> {
    if (!this.#db) return [];
    try {
      const store = this.#db.transaction("records").store;
      const [keys, texts] = await Promise.all([store.getAllKeys(), store.getAll()]);
      return keys.map((key, index) => [key, texts[index] ?? ""]);
    } catch (error) {
      this.#problem = messageOf(error);
      return [];
    }
  }

  /** Put or delete; handed to the store before this returns, resolves once it is there, rejects with the reason if not. */
  async save(records: ReadonlyMap<string, string | null>): Promise<void> {
    if (!this.#writable) {
      for (const [key, text] of records) this.#held.set(key, text);
      return;
    }
    if (!this.#db) throw new Error(this.#problem);
    const transaction = this.#db.transaction("records", "readwrite");
    const requests = [...records].map(([key, text]) =>
      text === null ? transaction.store.delete(key) : transaction.store.put(text, key),
    );
    await Promise.all([...requests, transaction.done]);
  }

  close(): void {
    this.#done.abort();
    this.#db?.close();
    this.#db = null;
    this.#problem = "storage is closed";
  }

  /** Try for the lock; without it, wait for it behind the engine that has it. Without locks everybody writes. */
  async #lock(onTakeover: () => void): Promise<boolean> {
    const locks = (globalThis.navigator as Partial<Navigator> | undefined)?.locks;
    if (!locks) return true;
    const released = new Promise<void>((resolve) => {
      this.#done.signal.addEventListener("abort", () => {
        resolve();
      });
    });
    const first = await new Promise<boolean>((resolve) => {
      const attempt = locks.request(this.#name, { ifAvailable: true }, (lock) => {
        resolve(lock !== null);
        return lock ? released : undefined;
      });
      attempt.catch(() => {
        resolve(true);
      });
    });
    if (!first) this.#waitForLock(locks, released, onTakeover);
    return first;
  }

  #waitForLock(locks: LockManager, released: Promise<void>, onTakeover: () => void): void {
    const takeover = async (): Promise<void> => {
      this.#writable = true;
      const held = new Map(this.#held);
      this.#held.clear();
      await this.save(held).catch(() => undefined); // the next save says what is wrong with the store
      onTakeover();
      await released;
    };
    // Rejects only when this engine is closed before its turn.
    locks.request(this.#name, { signal: this.#done.signal }, takeover).catch(() => undefined);
  }
}

async function withTimeout<T>(promise: Promise<T>): Promise<T> {
  const late = new Promise<never>((_, reject) => {
    setTimeout(() => {
      reject(new Error(`IndexedDB did not open within ${OPEN_TIMEOUT_MS} ms`));
    }, OPEN_TIMEOUT_MS);
  });
  return Promise.race([promise, late]);
}
