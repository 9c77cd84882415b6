/** The reports on one call's attempts: which steps the learner is told of; the twin of `attempt_reports.py`. */
import type { AttemptChain } from "./attempt-chain";
import type { Ending } from "./classify";
import type { Step } from "./decisions";
import type { Health } from "./health";
import type { Outcome, OutcomeBody, Plan } from "../generated/calls";

/** They tell how long was waited for an answer, not for the headers before it. */
const WAITED: readonly Outcome[] = ["slow_start", "timed_out", "deadline"];

/** The measures of an attempt, taken by whoever carries it out. */
export interface Measured {
  /** Its seconds so far. */
  took: number;
  /** Seconds until its headers. */
  headers?: number | undefined;
  status?: number | undefined;
  /** As the provider counted them, once the answer has ended. */
  tokens?: { in?: number; out?: number; cached?: number } | undefined;
  /** A digest of its option's keys. */
  credential?: string | undefined;
}

/** The body of an `outcome`. */
export interface Report {
  attempt: number;
  body: OutcomeBody;
  /** With it the option is set aside, of which its operator is to be told. */
  setsAside: boolean;
}

type Told = Omit<OutcomeBody, "option" | "outcome" | "streaming" | "attempt" | "task">;

/** Each reply is to be told at once and in its order. `health` is that of the chain. */
export class AttemptReports {
  readonly #chain: AttemptChain;
  readonly #health: Health;
  readonly #plan: Plan;
  readonly #streaming: boolean;
  readonly #task: string | undefined;
  readonly #told = new Set<number>();
  /** They refused for no known reason: a failure of theirs once another option answers, else the caller's mistake. */
  #unexplained: { attempt: number; step: Step; credential: string | undefined }[] = [];

  constructor(
    chain: AttemptChain,
    { health, plan }: { health: Health; plan: Plan },
    { streaming = false, task }: { streaming?: boolean | undefined; task?: string | undefined },
  ) {
    [this.#chain, this.#health, this.#plan, this.#streaming, this.#task] = [chain, health, plan, streaming, task];
  }

  /** True if something was told of this attempt: what is measured of it later comes too late. */
  isTold(attempt: number): boolean {
    return this.#told.has(attempt);
  }

  /**
   * Reports on a step, if anything is to be learned of it, or on a probe's end in any case. `ending`: the one that led to
   * it, if it ended the attempt by itself.
   */
  step(now: number, attempt: number, step: Step, measured: Measured, ending: Partial<Ending> = {}): Report[] {
    const [{ outcome, stage, actions, aside, model }, { teaches }] = [step, this.#plan];
    const probe = this.#chain.isProbe(attempt);
    const isEnd = !this.#told.has(attempt) && !this.#chain.running.includes(attempt);
    if (!actions.some((action) => teaches.includes(action)) && !(probe && isEnd)) return [];
    const { key, keys } = this.#chain.keysOf(attempt);
    const { in: tokens_in, out: tokens_out, cached: tokens_cached } = measured.tokens ?? {};
    const own = this.#report(attempt, outcome, {
      ...{ latency_s: latency(outcome, measured), probe, stage, first_token_s: step.firstToken },
      ...{ status: measured.status, retry_after_s: ending.retry_after_s, reason: aside ?? ending.reason, model },
      credential: aside === undefined ? undefined : measured.credential,
      slept: this.#chain.isUntimed(attempt) || undefined,
      ...(keys > 1 ? { key, keys } : {}),
      ...{ tokens_in, tokens_out, tokens_cached },
    });
    if (outcome === "unexplained") this.#unexplained.push({ attempt, step, credential: measured.credential });
    return actions.includes("learn_ok") ? [own, ...this.#outdone(now)] : [own];
  }

  /**
   * Reports on an attempt that was given up, or has lost a race. One that was raced for its silence has failed by that;
   * of any other a probe's end is told, and nothing else.
   */
  left(now: number, attempt: number, outcome: "aborted" | "lost", measured: Measured): Report[] {
    const step = this.#chain.outrun.get(attempt);
    if (step) return this.step(now, attempt, step, measured);
    if (!this.#chain.isProbe(attempt)) return [];
    return [this.#report(attempt, outcome, { latency_s: latency(outcome, measured), probe: true })];
  }

  /** Reports on the options that refused a request which another option has answered now. */
  #outdone(now: number): Report[] {
    return this.#unexplained.splice(0).map(({ attempt, step, credential }) => {
      // It has failed, or declined for what its status said; the end of a probe was told with the refusal.
      const { option, aside } = step;
      if (aside === undefined) return this.#report(attempt, "unexplained", { stage: "PICKING", probe: false });
      this.#health.apply(option, ["set_aside"], now, { aside });
      const about = { stage: "PICKING" as const, probe: false, reason: aside, credential };
      return { ...this.#report(attempt, "declined", about), setsAside: true };
    });
  }

  #report(attempt: number, outcome: Outcome, more: Told): Report {
    this.#told.add(attempt);
    const said = { streaming: this.#streaming, attempt: attempt + 1, ...more };
    const task = this.#task === undefined ? {} : { task: this.#task };
    const option = this.#chain.attempts[attempt] ?? "";
    return { attempt, body: { option, outcome, ...said, ...task }, setsAside: false };
  }
}

function latency(outcome: Outcome, { took, headers = took }: Measured): number {
  return WAITED.includes(outcome) ? took : headers;
}
