/** The ledger of several pools: calls reserve, are corrected and released; leases end (P3–P5); as `pools/ledger.py`. */
import { tableOf } from "../base";
import { SporewrightError } from "../errors";
import type { PoolState } from "../types";
import { Account, type AccountData, DAY, micro } from "./account";
import { UTC, type Zone } from "./calendar";
import { byCodePoint, isAmount, measures, type Pool } from "./declared";
import { type Asked, type Draw, drawn, estimated, Means, type Used } from "./draws";
import { type Hold, type HoldData, holdData, holdOf } from "./hold";

const VERSION = 1;
/** The share of the newest draw in an option's expected draw. */
const NEWEST = 0.1;

/** The pool that cannot cover a draw, and the time from which it can, as far as is known; ∞: it never will. */
export interface Refused {
  pool: string;
  until: number;
}

/** All of a ledger as JSON data. */
export interface LedgerData {
  version: number;
  accounts: Record<string, AccountData>;
  holds: Record<string, HoldData>;
  options: Record<string, [Record<string, number>, number[]]>;
}

/** The accounts of one option, what it is expected to draw on each, in minor units, and its mean answer. */
interface Book {
  accounts: Account[];
  expects: Map<string, number>;
  means: Means;
}

/** `now` is seconds since the epoch. */
export class Ledger {
  readonly accounts = new Map<string, Account>();
  readonly holds = new Map<string, Hold>();
  readonly #books = new Map<string, Book>();
  #last = 0;
  #due = Infinity;

  constructor(pools: ReadonlyMap<string, Pool>, zones: ReadonlyMap<string, Zone> = new Map(), now = 0) {
    for (const [name, pool] of [...pools].sort(([one], [other]) => byCodePoint(one, other))) {
      const account = new Account(pool, zones.get(pool.tz) ?? UTC, micro(now));
      this.accounts.set(name, account);
      for (const option of pool.options) {
        const book: Book = this.#books.get(option) ?? { accounts: [], expects: new Map(), means: new Means() };
        book.accounts.push(account);
        this.#books.set(option, book);
      }
    }
  }

  /** The pools that the option draws on, by name. */
  poolsOf(option: string): Pool[] {
    return this.#books.get(option)?.accounts.map(({ pool }) => pool) ?? [];
  }

  /** The draw of a call there, by pool (P2). */
  estimate(option: string, asked: Asked): Draw {
    const book = this.#books.get(option);
    return book ? estimated(this.poolsOf(option), asked, book.means) : {};
  }

  /** An answer of that option had so many tokens and took so long. */
  learn(option: string, tokens: number | undefined, seconds: number | undefined): void {
    this.#books.get(option)?.means.learn(tokens, seconds);
  }

  /** null if every pool of the option covers the draw now; else the one that does so last. */
  admits(option: string, needs: Draw, now: number): Refused | null {
    return this.#admits(this.#books.get(option), needs, this.#advance(now));
  }

  #admits(book: Book | undefined, needs: Draw, at: number): Refused | null {
    let refused: Refused | null = null;
    for (const account of book?.accounts ?? []) {
      const found = account.when(needs[account.pool.name] ?? 0, at);
      if (found !== null && found <= at) continue;
      const until = found === null ? Infinity : found / 1e6;
      if (!refused || until > refused.until) refused = { pool: account.pool.name, until };
    }
    return refused;
  }

  /** Reserve the draw of one call on all pools of its option, or on none; it lapses after `lasts` seconds. */
  reserve(key: string, option: string, needs: Draw, now: number, lasts: number, holder = ""): Refused | null {
    const book = this.#books.get(option);
    const refused = this.#admits(book, needs, this.#advance(now));
    if (refused) return refused;
    this.#fresh(key);
    const amounts = new Map<string, number>();
    for (const { pool } of book?.accounts ?? []) amounts.set(pool.name, whole(needs[pool.name] ?? 0, pool.name));
    for (const account of book?.accounts ?? []) {
      const { name } = account.pool;
      const amount = amounts.get(name) ?? 0;
      account.hold(amount);
      if (!book?.expects.has(name)) book?.expects.set(name, amount);
    }
    this.#add(key, { option, amounts, until: 0, lasts: micro(lasts), holder, isLease: false, turns: null }, now);
    return null;
  }

  /** The call or the lease goes on: its time begins anew. One that has lapsed stays so. */
  renew(key: string, now: number): void {
    this.#advance(now);
    const hold = this.holds.get(key);
    if (hold?.turns === null) hold.until = micro(now) + hold.lasts;
  }

  /** The call is over and drew so much; of a pool that is not named, what was reserved. Said twice it counts once. */
  settle(key: string, used: Draw, now: number): void {
    const hold = this.#take(key, now);
    if (!hold) return;
    const book = this.#books.get(hold.option);
    const actual = new Map<string, number>();
    for (const [name, amount] of hold.amounts) {
      const counted = whole(used[name] ?? amount, name);
      actual.set(name, counted);
      const before = book?.expects.get(name) ?? counted;
      book?.expects.set(name, before + (counted - before) * NEWEST);
    }
    this.#settle(hold, actual);
  }

  /** As `settle`, of what the answer said. */
  ends(key: string, used: Used, now: number): void {
    const hold = this.holds.get(key);
    this.settle(key, hold ? drawn(this.poolsOf(hold.option), used) : {}, now);
  }

  /** The call was never sent: it has drawn nothing, and teaches nothing of what calls draw. */
  release(key: string, now: number): void {
    const hold = this.#take(key, now);
    if (hold) this.#settle(hold, new Map());
  }

  #take(key: string, now: number): Hold | null {
    this.#advance(now);
    const hold = this.holds.get(key);
    if (!hold || hold.isLease) return null;
    this.holds.delete(key);
    return hold;
  }

  #settle({ amounts, turns }: Hold, actual: ReadonlyMap<string, number>): void {
    for (const [name, amount] of amounts) {
      const account = this.#account(name);
      if ((turns?.get(name) ?? account.until) === account.until)
        account.settle(amount, actual.get(name) ?? 0, turns !== null);
    }
  }

  /** Grant a holder this much of a pool, to be drawn without asking until the lease ends; all of it or nothing. */
  lease(key: string, pool: string, amount: number, now: number, lasts: number, holder: string): Refused | null {
    const [at, account] = [this.#advance(now), this.#account(pool)];
    const found = account.when(amount, at);
    if (found === null || found > at) return { pool, until: found === null ? Infinity : found / 1e6 };
    this.#fresh(key);
    account.leased += whole(amount, pool);
    const amounts = new Map([[pool, amount]]);
    this.#add(key, { option: "", amounts, until: 0, lasts: micro(lasts), holder, isLease: true, turns: null }, now);
    return null;
  }

  /** The holder has drawn so much of its lease; the part that the lease covers, which counts. */
  spend(key: string, amount: number, now: number): number {
    this.#advance(now);
    const hold = this.holds.get(key);
    const [entry] = hold?.isLease ? hold.amounts : [];
    if (!hold || !entry) return 0;
    const [pool, rest] = entry;
    const [counted, account] = [Math.min(rest, whole(amount, pool)), this.#account(pool)];
    hold.amounts.set(pool, rest - counted);
    if (hold.turns === null) account.spend(counted);
    else if (account.pool.window > 0) account.hold(counted);
    return counted;
  }

  /** The holder needs no more: what it has not drawn is free again, also after its time, in the same window. */
  giveBack(key: string, now: number): void {
    this.#advance(now);
    const hold = this.holds.get(key);
    const [entry] = hold?.isLease ? hold.amounts : [];
    if (!hold || !entry) return;
    this.holds.delete(key);
    const [pool, rest] = entry;
    const account = this.#account(pool);
    if (hold.turns === null) account.leased -= rest;
    else if (account.pool.turn && hold.turns.get(pool) === account.until) account.settle(rest, 0, true);
  }

  /** The provider says that no more than this is left; more than was thought changes nothing (P6). */
  tighten(pool: string, left: number, now: number): void {
    this.#advance(now);
    const account = this.#account(pool);
    if (account.pool.unit !== "concurrent") account.tighten(whole(left, pool), micro(now));
  }

  /** The provider admits nothing before this time (P6); at most a day counts. */
  close(pool: string, until: number, now: number): void {
    this.#advance(now);
    this.#account(pool).close(micro(until), micro(now));
  }

  /** Move the prices that are due (P7); true if one has moved. */
  tick(now: number): boolean {
    const at = this.#advance(now);
    return [...this.accounts.values()].map((account) => account.tick(at)).some(Boolean);
  }

  /** The price of one unit of each pool. */
  prices(): Record<string, number> {
    return tableOf([...this.accounts].map(([name, { price, pool }]) => [name, price.each * pool.scale]));
  }

  /** The draw expected of each option on each of its pools, in their units; 0 where nothing is known (D2). */
  draws(): Record<string, Record<string, number>> {
    return tableOf(
      [...this.#books].map(([option, { accounts, expects }]) => [
        option,
        tableOf(accounts.map(({ pool: { name, scale } }) => [name, (expects.get(name) ?? 0) / scale])),
      ]),
    );
  }

  /** Each pool as people see it. */
  state(now: number): Record<string, PoolState> {
    const at = this.#advance(now);
    return tableOf([...this.accounts].map(([name, account]) => [name, stateOf(account, at)]));
  }

  #account(pool: string): Account {
    const account = this.accounts.get(pool);
    if (!account) throw new SporewrightError("config", `pools: there is no pool ${JSON.stringify(pool)}`);
    return account;
  }

  #advance(now: number): number {
    const at = micro(now);
    if (at >= this.#due || at < this.#last) this.#lapse(at);
    this.#last = at;
    for (const account of this.accounts.values()) account.advance(at);
    return at;
  }

  /** End what is over, oldest first, each as of its own time: before any window that has turned since. */
  #lapse(at: number): void {
    this.#due = Infinity;
    for (const [key, hold] of [...this.holds].sort(([, one], [, other]) => one.until - other.until)) {
      hold.until = Math.min(hold.until, at + hold.lasts); // the clock may have been set back
      if (hold.turns === null && hold.until <= at) this.#end(hold);
      if (hold.turns !== null && at - hold.until >= DAY) this.holds.delete(key);
      else this.#due = Math.min(this.#due, hold.until + (hold.turns === null ? 0 : DAY));
    }
  }

  /** The time of a call or a lease is over, without a word. */
  #end(hold: Hold): void {
    hold.turns = new Map();
    for (const [name, amount] of hold.amounts) {
      const account = this.#account(name);
      if (account.pool.turn) {
        account.advance(hold.until);
        hold.turns.set(name, account.until);
      }
      if (hold.isLease) account.endLease(amount);
      else account.lapse(amount);
    }
  }

  #add(key: string, hold: Hold, now: number): void {
    hold.until = micro(now) + hold.lasts;
    this.holds.set(key, hold);
    this.#due = Math.min(this.#due, hold.until);
  }

  #fresh(key: string): void {
    if (this.holds.has(key)) throw new SporewrightError("config", `pools: ${JSON.stringify(key)} is reserved already`);
  }

  data(): LedgerData {
    return {
      version: VERSION,
      accounts: tableOf([...this.accounts].map(([name, account]) => [name, account.data()])),
      holds: tableOf([...this.holds].map(([key, hold]) => [key, holdData(hold)])),
      options: tableOf(
        [...this.#books].map(([option, { expects, means }]) => [option, [tableOf(expects), means.data()]]),
      ),
    };
  }

  /** Take over what `data` gave, of pools that are still declared alike; what is no such thing is passed over. */
  restore(data: unknown): void {
    const { version, accounts, holds, options } = entriesOf(data);
    if (version !== VERSION) return;
    const kept = new Map<string, Account>();
    for (const [name, account] of this.accounts)
      if (account.restore(entriesOf(accounts)[name])) kept.set(name, account);
    for (const [key, said] of Object.entries(entriesOf(holds))) {
      const hold = holdOf(said, kept);
      if (!hold) continue;
      this.holds.set(key, hold);
      this.#due = 0;
      if (hold.turns === null) for (const [name, amount] of hold.amounts) reserveAgain(kept.get(name), hold, amount);
    }
    for (const [option, said] of Object.entries(entriesOf(options))) {
      const book = this.#books.get(option);
      if (!book || !Array.isArray(said) || said.length !== 2) continue;
      for (const [name, x] of Object.entries(entriesOf(said[0])))
        if (kept.has(name) && measures(x)) book.expects.set(name, x);
      book.means.restore(said[1]);
    }
  }
}

function reserveAgain(account: Account | undefined, { isLease }: Hold, amount: number): void {
  if (!account) return;
  if (isLease) account.leased += amount;
  else if (account.pool.window === 0) account.reserved += amount;
}

/** The fields of an object; none of anything else. */
function entriesOf(data: unknown): Record<string, unknown> {
  return typeof data === "object" && data !== null && !Array.isArray(data)
    ? tableOf(Object.entries(data as Record<string, unknown>))
    : {};
}

function whole(amount: number, pool: string): number {
  if (isAmount(amount)) return amount;
  throw new SporewrightError("config", `pools.${pool}: ${String(amount)} is not a whole number of minor units`);
}

function stateOf(account: Account, at: number): PoolState {
  const { pool, shut } = account;
  const until = Math.max(shut, pool.turn ? account.until : pool.window > 0 ? account.full(at) : 0);
  return {
    unit: pool.unit,
    cap: pool.cap / pool.scale,
    left: (shut > at ? 0 : account.left) / pool.scale,
    price: account.price.each * pool.scale,
    until: until > at ? until / 1e6 : 0,
  };
}
