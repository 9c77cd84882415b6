/** The price of a pool: moved once a tick by the pace at which it is drawn on (P7, B4); as `pools/price.py`. */
import { measures } from "./declared";

/** The least time between two moves. */
export const TICK = 5_000_000;
const MAX_PRICE = 1e300;
/** The share of the newest draw in the mean. */
const NEWEST = 0.05;

/** λ of an ordinary draw, and what it is moved by. Amounts are minor units, times microseconds. */
export class Price {
  #at: number;
  #since = 0;
  #value = 0;
  #pace = 0;
  #mean = 0;

  constructor(now: number) {
    this.#at = now;
  }

  /** The price of one minor unit, 0 while the pool is slack. */
  get each(): number {
    return this.#mean > 0 ? this.#value / this.#mean : 0;
  }

  /** So much was drawn by one call, as far as is known. */
  takes(amount: number): void {
    this.#since += amount;
    this.#mean += (amount - this.#mean) * (this.#mean > 0 ? NEWEST : 1);
  }

  /** It was so much more. */
  corrects(difference: number): void {
    this.#since += difference;
  }

  /** Move by the pressure of the pace, smoothed over `memory`; true if the price is another one now. */
  tick(pressure: (pace: number, now: number) => number, memory: number, now: number): boolean {
    const passed = now - this.#at;
    if (passed < TICK) {
      this.#at = Math.min(this.#at, now); // of a clock that was set back
      return false;
    }
    this.#pace += (passed / (passed + memory)) * (Math.max(0, this.#since) / passed - this.#pace);
    [this.#at, this.#since] = [now, 0];
    const force = Math.min(1, Math.max(-1, pressure(this.#pace, now)));
    const [before, share] = [this.#value, Math.min(1, passed / memory)];
    const moved = before + share * force * (force > 0 ? 1 : Math.max(1, before));
    this.#value = Math.min(MAX_PRICE, Math.max(0, moved));
    return this.#value !== before;
  }

  data(): number[] {
    return [this.#at, this.#since, this.#value, this.#pace, this.#mean];
  }

  /** Take over what `data` gave; anything else is passed over. */
  restore(data: unknown): void {
    if (!Array.isArray(data) || data.length !== 5) return;
    const [at, since, ...rest] = data as [number, number, number, number, number];
    if (!Number.isInteger(at) || !Number.isInteger(since) || !rest.every(measures)) return;
    [this.#at, this.#since, [this.#value, this.#pace, this.#mean]] = [at, since, rest];
  }
}
