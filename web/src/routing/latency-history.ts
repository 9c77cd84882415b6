/** The time until an option begins to answer, from its last answers: its p95, and the two limits drawn from it. */
import type { Limits } from "../generated/calls";

/** The last `history` times to the first token (or the headers) of one option; as `sporewright/routing/latency_history.py`. */
export class LatencyHistory {
  readonly #limits: Limits;
  readonly #seconds: number[] = [];
  /** The same times in ascending order. */
  readonly #sorted: number[] = [];
  #told: number | null = null;
  #lostAt: number | null = null;
  #failed = false;

  constructor(limits: Limits) {
    this.#limits = limits;
  }

  /** One more; what is negative or not finite says nothing. */
  add(seconds: number): void {
    if (!Number.isFinite(seconds) || seconds < 0) return;
    this.#seconds.push(seconds);
    this.#sorted.splice(this.#rankOf(seconds), 0, seconds);
    if (this.#seconds.length <= this.#limits.history) return;
    const oldest = this.#seconds.shift();
    if (oldest !== undefined) this.#sorted.splice(this.#rankOf(oldest), 1);
  }

  /** Take over the p95 that the engine of this profile knows; it holds until this page knows enough itself. */
  told(p95: number | null): void {
    this.#told = p95;
  }

  /** The 95th percentile by nearest rank; before `history_min` answers, and before the first, what was told. */
  get p95(): number | null {
    const { length } = this.#seconds;
    if (length < Math.max(1, this.#limits.history_min)) return this.#told;
    return this.#sorted[Math.ceil(0.95 * length) - 1] ?? null;
  }

  /**
   * The silence in seconds after which another option is asked beside this one, of a call that has `left` seconds left.
   * Two thirds, as in Patience. An option that takes longer as a rule has until its p95, before `history_min` answers
   * until twice the longest of them: of its good calls one in twenty is raced. But a sixth is left to the next one. One
   * of which nothing is known has that long on trial: as a probe, and after its first lost race until the next.
   */
  raceAfter(left: number, probe: boolean): number {
    const onTrial = probe || (this.#lostAt !== null && !this.#failed) ? Infinity : 0;
    const usual = this.p95 ?? 2 * (this.#longest ?? onTrial);
    return Math.max((left * 2) / 3, Math.min(usual, (left * 5) / 6));
  }

  /**
   * It has lost a race for a silence that was all of its call's time; true if that is a failure. Of an option of which
   * nothing is known the first one is none, nor any that had begun by then: one that is only slow has been silent as
   * long. A probe that is silent fails.
   */
  lost(began: number, now: number, silence: number, probe: boolean): boolean {
    const usual = this.p95 ?? this.#longest;
    if (usual !== null) return silence >= usual;
    this.#lostAt ??= now;
    this.#failed ||= began >= this.#lostAt;
    return probe || began >= this.#lostAt;
  }

  /** The number of times that are less. */
  #rankOf(seconds: number): number {
    let [low, high] = [0, this.#sorted.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#sorted[middle] ?? Infinity) < seconds) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  get #longest(): number | null {
    return this.#sorted.at(-1) ?? null;
  }

  /** The time limit for a first token: twice the p95 within the plan's bounds, or the plan's own. */
  get firstToken(): number {
    const { p95 } = this;
    const { first_token_s, first_token_min_s, first_token_max_s } = this.#limits;
    return p95 === null ? first_token_s : Math.min(Math.max(2 * p95, first_token_min_s), first_token_max_s);
  }

  /** The length from which a silence is evidence against the option: at least the shortest first-token limit. */
  get telling(): number {
    return Math.max(this.#limits.first_token_min_s, 2 * (this.p95 ?? 0));
  }
}
