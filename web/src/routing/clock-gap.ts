/** Gaps in the clock: a tab that was frozen, a laptop that slept, a clock that was set. */
import type { Limits } from "../generated/calls";

/** The same rules as `sporewright/routing/clock_gap.py`; `wall` and `steady` are two clocks, both in seconds. */
export class Gaps {
  readonly #limits: Limits;
  #wall: number;
  #steady: number;
  #wasHidden = false;

  constructor(wall: number, steady: number, limits: Limits) {
    [this.#wall, this.#steady, this.#limits] = [wall, steady, limits];
  }

  /** Seconds to be taken out of what is waited for; negative where the clock was set back, 0 where all is well. */
  seen(wall: number, steady: number, { hidden = false, frozen = false } = {}): number {
    const { gap_s, gap_hidden_s, tick_s } = this.#limits;
    const [elapsed, ran] = [wall - this.#wall, steady - this.#steady];
    const late = hidden || this.#wasHidden ? gap_hidden_s : gap_s;
    [this.#wall, this.#steady, this.#wasHidden] = [wall, steady, hidden];
    if (elapsed < ran - gap_s) return elapsed - ran;
    return frozen || elapsed > tick_s + late ? Math.max(0, elapsed - tick_s) : 0;
  }
}
