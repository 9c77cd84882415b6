/** One routed call as a state machine without I/O: interprets the plan that Python exports (docs/contracts.md §4). */
import type { Cooldowns } from "./cooldown";
import { SporewrightError } from "./errors";
import type { Action, ChainState, Ended, Outcome, Plan, Signal, When } from "./generated/calls";

/** How an attempt ended; `retry_after_s` is what the response asked for. */
export interface Ending {
  kind: "status" | "network" | "timeout" | "abort" | "prepare";
  status?: number;
  retry_after_s?: number;
}

const EVENT: Record<Exclude<Ending["kind"], "status">, Ended> = {
  network: "network",
  timeout: "timeout",
  abort: "aborted",
  prepare: "prepare",
};

function holds(when: When, ending: Ending): boolean {
  if (when.event !== undefined && (ending.kind === "status" || EVENT[ending.kind] !== when.event)) return false;
  if (when.retry_after !== undefined && (ending.retry_after_s !== undefined) !== when.retry_after) return false;
  if (when.status === undefined) return true;
  const [low, high] = when.status;
  return ending.kind === "status" && ending.status !== undefined && low <= ending.status && ending.status <= high;
}

/** The outcome of the plan's first row that holds. */
export function classify(ending: Ending, plan: Plan): Outcome {
  const row = plan.classes.find(({ when }) => holds(when, ending));
  if (!row) throw new SporewrightError("config", `no row of the plan classifies ${JSON.stringify(ending)}`);
  return row.outcome;
}

/** The attempts of one call over `queue`; options not in `upstreams` are skipped. Time is an argument, in seconds. */
export class AttemptChain {
  readonly attempts: string[] = [];
  /** Option → reason, in the order they were passed over. */
  readonly skipped = new Map<string, "no-upstream" | "cooling-down">();
  readonly #plan: Plan;
  readonly #upstreams: { has(option: string): boolean };
  readonly #cooldowns: Cooldowns;
  readonly #left: Set<string>;
  readonly #deadline: number;
  #lastResort = false;
  #state: ChainState = "PICKING";

  constructor(
    queue: readonly string[],
    upstreams: { has(option: string): boolean },
    { plan, cooldowns, now }: { plan: Plan; cooldowns: Cooldowns; now: number },
  ) {
    this.#plan = plan;
    this.#upstreams = upstreams;
    this.#cooldowns = cooldowns;
    this.#left = new Set(queue);
    this.#deadline = now + plan.limits.deadline_s;
  }

  get state(): ChainState {
    return this.#state;
  }

  /** The next option and the seconds it is given; null once nothing is left to try, and the chain is EXHAUSTED. */
  pick(now: number): { option: string; timeout_s: number } | null {
    const { limits } = this.#plan;
    const spent = now >= this.#deadline || this.attempts.length >= limits.max_attempts;
    const option = spent ? undefined : this.#next(now);
    this.#move(option === undefined ? "nothing_left" : "picked");
    if (option === undefined) return null;
    this.#left.delete(option);
    this.skipped.delete(option);
    this.attempts.push(option);
    return { option, timeout_s: Math.min(limits.attempt_timeout_s, this.#deadline - now) };
  }

  /** How the attempt picked last ended; carries out `cool_down` and `learn_ok` on the cooldowns. */
  ended(now: number, ending: Ending): { option: string; outcome: Outcome; actions: readonly Action[] } {
    const option = this.attempts.at(-1) ?? "";
    const outcome = classify(ending, this.#plan);
    const actions = this.#move(outcome);
    if (actions.includes("cool_down")) this.#cooldowns.coolDown(option, now, ending.retry_after_s);
    if (actions.includes("learn_ok")) this.#cooldowns.answered(option);
    return { option, outcome, actions };
  }

  /** The caller gave up between two attempts; a chain that has ended stays as it is. */
  abort(): void {
    if (this.#plan.transitions[this.#state]) this.#move("aborted");
  }

  #next(now: number): string | undefined {
    const cooling: string[] = [];
    for (const option of this.#left) {
      if (!this.#upstreams.has(option)) this.#skip(option, "no-upstream");
      else if (!this.#cooldowns.isCooling(option, now)) return option;
      else {
        this.#skip(option, "cooling-down");
        cooling.push(option);
      }
    }
    if (this.#lastResort) return undefined;
    this.#lastResort = cooling.length > 0;
    return cooling.length === 0 ? undefined : cooling.reduce((best, other) => this.#earlier(best, other));
  }

  #earlier(best: string, other: string): string {
    return this.#cooldowns.until(other) < this.#cooldowns.until(best) ? other : best;
  }

  #skip(option: string, reason: "no-upstream" | "cooling-down"): void {
    if (!this.skipped.has(option)) this.skipped.set(option, reason);
  }

  #move(signal: Signal): readonly Action[] {
    const step = this.#plan.transitions[this.#state]?.[signal];
    if (!step) throw new SporewrightError("protocol", `${signal}: the chain is ${this.#state}`);
    this.#state = step.to;
    return step.do;
  }
}
