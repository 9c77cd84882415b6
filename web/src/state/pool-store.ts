/** The ledger of a page's pools: one for all tabs, in IndexedDB, where each change is a transaction of its own (P2–P4). */
import { randomId, seconds } from "../base";
import { SporewrightError } from "../errors";
import {
  type Asked,
  declined,
  hear,
  Ledger,
  type Pool,
  poolsOf,
  type Refused,
  type Used,
  type Word,
  type Zone,
  zoneTable,
} from "../pools";
import type { Cursor, PoolState, TensorConfig } from "../types";
import type { Mirror } from "./mirror";

const KIND = "pools";
/** A reservation ends so long after its page has said last that the call goes on, which it does so often. */
const [LASTS_S, RENEW_MS] = [30, 10_000];
/** A ledger that cannot be read is asked again after so long. */
const AGAIN_S = 1;
/** A store that hangs must hold up no call for longer. */
const LATE_MS = 1000;

/** The price of each pool, and what each option is expected to draw on it. */
export interface Priced {
  prices: Record<string, number>;
  draws: Record<string, Record<string, number>>;
}

export class PoolStore {
  readonly #mirror: Mirror;
  readonly #changed: (pools: Readonly<Record<string, PoolState>>) => void;
  readonly #priced: (body: Priced) => void;
  readonly #open = new Set<string>();
  readonly #zones = new Map<string, Zone>();
  #pools: ReadonlyMap<string, Pool> = new Map();
  #own = new Ledger(new Map());
  #prices = new Map<string, { in: number; out: number }>();
  #place = "";
  #state: Readonly<Record<string, PoolState>> = Object.freeze({});
  #told = "";
  #channel: BroadcastChannel | null = null;
  #timer: ReturnType<typeof setInterval> | undefined;

  /** `changed` is told whenever the pools stand otherwise, `priced` whenever a price does. */
  constructor(
    mirror: Mirror,
    changed: (pools: Readonly<Record<string, PoolState>>) => void,
    priced: (body: Priced) => void,
  ) {
    [this.#mirror, this.#changed, this.#priced] = [mirror, changed, priced];
  }

  /** The pools of this config, as they stand in the store. */
  async declare({ pools, seeds = [] }: TensorConfig, cursor: Cursor = {}): Promise<void> {
    this.#pools = poolsOf(pools);
    if (this.#pools.size === 0) return;
    for (const { tz } of this.#pools.values())
      if (tz !== "UTC" && !this.#zones.has(tz)) this.#zones.set(tz, zoneTable(tz, seconds()));
    for (const { option, dim, value } of seeds) {
      if (typeof value !== "number" || (dim !== "price:in" && dim !== "price:out")) continue;
      const price = this.#prices.get(option) ?? { in: 0, out: 0 };
      this.#prices.set(option, { ...price, [dim === "price:in" ? "in" : "out"]: value });
    }
    this.#place = JSON.stringify([cursor["workspace"] ?? "", ...[...this.#pools.keys()].sort()]);
    this.#own = this.#fresh();
    this.#channel = typeof BroadcastChannel === "undefined" ? null : new BroadcastChannel(`${KIND} ${this.#place}`);
    this.#channel?.addEventListener("message", () => void this.#reread());
    await this.#with(() => undefined);
  }

  /** Each pool as last known here. */
  get state(): Readonly<Record<string, PoolState>> {
    return this.#state;
  }

  /** True if calls of the option draw on pools. */
  covers(option: string): boolean {
    return this.#own.poolsOf(option).length > 0;
  }

  /** The name of the reservation, or the pool that does not cover the draw. Of a hard pool the store alone decides. */
  async reserve(option: string, asked: Asked): Promise<string | Refused> {
    const { in: priceIn, out: priceOut } = this.#priceOf(option);
    const [key, hard] = [randomId(), this.#own.poolsOf(option).find((pool) => pool.hard)];
    const work = (ledger: Ledger, now: number): Refused | null =>
      ledger.reserve(key, option, ledger.estimate(option, { ...asked, priceIn, priceOut }), now, LASTS_S);
    const refused = await this.#with(work, hard !== undefined).catch((error: unknown) => {
      if (!hard || error instanceof SporewrightError) throw error;
      return { pool: hard.name, until: seconds() + AGAIN_S };
    });
    if (refused) return refused;
    this.#open.add(key);
    this.#timer ??= setInterval(this.#renew, RENEW_MS);
    return key;
  }

  /** The call was never sent. */
  release(key: string): void {
    this.#closes(key, (ledger, now) => {
      ledger.release(key, now);
    });
  }

  /** It is over: so much was used, by its answer's own word; `status`: of a refusal, with the wait that it asks for. */
  ends(
    key: string,
    option: string,
    { tokens, ...used }: { tokens?: { in: number; out: number } | undefined; seconds: number; refused: boolean },
    refusal?: { status: number; wait: number | undefined },
  ): void {
    const price = this.#priceOf(option);
    const usd = tokens && (tokens.in * price.in + tokens.out * price.out) / 1e6;
    const said: Used = { ...used, tokens: tokens && tokens.in + tokens.out, usd };
    this.#closes(key, (ledger, now) => {
      ledger.ends(key, said, now);
      if (tokens) ledger.learn(option, tokens.out, used.seconds);
      if (refusal) declined(ledger, option, refusal.status, refusal.wait, now);
    });
  }

  /** An answer of the option says that so much is left (P6). */
  hears(option: string, words: readonly Word[]): void {
    if (words.length === 0 || !this.covers(option)) return;
    this.#later((ledger, now) => {
      hear(ledger, option, words, now);
    });
  }

  close(): void {
    clearInterval(this.#timer);
    this.#channel?.close();
    this.#channel = null;
  }

  #priceOf(option: string): { in: number; out: number } {
    return this.#prices.get(option) ?? { in: 0, out: 0 };
  }

  #closes(key: string, work: (ledger: Ledger, now: number) => void): void {
    this.#open.delete(key);
    this.#later(work);
  }

  #later(work: (ledger: Ledger, now: number) => void): void {
    this.#with(work).catch(() => undefined);
  }

  readonly #renew = (): void => {
    if (this.#open.size === 0) {
      clearInterval(this.#timer);
      this.#timer = undefined;
      return;
    }
    this.#later((ledger, now) => {
      for (const key of this.#open) ledger.renew(key, now);
    });
  };

  #fresh(): Ledger {
    return new Ledger(this.#pools, this.#zones, seconds());
  }

  /** Change the ledger of all tabs; what cannot be stored is counted by this page alone, unless it is `strict`. */
  async #with<T>(work: (ledger: Ledger, now: number) => T, strict = false): Promise<T> {
    let ledger = this.#own;
    const change = (on: Ledger): T => {
      const now = seconds();
      const found = work(on, now);
      on.tick(now);
      ledger = on;
      return found;
    };
    try {
      const found = await this.#mirror.change(KIND, this.#place, LATE_MS, (kept) => {
        const fresh = this.#fresh();
        fresh.restore(kept ?? this.#own.data());
        return [change(fresh), fresh.data()];
      });
      this.#own = ledger;
      this.#channel?.postMessage("changed");
      return found;
    } catch (error) {
      if (strict || error instanceof SporewrightError) throw error;
      return change(this.#own);
    } finally {
      this.#tells(ledger);
    }
  }

  /** Another tab has changed it. */
  async #reread(): Promise<void> {
    const kept = await this.#mirror.recall(KIND, this.#place);
    if (kept === undefined) return;
    const fresh = this.#fresh();
    fresh.restore(kept);
    this.#own = fresh;
    this.#tells(fresh);
  }

  #tells(ledger: Ledger): void {
    this.#state = Object.freeze(ledger.state(seconds()));
    this.#changed(this.#state);
    const prices = ledger.prices();
    const text = JSON.stringify(prices);
    if (text === this.#told) return;
    this.#told = text;
    this.#priced({ prices, draws: ledger.draws() });
  }
}
