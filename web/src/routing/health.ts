/** All that is kept of the options between calls: cooldowns, breakers, histories, and the two budgets. */
import { DeclinedOptions } from "./declined";
import { Quarantine } from "./quarantine";
import { CircuitBreaker, type Admission } from "./circuit-breaker";
import { Budget } from "./retry-budget";
import { Cooldowns, EVEN } from "./cooldown";
import { Keys } from "./keys";
import type { Action, Aside, AsideData, Block, OptionHealth, Permit, Plan } from "../generated/calls";
import { LatencyHistory } from "./latency-history";
import { tableOf } from "../base";
import type { SeenHealth } from "../types";

export type Admits = Admission | "cooling-down" | "blocked" | "set-aside";

/** The evidence that an attempt's end brings besides its actions. */
export interface Evidence {
  retryAfter?: number | undefined;
  firstToken?: number | undefined;
  streaming?: boolean;
  chance?: number;
  /** The reason for which it is gated, if it is. */
  reason?: Block | undefined;
  /** The reason for which it is set aside, if it is. */
  aside?: Aside | undefined;
  /** The number of the option's key that was used. */
  key?: number;
  /** The model asked for. */
  model?: string | undefined;
}

/** The same rules as `sporewright/routing/health.py`; once an engine is up it is the one that all tabs share, told here. */
export class Health {
  readonly cooldowns: Cooldowns;
  readonly blocks: Quarantine;
  readonly asides: DeclinedOptions;
  readonly keys: Keys;
  readonly #plan: Plan;
  readonly #breakers = new Map<string, CircuitBreaker>();
  readonly #streams = new Map<string, LatencyHistory>();
  readonly #others = new Map<string, LatencyHistory>();
  readonly #retries: Budget;
  readonly #hedges: Budget;

  constructor(plan: Plan) {
    const { limits } = plan;
    this.#plan = plan;
    this.cooldowns = new Cooldowns(limits);
    this.blocks = new Quarantine(limits);
    [this.asides, this.keys] = [new DeclinedOptions(limits), new Keys(limits)];
    this.#retries = new Budget(limits.retry_share, limits.retry_per_s, limits.retry_cap, limits.retry_cap);
    this.#hedges = new Budget(limits.hedge_share, 0, limits.hedge_cap);
  }

  /** Its key or model is another one now: what it was set aside for is gone. */
  changed(option: string): void {
    this.asides.lift(option);
    this.keys.forget(option);
  }

  /** The option's breaker; closed before anything is known. */
  breaker(option: string): CircuitBreaker {
    return madeIn(this.#breakers, option, () => new CircuitBreaker(this.#plan));
  }

  /** The option's history, of streams or of everything else. */
  history(option: string, streaming: boolean): LatencyHistory {
    return madeIn(streaming ? this.#streams : this.#others, option, () => new LatencyHistory(this.#plan.limits));
  }

  /** The answer to a call, for this model, that wants to go there now: yes, or the reason against it. */
  admits(option: string, now: number, chance = EVEN, model?: string): Admits {
    if (this.blocks.isBlocked(option, now)) return "blocked";
    if (this.cooldowns.isCooling(option, now)) return "cooling-down";
    const aside = this.asides.admits(option, now, model);
    if (aside === "set-aside") return aside;
    const admits = this.#breakers.get(option)?.admits(now, chance) ?? "yes";
    return admits === "yes" ? aside : admits;
  }

  /** The time at which it may be asked again; −∞ if it may now. */
  returns(option: string, now: number): number {
    return Math.max(this.cooldowns.until(option), this.#breakers.get(option)?.returns(now) ?? -Infinity);
  }

  /**
   * True if a call, for this model, may go there at that time without a permit, as far as is known now. `admits` cannot
   * be asked about a time to come: it moves a ramp on.
   */
  isReady(option: string, at: number, model?: string): boolean {
    return (
      !this.cooldowns.isCooling(option, at) &&
      !this.blocks.isBlocked(option, at) &&
      this.asides.admits(option, at, model) === "yes" &&
      this.#breakers.get(option)?.data().state !== "open"
    );
  }

  /**
   * The time, from `at` on, at which a call for this model may go there or ask to, as far as is known now. ∞: a gate and
   * a refusal of its own are not waited for.
   */
  freeFrom(option: string, at: number, model?: string): number {
    if (this.blocks.isBlocked(option, at) || this.asides.admits(option, at, model) === "set-aside") return Infinity;
    return Math.max(at, this.returns(option, at));
  }

  /** A call was made that its caller wanted: it pays its share into both budgets. */
  called(): void {
    this.#retries.called();
    this.#hedges.called();
  }

  /** Ask for what is rationed; true takes it. */
  permit(kind: Permit, option: string, now: number): boolean {
    if (kind === "probe") return this.asides.probe(option, now) && this.breaker(option).probe(now);
    return (kind === "retry" ? this.#retries : this.#hedges).spend(now);
  }

  /** The probe of this option has ended. */
  release(option: string): void {
    this.asides.release(option);
    this.#breakers.get(option)?.release();
  }

  /** Carry out what an attempt's transition asks of this state. */
  apply(option: string, actions: readonly Action[], now: number, evidence: Evidence = {}): void {
    const { retryAfter, firstToken, streaming = false, chance = EVEN, reason = "client" } = evidence;
    const { aside, key = 0, model } = evidence;
    const later = retryAfter === undefined ? {} : { retryAfter };
    if (actions.includes("cool_down")) this.cooldowns.coolDown(option, now, retryAfter, chance);
    if (actions.includes("gate")) this.blocks.block(option, now, reason, chance);
    if (actions.includes("mend")) this.blocks.lift(option);
    if (actions.includes("set_aside") && aside)
      this.asides.setAside(option, now, aside, { ...later, ...(model === undefined ? {} : { model }) });
    if (actions.includes("learn_ok")) {
      this.cooldowns.answered(option);
      this.asides.lift(option);
      this.keys.answered(option, key, now);
    }
    if (actions.includes("trip")) this.breaker(option).failed(now, chance);
    else if (actions.includes("mend")) this.breaker(option).succeeded(now);
    if (actions.includes("pace") && firstToken !== undefined) this.history(option, streaming).add(firstToken);
  }

  /** The health that decides about these options now; nothing of those that never were away. */
  seen(options: readonly string[]): Record<string, SeenHealth> {
    const seen = new Map<string, SeenHealth>();
    for (const option of options) {
      const until = this.cooldowns.until(option);
      const breaker = this.#breakers.get(option)?.data();
      const [blocked, aside, keys] = [this.blocks.data(option), this.asides.data(option), this.keys.data(option)];
      if (aside) seen.set(option, { aside: withoutDigest(aside) });
      if (keys.length > 0) seen.set(option, { ...seen.get(option), keys });
      if (blocked) seen.set(option, { ...seen.get(option), blocked });
      if (until > -Infinity) seen.set(option, { ...seen.get(option), cooling_until: until });
      if (breaker && breaker.state !== "closed") seen.set(option, { ...seen.get(option), breaker });
    }
    return tableOf(seen);
  }

  /** Take over what the engine says of an option; a cooldown is extended, never shortened. */
  told({ option, cooling_until, blocked, aside = null, keys = [], breaker, ...p95 }: OptionHealth): void {
    if (cooling_until > 0) this.cooldowns.extend(option, cooling_until);
    this.blocks.told(option, blocked);
    this.asides.told(option, aside);
    this.keys.told(option, keys);
    this.breaker(option).told(breaker);
    this.history(option, true).told(p95.first_token_p95_s);
    this.history(option, false).told(p95.headers_p95_s);
  }
}

/** As a receipt may hold it. */
function withoutDigest({ reason, until, model }: AsideData): AsideData {
  return { reason, until, ...(model === undefined ? {} : { model }) };
}

function madeIn<T>(map: Map<string, T>, key: string, make: () => T): T {
  const found = map.get(key);
  if (found !== undefined) return found;
  const made = make();
  map.set(key, made);
  return made;
}
