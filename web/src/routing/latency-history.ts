/** The time until an option begins to answer, from its last answers: its p95, and the two limits drawn from it. */
import type { Limits } from "../generated/calls";

/** The last `history` times to the first token (or the headers) of one option; as `sporewright/routing/latency_history.py`. */
export class LatencyHistory {
  readonly #limits: Limits;
  readonly #seconds: number[] = [];
  #told: number | null = null;

  constructor(limits: Limits) {
    this.#limits = limits;
  }

  /** One more; what is negative or not finite says nothing. */
  add(seconds: number): void {
    if (!Number.isFinite(seconds) || seconds < 0) return;
    this.#seconds.push(seconds);
    if (this.#seconds.length > this.#limits.history) this.#seconds.shift();
  }

  /** Take over the p95 that the engine of this profile knows; it holds until this page knows enough itself. */
  told(p95: number | null): void {
    this.#told = p95;
  }

  /** The 95th percentile by nearest rank; before `history_min` answers, and before the first, what was told. */
  get p95(): number | null {
    const { length } = this.#seconds;
    if (length < Math.max(1, this.#limits.history_min)) return this.#told;
    return this.#seconds.toSorted((one, other) => one - other)[Math.ceil(0.95 * length) - 1] ?? null;
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
