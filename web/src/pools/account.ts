/** One pool's account, in whole minor units and microseconds (P1, P2, P5); as `pools/account.py`. */
import type { PoolWindow } from "../types";
import { turnAfter, type Zone } from "./calendar";
import { isAmount, MOST, type Pool } from "./declared";
import { Price, TICK } from "./price";

const SECOND = 1_000_000;
/** After so long it is asked again for what a call under way may give back. */
const AGAIN = 100_000;
export const DAY = 86_400 * SECOND;
export const LENGTH: Readonly<Record<PoolWindow, number>> = {
  hour: 3600 * SECOND,
  day: DAY,
  week: 7 * DAY,
  month: 31 * DAY,
};
/** So many turns that nobody saw are counted one by one: each takes a cap's worth of what is owed; more forgive it. */
const TURNS = 64;
/** Up to this share of its slots a pool of calls in flight is slack. */
const SLACK = 0.75;

/** Whole microseconds of a time in seconds. */
export function micro(now: number): number {
  return Math.floor(now * 1e6);
}

/** `(one * other + more) / by`, rounded down, and the remainder: exact, in numbers where they can hold it. */
function divided(one: number, other: number, more: number, by: number): [number, number] {
  const product = one * other + more;
  if (product <= Number.MAX_SAFE_INTEGER) return [Math.floor(product / by), product % by];
  const [whole, divisor] = [BigInt(one) * BigInt(other) + BigInt(more), BigInt(by)];
  return [Number(whole / divisor), Number(whole % divisor)];
}

/** An account's state as JSON data. */
export interface AccountData {
  kind: unknown[];
  used: number;
  mark: number;
  rest: number;
  until: number;
  shut: number;
  price: number[];
}

/** `used` counts what was drawn and not yet given again by time, with what is owed. */
export class Account {
  used = 0;
  reserved = 0;
  leased = 0;
  /** The next turn of a quota. */
  until: number;
  /** Nothing is admitted before this time: the provider said so. */
  shut = 0;
  readonly pool: Pool;
  readonly price: Price;
  readonly #zone: Zone;
  #mark: number;
  #rest = 0;

  constructor(pool: Pool, zone: Zone, now: number) {
    [this.pool, this.#zone, this.#mark, this.price] = [pool, zone, now, new Price(now)];
    this.until = pool.turn ? this.#turnAfter(now) : 0;
  }

  /** The part of `used` that the running window bears: with reservations and leases never more than the cap. */
  get drawn(): number {
    return Math.min(this.used, Math.max(0, this.pool.cap - this.reserved - this.leased));
  }

  /** The amount that may be reserved now, but for what the provider says. */
  get left(): number {
    return Math.max(0, this.pool.cap - this.used - this.reserved - this.leased);
  }

  /** Let time pass: refill, or turn. A clock that was set back refills nothing and turns nothing. */
  advance(now: number): void {
    if (this.pool.window > 0) this.#refill(now);
    else if (this.pool.turn) this.#turn(now, this.pool.turn);
    if (this.shut > now + DAY) this.shut = now + DAY;
  }

  #refill(now: number): void {
    const { cap, window } = this.pool;
    const passed = now - this.#mark;
    if (passed < 0) {
      // Within a window the mark stays, or an interval would be paid for twice.
      if (-passed > window) [this.#mark, this.#rest] = [now, 0];
      return;
    }
    const [back, rest] = divided(passed, cap, this.#rest, window);
    [this.#mark, this.#rest] = [now, rest];
    if (back >= this.used) [this.used, this.#rest] = [0, 0];
    else this.used -= back;
  }

  #turn(now: number, turn: PoolWindow): void {
    // The clock was far ahead when this window began: it ends with the true one, and what was drawn stays drawn.
    if (this.until - now > 2 * LENGTH[turn] + DAY) this.until = this.#turnAfter(now);
    for (let turns = 0; turns < TURNS && now >= this.until && this.used > 0; turns += 1) {
      this.used = this.pool.hard ? this.used - this.drawn : 0;
      this.until = this.#turnAfter(this.until);
    }
    if (this.until <= now) [this.used, this.until] = [0, this.#turnAfter(now)];
  }

  #turnAfter(now: number): number {
    return turnAfter(Math.floor(now / SECOND), this.pool.turn ?? "day", this.#zone) * SECOND;
  }

  /** The time from which it can cover this much, as far as is known: `now` if it can; null if it never will. */
  when(need: number, now: number): number | null {
    const { cap, window, turn } = this.pool;
    if (need > cap) return null;
    const missing = need + this.used + this.reserved + this.leased - cap;
    if (missing <= 0) return Math.max(now, this.shut);
    if (window > 0 && missing <= this.used) return Math.max(now, this.shut, this.#refilled(missing, now));
    // A turn forgives what was drawn; a call under way may have reserved more than it uses.
    const until = turn && this.used + this.leased + need > cap ? this.until : now + AGAIN;
    return Math.max(until, this.shut);
  }

  /** The time at which a rate is full again, if nobody takes anything. */
  full(now: number): number {
    return this.#refilled(this.used, now);
  }

  #refilled(amount: number, now: number): number {
    if (amount <= 0) return now;
    const { cap, window } = this.pool;
    const [wait, rest] = divided(amount, window, -this.#rest, cap);
    return Math.min(Number.MAX_SAFE_INTEGER, Math.max(now, this.#mark) + wait + (rest > 0 ? 1 : 0));
  }

  /** A call takes so much, as far as is known before it is sent. */
  hold(amount: number): void {
    if (this.pool.window > 0) this.used += amount;
    else this.reserved += amount;
    this.price.takes(amount);
  }

  /** It has used so much of what it held; `isOver`: its hold had lapsed before. */
  settle(amount: number, used: number, isOver = false): void {
    const { window, turn } = this.pool;
    if (window > 0 || (isOver && turn)) this.used = Math.min(MOST, Math.max(0, this.used + used - amount));
    else if (!isOver) {
      this.reserved -= amount;
      this.used = turn ? Math.min(MOST, this.used + used) : 0;
    }
    this.price.corrects(used - amount);
  }

  /** A call's hold ended without a word: it may have used all of it; in flight it is no more. */
  lapse(amount: number): void {
    if (this.pool.window > 0) return;
    this.reserved -= amount;
    this.used += this.pool.turn ? amount : 0;
  }

  /** So much of a lease was drawn. */
  spend(amount: number): void {
    this.leased -= amount;
    if (this.pool.unit === "concurrent") return;
    this.used += amount;
    this.price.takes(amount);
  }

  /** A lease ended without a word: of a quota it counts as drawn, else it lapses (P5). */
  endLease(amount: number): void {
    this.leased -= amount;
    this.used += this.pool.turn ? amount : 0;
  }

  /** The provider says that no more than this is left: somebody else has drawn the rest. */
  tighten(left: number, now: number): void {
    this.used += Math.max(0, this.left - left);
    this.advance(now);
  }

  /** The provider admits nothing before this time, a day from now at most. */
  close(until: number, now: number): void {
    this.shut = Math.max(this.shut, Math.min(until, now + DAY));
  }

  /** Move the price by the pace, where a tick is due (P7); true if it has moved. */
  tick(now: number): boolean {
    const { turn, window } = this.pool;
    const memory = turn ? Math.floor(LENGTH[turn] / 24) : Math.max(TICK, Math.floor(window / 2));
    return this.price.tick(this.#pressure, memory, now);
  }

  /** The excess of the pace, in minor units a microsecond, over what lasts; in caps a window. */
  readonly #pressure = (pace: number, now: number): number => {
    const { cap, window, turn } = this.pool;
    if (window > 0) return (pace * window) / cap - 1 - this.left / cap;
    if (turn) return ((pace - this.left / Math.max(1, this.until - now)) * LENGTH[turn]) / cap;
    return (this.reserved + this.leased) / cap - SLACK;
  };

  /** The terms under which the numbers below mean something; another cap is another cap of the same. */
  get #kind(): unknown[] {
    return [this.pool.unit, this.pool.window, this.pool.turn, this.pool.tz];
  }

  data(): AccountData {
    const { used, until, shut } = this;
    return { kind: this.#kind, used, mark: this.#mark, rest: this.#rest, until, shut, price: this.price.data() };
  }

  /** Take over what `data` gave; false for another kind of pool's, or what is no such thing: it says nothing. */
  restore(data: unknown): boolean {
    if (typeof data !== "object" || data === null) return false;
    const { kind, used, mark, rest, until, shut, price } = data as Partial<AccountData>;
    if (JSON.stringify(kind) !== JSON.stringify(this.#kind) || !isAmount(used)) return false;
    if (!isTime(mark) || !isTime(rest) || !isTime(until) || !isTime(shut)) return false;
    [this.used, this.#mark, this.until, this.shut] = [used, mark, until, shut];
    this.#rest = Math.min(rest, Math.max(0, this.pool.window - 1));
    this.price.restore(price);
    return true;
  }
}

/** True for a whole number of microseconds. */
export function isTime(x: unknown): x is number {
  return Number.isSafeInteger(x) && (x as number) >= 0;
}
