/** Options that this page may not reach, with the reason: gated for a time, longer each time it is found so again. */
import { Cooldowns, EVEN } from "./cooldown";
import type { Block, BlockData, Limits } from "../generated/calls";

/** The same rules as `sporewright/routing/quarantine.py`; times are seconds on the caller's clock. */
export class Quarantine {
  readonly #until: Cooldowns;
  readonly #reasons = new Map<string, Block>();

  constructor(limits: Limits) {
    this.#until = new Cooldowns({ ...limits, cooldown_s: limits.block_s, cooldown_cap_s: limits.block_cap_s });
  }

  /** True if it is gated; at `until` itself it may be tried again. */
  isBlocked(option: string, now: number): boolean {
    return this.#reasons.has(option) && this.#until.isCooling(option, now);
  }

  /** This page may not reach it: found once more. */
  block(option: string, now: number, reason: Block, chance = EVEN): void {
    this.#until.coolDown(option, now, undefined, chance);
    this.#reasons.set(option, reason);
  }

  /** It answered: the gate is gone, and the next one is the first again. */
  lift(option: string): void {
    if (this.#reasons.delete(option)) this.#until.forget(option);
  }

  /** The reason and the end; a gate that is over stays until it is lifted or renewed. */
  data(option: string): BlockData | null {
    const reason = this.#reasons.get(option);
    return reason === undefined ? null : { reason, until: this.#until.until(option) };
  }

  /** Take over what the engine of this profile knows. */
  told(option: string, data: BlockData | null): void {
    this.lift(option);
    if (!data) return;
    this.#until.extend(option, data.until);
    this.#reasons.set(option, data.reason);
  }
}
