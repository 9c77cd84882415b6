/** Cooldowns of options: as long as a Retry-After asks, else longer with each incident; never shortened. */
import type { Limits } from "../generated/calls";
import { tableOf } from "../base";

/** The chance that leaves every jittered wait as it is. */
export const EVEN = 0.5;

/** `seconds` times something between 1 − share and 1 + share, by a chance in [0, 1). */
export function jittered(seconds: number, chance: number, share: number): number {
  return seconds * (1 + share * (2 * chance - 1));
}

/** The same rules as `sporewright/routing/cooldown.py`; times are seconds on the caller's clock. */
export class Cooldowns {
  readonly #limits: Limits;
  readonly #until = new Map<string, number>();
  readonly #incidents = new Map<string, number>();

  constructor(limits: Limits) {
    this.#limits = limits;
  }

  /** The time at which the option returns; −∞ if it never was away. */
  until(option: string): number {
    return this.#until.get(option) ?? -Infinity;
  }

  isCooling(option: string, now: number): boolean {
    return now < this.until(option);
  }

  /** One more refusal: the new `until`. A failure while the option is cooling down is the same incident. */
  coolDown(option: string, now: number, retryAfter?: number, chance = EVEN): number {
    if (!this.isCooling(option, now)) this.#incidents.set(option, (this.#incidents.get(option) ?? 0) + 1);
    return this.extend(option, now + this.#wait(this.#incidents.get(option) ?? 1, retryAfter, chance));
  }

  /** Leave the option alone at least until then (told by another tab); the later of the two. */
  extend(option: string, until: number): number {
    const later = Math.max(until, this.until(option));
    this.#until.set(option, later);
    return later;
  }

  /** Take over what the engine of this profile knows: an earlier end, too. */
  told(option: string, until: number): void {
    this.#until.set(option, until);
  }

  /** The option served a call: its next incident is the first again; a running cooldown stays. */
  answered(option: string): void {
    this.#incidents.delete(option);
  }

  /** As if it had never been away. */
  forget(option: string): void {
    this.#until.delete(option);
    this.#incidents.delete(option);
  }

  /** Option → until, of those still cooling down. */
  active(now: number): Record<string, number> {
    return tableOf([...this.#until].filter(([, until]) => now < until));
  }

  #wait(incidents: number, retryAfter: number | undefined, chance: number): number {
    const limits = this.#limits;
    const doublings = 2 ** Math.min(incidents - 1, 60);
    const own = Math.min(limits.cooldown_s * doublings, limits.cooldown_cap_s);
    if (retryAfter === undefined || !(retryAfter >= 0)) return jittered(own, chance, limits.jitter);
    // The server knows best when it can answer; one that refuses again at the time it named is asked less often.
    const least = incidents === 1 ? 0 : Math.min(limits.backoff_s * doublings, limits.cooldown_cap_s);
    return Math.max(jittered(least, chance, limits.jitter), Math.min(retryAfter, limits.retry_after_cap_s));
  }
}
