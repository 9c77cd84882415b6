/** The reports on a call's attempts: in its receipt, and to the engine that learns of them. */
import { ms, since } from "./attempt-io";
import type { CallRequest, CallContext } from "./call-context";
import type { AttemptIO } from "./attempt-io";
import {
  AttemptReports,
  type Ending,
  type Measured,
  type RecordedChain,
  type Report,
  type Step,
  turnOf,
} from "../routing";
import type { OutcomeBody } from "../generated/calls";
import type { ReceiptWriter } from "./call-receipt";
import type { Attempt } from "../types";

export class CallReporter {
  readonly #context: CallContext;
  readonly #asked: CallRequest;
  readonly #chain: RecordedChain;
  readonly #ledger: ReceiptWriter;
  readonly #reports: AttemptReports;

  constructor(context: CallContext, asked: CallRequest, chain: RecordedChain, ledger: ReceiptWriter) {
    [this.#context, this.#asked, this.#chain, this.#ledger] = [context, asked, chain, ledger];
    this.#reports = new AttemptReports(chain, context, { streaming: asked.traits.streaming, task: asked.task });
  }

  /** One entry an attempt in the receipt; what is learned later of a stream that is handed on is written into it. */
  notes(one: AttemptIO, outcome: Attempt["outcome"], reason: string, ending: Partial<Ending>): void {
    const { status = one.response?.status, retry_after_s: retryAfter } = ending;
    const first = one.entry === null;
    one.entry ??= { option: one.option, outcome, latency: one.latency ?? since(one), reason };
    Object.assign(one.entry, { outcome, duration: since(one), bytes: one.answer?.length ?? 0 });
    if (outcome !== "ok" || first) one.entry.reason = reason;
    const { key, keys } = this.#chain.keysOf(one.number);
    if (keys > 1) one.entry.key = key;
    if (status !== undefined) one.entry.status = status;
    if (retryAfter !== undefined) one.entry.retryAfter = retryAfter;
    const { usage, tokens } = one.answer ?? {};
    if (usage !== undefined) one.entry.usage = usage;
    // Of what was told by its headers the tokens come too late.
    if (tokens && !one.told) one.entry.tokens = tokens;
    this.#ledger.note(one.entry, one.threw);
    if (first || outcome !== "ok") this.#context.onAttempt({ ...one.entry, call: this.#asked.number });
  }

  /** The engine learns of a step. `ending`: the one that led to it, if it ended the attempt by itself. */
  reports(one: AttemptIO, step: Step, ending: Ending | null): void {
    const now = this.#context.awake.now();
    const told = this.#reports.step(now, one.number, step, measured(one), ending ?? undefined);
    this.#tells(one, told);
    const { stays } = this.#asked;
    if (!stays || told[0]?.body.outcome !== "ok") return;
    const turn = turnOf(one.answer?.usage, stays.sent(), step.firstToken);
    this.#context.affinity.heard(stays.key, one.option, now, turn);
  }

  /** Whoever runs it is told of an option that declined, and by which key. */
  setAside({ option, credential }: Pick<OutcomeBody, "option" | "credential">): void {
    if (credential !== undefined) this.#context.health.asides.sign(option, credential);
    this.#context.onAttention?.(option);
  }

  /** The caller gave it up, or it lost a race: one that was raced for its silence has failed by that. */
  leaves(one: AttemptIO, outcome: "aborted" | "lost" | "unusable", reason: string): void {
    const step = this.#chain.outrun.get(one.number);
    if (step) this.notes(one, step.outcome, `nothing for ${ms(since(one))}, and another option answered`, {});
    else this.notes(one, outcome, reason, {});
    const end = outcome === "lost" ? "lost" : "aborted";
    this.#tells(one, this.#reports.left(this.#context.awake.now(), one.number, end, measured(one)));
    this.quits(one);
  }

  /** Whoever was told that it began is told that it is over, if only that. */
  quits(one: AttemptIO): void {
    if (one.called && !one.told) this.#context.onEnded?.(one.option);
  }

  #tells(one: AttemptIO, reports: readonly Report[]): void {
    one.told = this.#reports.isTold(one.number);
    for (const { body, setsAside } of reports) {
      if (setsAside) this.setAside(body);
      this.#context.onOutcome(body);
    }
  }
}

function measured(one: AttemptIO): Measured {
  const { latency: headers, response, answer, credential } = one;
  return { took: since(one), headers, status: response?.status, tokens: answer?.tokens, credential };
}
