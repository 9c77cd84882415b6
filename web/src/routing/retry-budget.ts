/** A budget for calls that nobody asked for: a share of those that were, and a trickle besides. */

/** The same rules as `sporewright/routing/retry_budget.py`; times are seconds of one clock. */
export class Budget {
  readonly #share: number;
  readonly #perSecond: number;
  readonly #cap: number;
  #tokens: number;
  #mark: number | null = null;

  constructor(share: number, perSecond: number, cap: number, start = 0) {
    [this.#share, this.#perSecond, this.#cap, this.#tokens] = [share, perSecond, cap, Math.min(start, cap)];
  }

  /** One call was made. */
  called(): void {
    this.#tokens = Math.min(this.#cap, this.#tokens + this.#share);
  }

  /** Take a whole token if there is one. */
  spend(now: number): boolean {
    if (this.#mark !== null && now > this.#mark)
      this.#tokens = Math.min(this.#cap, this.#tokens + (now - this.#mark) * this.#perSecond);
    this.#mark = this.#mark === null ? now : Math.max(now, this.#mark);
    // Twenty shares of 0.05 are a whole token, whatever floating point makes of their sum.
    if (this.#tokens < 1 - 1e-9) return false;
    this.#tokens -= 1;
    return true;
  }
}
