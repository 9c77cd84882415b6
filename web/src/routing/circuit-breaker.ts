/** The breaker of one option: trips on evidence, probes one at a time, closes on evidence, comes back by degrees. */
import { EVEN, jittered } from "./cooldown";
import type { BreakerData, Limits, Plan } from "../generated/calls";

/** Yes; ask for the one probe; left alone until its time is over; turned away by chance while it comes back. */
export type Admission = "yes" | "ask" | "open" | "ramping";

const BUCKET_S = 5;

/** The same rules as `sporewright/routing/circuit_breaker.py`; times are seconds of one clock. */
export class CircuitBreaker {
  readonly #limits: Limits;
  readonly #ramp: readonly number[];
  readonly #buckets = new Map<number, [calls: number, failures: number]>();
  #state: BreakerData["state"] = "closed";
  #until = 0;
  #since = 0;
  #opened = 0;
  #inARow = 0;
  #successes = 0;
  #probeUntil = -Infinity;

  constructor({ limits, ramp }: Plan) {
    [this.#limits, this.#ramp] = [limits, ramp];
  }

  /** The answer to a call that wants to go there; `ramping`: chance turns this one away, and lets others in. */
  admits(now: number, chance = EVEN): Admission {
    if (this.#state === "open") return now < this.#until ? "open" : "ask";
    if (this.#state === "ramping") this.#climb(now);
    return this.#state === "ramping" && chance >= (this.#ramp[this.#stage(now)] ?? 1) ? "ramping" : "yes";
  }

  /** The time at which a probe may be asked for; −∞ if it may now. */
  returns(now: number): number {
    return this.#state === "open" && now < this.#until ? this.#until : -Infinity;
  }

  /** Take the one probe; false while another one is out, or it is not to be called now. */
  probe(now: number): boolean {
    if (this.admits(now) !== "ask") return this.#state !== "open";
    if (now < this.#probeUntil) return false;
    this.#probeUntil = now + this.#limits.probe_s;
    return true;
  }

  /** The probe has ended, with evidence or without. */
  release(): void {
    this.#probeUntil = -Infinity;
  }

  /** An answer. What comes in while it is open answers a call of before, and is no evidence. */
  succeeded(now: number): void {
    this.#inARow = 0;
    if (this.#state !== "open") {
      this.#count(now, 0);
      return;
    }
    if (now < this.#until) return;
    this.#successes += 1;
    if (this.#successes >= this.#limits.breaker_successes) [this.#state, this.#since] = ["ramping", now];
  }

  /** A fault: may trip; ends a half-open time at once, and takes a step back from a ramp. */
  failed(now: number, chance = EVEN): void {
    const limits = this.#limits;
    if (this.#state === "open") {
      if (now >= this.#until) this.#open(now, chance);
      return;
    }
    this.#inARow += 1;
    const [calls, failures] = this.#count(now, 1);
    const byRate = calls >= limits.breaker_calls && failures > limits.breaker_share * calls;
    if (this.#inARow >= limits.breaker_failures || byRate) this.#open(now, chance);
    else if (this.#state === "ramping") this.#since = now - Math.max(0, this.#stage(now) - 1) * limits.ramp_step_s;
  }

  /** The state as other tabs receive it. */
  data(): BreakerData {
    return { state: this.#state, until: this.#until, since: this.#since };
  }

  /** Take over what the engine of this profile knows. */
  told({ state, until, since }: BreakerData): void {
    if (state === "open" && this.#state !== "open") this.#successes = 0;
    [this.#state, this.#until, this.#since] = [state, until, since];
  }

  #open(now: number, chance: number): void {
    const limits = this.#limits;
    const own = Math.min(limits.breaker_open_s * 2 ** this.#opened, limits.breaker_cap_s);
    [this.#state, this.#until] = ["open", now + jittered(own, chance, limits.jitter)];
    this.#opened += 1;
    [this.#inARow, this.#successes] = [0, 0];
    this.#buckets.clear();
    this.release();
  }

  #stage(now: number): number {
    const [step, last] = [this.#limits.ramp_step_s, this.#ramp.length - 1];
    return step > 0 ? Math.min(Math.max(0, Math.floor((now - this.#since) / step)), last) : last;
  }

  #climb(now: number): void {
    if (now >= this.#since + this.#ramp.length * this.#limits.ramp_step_s) [this.#state, this.#opened] = ["closed", 0];
  }

  /** Calls and failures of the window, this one among them. */
  #count(now: number, failed: 0 | 1): [calls: number, failures: number] {
    const at = Math.floor(now / BUCKET_S);
    const oldest = at - Math.ceil(this.#limits.breaker_window_s / BUCKET_S);
    for (const bucket of this.#buckets.keys()) if (bucket <= oldest) this.#buckets.delete(bucket);
    const [calls, failures] = this.#buckets.get(at) ?? [0, 0];
    this.#buckets.set(at, [calls + 1, failures + failed]);
    return [...this.#buckets.values()].reduce(([all, lost], [more, bad]) => [all + more, lost + bad], [0, 0]);
  }
}
