/** Options set aside because they declined for a reason of their own: asked last, then probed, longer each time. */
import { Cooldowns } from "./cooldown";
import type { Aside, AsideData, Limits } from "../generated/calls";

/** The same rules as `sporewright/routing/declined.py`; times are seconds on the caller's clock. */
export class DeclinedOptions {
  readonly #until: Cooldowns;
  readonly #data = new Map<string, AsideData>();
  readonly #probes = new Map<string, number>();
  readonly #probe: number;

  constructor(limits: Limits) {
    const { aside_s: cooldown_s, aside_cap_s: cooldown_cap_s, probe_s } = limits;
    // No jitter: one probe at a time goes there, and the operator who mends a key may count on the time told.
    this.#until = new Cooldowns({ ...limits, cooldown_s, cooldown_cap_s, jitter: 0 });
    this.#probe = probe_s;
  }

  /** The answer to a call that asks for `model`; `ask`: the time is over, and it may go as the one probe. */
  admits(option: string, now: number, model?: string): "yes" | "ask" | "set-aside" {
    const data = this.#data.get(option);
    if (!data || (data.reason === "model" && data.model !== model)) return "yes";
    return this.#until.isCooling(option, now) ? "set-aside" : "ask";
  }

  /** Take the one probe of an option whose time is over; false while another one is out. */
  probe(option: string, now: number): boolean {
    if (now < (this.#probes.get(option) ?? -Infinity)) return false;
    if (this.#data.has(option) && !this.#until.isCooling(option, now)) this.#probes.set(option, now + this.#probe);
    return true;
  }

  /** The probe has ended, with evidence or without. */
  release(option: string): void {
    this.#probes.delete(option);
  }

  /** It declined: once more, where it was set aside before and has not answered since. */
  setAside(option: string, now: number, reason: Aside, more: { retryAfter?: number; model?: string } = {}): void {
    this.#until.coolDown(option, now, more.retryAfter);
    const model = more.model === undefined ? {} : { model: more.model };
    this.#data.set(option, { reason, until: this.#until.until(option), ...model });
  }

  /** The digest of the key that was declined, so that another key is known as another one. */
  sign(option: string, credential: string): void {
    const data = this.#data.get(option);
    if (data) this.#data.set(option, { ...data, credential });
  }

  /** It answered, or what it was set aside for has been changed: the next time is the first again. */
  lift(option: string): void {
    if (!this.#data.delete(option)) return;
    this.#until.forget(option);
    this.release(option);
  }

  /** The reason and the end; one whose time is over stays until it is lifted or renewed. */
  data(option: string): AsideData | null {
    return this.#data.get(option) ?? null;
  }

  /** Take over what the engine of this profile knows. */
  told(option: string, data: AsideData | null): void {
    if (!data) {
      this.lift(option);
      return;
    }
    this.#data.set(option, data);
    this.#until.told(option, data.until);
  }
}
