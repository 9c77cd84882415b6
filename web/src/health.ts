/** All that is kept of the options between calls: cooldowns, breakers, histories, and the two budgets. */
import { Blocks } from "./blocks";
import { Breaker, type Admission } from "./breaker";
import { Budget } from "./budget";
import { Cooldowns, EVEN } from "./cooldown";
import type { Action, Block, OptionHealth, Permit, Plan } from "./generated/calls";
import { History } from "./history";
import { tableOf } from "./table";
import type { SeenHealth } from "./types";

export type Admits = Admission | "cooling-down" | "blocked";

/** What an attempt's end brings besides its actions. */
export interface Evidence {
  retryAfter?: number | undefined;
  firstToken?: number | undefined;
  streaming?: boolean;
  chance?: number;
  /** Why it is gated, where it is. */
  reason?: Block | undefined;
}

/** The same rules as `sporewright/routing/health.py`; once an engine is up it is the one that all tabs share, told here. */
export class Health {
  readonly cooldowns: Cooldowns;
  readonly blocks: Blocks;
  readonly #plan: Plan;
  readonly #breakers = new Map<string, Breaker>();
  readonly #streams = new Map<string, History>();
  readonly #others = new Map<string, History>();
  readonly #retries: Budget;
  readonly #hedges: Budget;

  constructor(plan: Plan) {
    const { limits } = plan;
    this.#plan = plan;
    this.cooldowns = new Cooldowns(limits);
    this.blocks = new Blocks(limits);
    this.#retries = new Budget(limits.retry_share, limits.retry_per_s, limits.retry_cap, limits.retry_cap);
    this.#hedges = new Budget(limits.hedge_share, 0, limits.hedge_cap);
  }

  /** The option's breaker; closed before anything is known. */
  breaker(option: string): Breaker {
    return madeIn(this.#breakers, option, () => new Breaker(this.#plan));
  }

  /** The option's history, of streams or of everything else. */
  history(option: string, streaming: boolean): History {
    return madeIn(streaming ? this.#streams : this.#others, option, () => new History(this.#plan.limits));
  }

  /** Whether a call may go there now, and why not. */
  admits(option: string, now: number, chance = EVEN): Admits {
    if (this.blocks.isBlocked(option, now)) return "blocked";
    if (this.cooldowns.isCooling(option, now)) return "cooling-down";
    return this.#breakers.get(option)?.admits(now, chance) ?? "yes";
  }

  /** When it may be asked again; −∞ if it may now. */
  returns(option: string, now: number): number {
    return Math.max(this.cooldowns.until(option), this.#breakers.get(option)?.returns(now) ?? -Infinity);
  }

  /** A call was made that its caller wanted: it pays its share into both budgets. */
  called(): void {
    this.#retries.called();
    this.#hedges.called();
  }

  /** Ask for what is rationed; true takes it. */
  permit(kind: Permit, option: string, now: number): boolean {
    if (kind === "probe") return this.breaker(option).probe(now);
    return (kind === "retry" ? this.#retries : this.#hedges).spend(now);
  }

  /** The probe of this option has ended. */
  release(option: string): void {
    this.#breakers.get(option)?.release();
  }

  /** Carry out what an attempt's transition asks of this state. */
  apply(option: string, actions: readonly Action[], now: number, evidence: Evidence = {}): void {
    const { retryAfter, firstToken, streaming = false, chance = EVEN, reason = "client" } = evidence;
    if (actions.includes("cool_down")) this.cooldowns.coolDown(option, now, retryAfter, chance);
    if (actions.includes("gate")) this.blocks.block(option, now, reason, chance);
    if (actions.includes("mend")) this.blocks.lift(option);
    if (actions.includes("learn_ok")) this.cooldowns.answered(option);
    if (actions.includes("trip")) this.breaker(option).failed(now, chance);
    else if (actions.includes("mend")) this.breaker(option).succeeded(now);
    if (actions.includes("pace") && firstToken !== undefined) this.history(option, streaming).add(firstToken);
  }

  /** What decides about these options now; nothing of those that never were away. */
  seen(options: readonly string[]): Record<string, SeenHealth> {
    const seen = new Map<string, SeenHealth>();
    for (const option of options) {
      const until = this.cooldowns.until(option);
      const breaker = this.#breakers.get(option)?.data();
      const blocked = this.blocks.data(option);
      if (blocked) seen.set(option, { blocked });
      if (until > -Infinity) seen.set(option, { ...seen.get(option), cooling_until: until });
      if (breaker && breaker.state !== "closed") seen.set(option, { ...seen.get(option), breaker });
    }
    return tableOf(seen);
  }

  /** Take over what the engine says of an option; a cooldown is extended, never shortened. */
  told({ option, cooling_until, blocked, breaker, first_token_p95_s, headers_p95_s }: OptionHealth): void {
    if (cooling_until > 0) this.cooldowns.extend(option, cooling_until);
    this.blocks.told(option, blocked);
    this.breaker(option).told(breaker);
    this.history(option, true).told(first_token_p95_s);
    this.history(option, false).told(headers_p95_s);
  }
}

function madeIn<T>(map: Map<string, T>, key: string, make: () => T): T {
  const found = map.get(key);
  if (found !== undefined) return found;
  const made = make();
  map.set(key, made);
  return made;
}
