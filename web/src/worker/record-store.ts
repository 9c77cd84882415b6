/** The engine's records in IndexedDB, with one writer at a time: a Web Lock decides which engine of a profile it is. */
import { Database } from "../state";

export class RecordStore {
  readonly #name: string;
  readonly #done = new AbortController();
  readonly #held = new Map<string, string | null>();
  readonly #database: Database<string>;
  #writable = true;

  private constructor(name: string) {
    [this.#name, this.#database] = [name, new Database(name, "records")];
  }

  /** Open, never fails: a store that cannot be opened has no records and refuses each save. `onTakeover`: this engine became the writer. */
  static async open(name: string, onTakeover: () => void): Promise<RecordStore> {
    const storage = new RecordStore(name);
    storage.#writable = await storage.#lock(onTakeover);
    storage.#database.keepsUp = storage.#writable;
    await storage.#database.open();
    return storage;
  }

  /** False while another engine holds the storage: what is saved is kept here until that one ends. */
  get writable(): boolean {
    return this.#writable;
  }

  /** Every record. */
  async records(): Promise<[key: string, text: string][]> {
    try {
      return (await this.#database.all()) as [key: string, text: string][];
    } catch {
      return []; // a store that cannot be read has no records; the first save says why
    }
  }

  /** Put or delete; handed to the store before this returns, resolves once it is there, rejects with the reason if not. */
  async save(records: ReadonlyMap<string, string | null>): Promise<void> {
    if (!this.#writable) {
      for (const [key, text] of records) this.#held.set(key, text);
      return;
    }
    await this.#database.put(records);
  }

  close(): void {
    this.#done.abort();
    this.#database.close();
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
      this.#writable = this.#database.keepsUp = true;
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
