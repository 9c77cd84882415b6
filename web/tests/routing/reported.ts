/** The reports on a trace's attempts, measured as a driver measures; the twin of `tests/routing/reported.py`. */
import type { AttemptChain } from "../../src/routing/attempt-chain";
import { AttemptReports, type Measured, type Report } from "../../src/routing/attempt-reports";
import type { Ending } from "../../src/routing/classify";
import type { Step } from "../../src/routing/decisions";
import type { Health } from "../../src/routing/health";
import type { OutcomeBody, Plan } from "../../src/generated/calls";

/** What an event says of what was measured. */
export interface Said {
  kind: string;
  status?: number | undefined;
  tokens?: { in?: number; out?: number };
  credential?: string;
}

/** Events that are no endings with a reason of their own. */
const STEPS: readonly string[] = ["opened", "token", "due"];

export class Reported {
  /** What the learner is told: attempt, body, and whether the option is set aside with it. */
  readonly all: [number, OutcomeBody, boolean][] = [];
  readonly #about: { health: Health; plan: Plan };
  readonly #task: string | undefined;
  #reports: AttemptReports | null = null;
  #noted = 0;
  readonly #began = new Map<number, number>();
  readonly #headers = new Map<number, number>();

  constructor(health: Health, plan: Plan, task: string | undefined) {
    [this.#about, this.#task] = [{ health, plan }, task];
  }

  /** Another call, from here on. */
  starts(chain: AttemptChain, streaming: boolean | undefined): void {
    this.#reports = new AttemptReports(chain, this.#about, { streaming, task: this.#task });
    this.#began.clear();
    this.#headers.clear();
  }

  /** An attempt begins. */
  calls(now: number, attempt: number): void {
    this.#began.set(attempt, now);
  }

  /** A step of one attempt, by this event; of those that were `running` the others may have lost by it. */
  step(now: number, attempt: number, step: Step, [event, ending]: [Said, Ending], running: readonly number[]): void {
    if (event.kind === "opened" && !this.#headers.has(attempt)) this.#headers.set(attempt, this.#took(now, attempt));
    const cause = STEPS.includes(event.kind) ? undefined : ending;
    this.#keep(this.#reports?.step(now, attempt, step, this.#measured(now, attempt, event), cause));
    for (const each of step.actions.includes("win") ? running : [])
      if (each !== attempt) this.#keep(this.#reports?.left(now, each, "lost", this.#measured(now, each)));
  }

  /** These are given up. */
  givesUp(now: number, running: readonly number[]): void {
    for (const each of running) this.#keep(this.#reports?.left(now, each, "aborted", this.#measured(now, each)));
  }

  /** Those that came since this was asked last. */
  fresh(): unknown[] {
    const found = this.all.slice(this.#noted);
    this.#noted = this.all.length;
    return found;
  }

  /** All of them in the form of a case's `reports`. */
  written(): unknown[] {
    return this.all.map(([, body, isAside]) => ({ ...body, ...(isAside ? { sets_aside: true } : {}) }));
  }

  #took(now: number, attempt: number): number {
    return now - (this.#began.get(attempt) ?? NaN);
  }

  #measured(now: number, attempt: number, { status, tokens, credential }: Partial<Said> = {}): Measured {
    const headers = this.#headers.get(attempt);
    const known = status ?? (headers === undefined ? undefined : 200);
    return { took: this.#took(now, attempt), headers, status: known, tokens, credential };
  }

  #keep(reports: readonly Report[] = []): void {
    for (const { attempt, body, setsAside } of reports) this.all.push([attempt, body, setsAside]);
  }
}
