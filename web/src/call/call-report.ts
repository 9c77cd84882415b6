/** The reports on a call's attempts: in its receipt, and to the engine that learns of them. */
import { ms, since } from "./attempt-io";
import type { CallRequest, CallContext } from "./call-context";
import type { AttemptIO } from "./attempt-io";
import type { Ending, RecordedChain, Step } from "../routing";
import type { Aside, OutcomeBody } from "../generated/calls";
import type { ReceiptWriter } from "./call-receipt";
import type { Attempt } from "../types";

type Told = Omit<OutcomeBody, "option" | "latency_s" | "streaming" | "attempt" | "probe">;

/** They tell how long was waited for an answer, not for the headers before it. */
const WAITED: readonly Told["outcome"][] = ["slow_start", "timed_out", "deadline"];

export class CallReporter {
  readonly #context: CallContext;
  readonly #asked: CallRequest;
  readonly #chain: RecordedChain;
  readonly #ledger: ReceiptWriter;
  /** They refused for no known reason: a failure of theirs once another option answers, else the caller's mistake. */
  #unexplained: { one: AttemptIO; aside: Aside | undefined }[] = [];

  constructor(context: CallContext, asked: CallRequest, chain: RecordedChain, ledger: ReceiptWriter) {
    [this.#context, this.#asked, this.#chain, this.#ledger] = [context, asked, chain, ledger];
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

  /** The engine learns of a step, where anything is to be learned of it, and of a probe's end at least. `ending`: null before. */
  reports(one: AttemptIO, step: Step, ending: Partial<Ending> | null): void {
    const { outcome, stage, actions, firstToken } = step;
    const isEnd = ending !== null && !one.told;
    const { teaches } = this.#context.plan;
    if (!actions.some((action) => teaches.includes(action)) && !(isEnd && this.#chain.isProbe(one.number))) return;
    const { status = one.response?.status, retry_after_s, reason } = ending ?? {};
    const slept = this.#chain.isUntimed(one.number) || undefined;
    const { in: tokens_in, out: tokens_out } = one.answer?.tokens ?? {};
    const { key, keys } = this.#chain.keysOf(one.number);
    const more = {
      ...{ status, retry_after_s, reason: step.aside ?? reason, slept, tokens_in, tokens_out },
      ...(step.aside && one.credential !== undefined ? { credential: one.credential } : {}),
      ...(step.aside === "model" ? { model: step.model } : {}),
      ...(keys > 1 ? { key, keys } : {}),
    };
    this.#tells(one, { outcome, stage, first_token_s: firstToken, ...more });
    if (outcome === "unexplained") this.#unexplained.push({ one, aside: step.aside });
    else if (actions.includes("learn_ok"))
      for (const other of this.#unexplained.splice(0)) this.#outdone(other.one, other.aside);
  }

  /** Another option has answered the same request: it has failed, or declined for what its status said. */
  #outdone(one: AttemptIO, aside: Aside | undefined): void {
    if (aside === undefined) {
      this.#tells(one, { outcome: "unexplained", stage: "PICKING" });
      return;
    }
    this.#context.health.apply(one.option, ["set_aside"], this.#context.awake.now(), { aside });
    this.setAside(one);
    const credential = one.credential === undefined ? {} : { credential: one.credential };
    this.#tells(one, { outcome: "declined", stage: "PICKING", reason: aside, ...credential });
  }

  /** Whoever runs it is told of an option that declined, and by which key. */
  setAside({ option, credential }: AttemptIO): void {
    if (credential !== undefined) this.#context.health.asides.sign(option, credential);
    this.#context.onAttention?.(option);
  }

  /** The caller gave it up, or it lost a race: one that was raced for its silence has failed by that. */
  leaves(one: AttemptIO, outcome: "aborted" | "lost" | "unusable", reason: string): void {
    const step = this.#chain.outrun.get(one.number);
    if (step) {
      this.notes(one, step.outcome, `nothing for ${ms(since(one))}, and another option answered`, {});
      this.reports(one, step, {});
    } else {
      this.notes(one, outcome, reason, {});
      if (this.#chain.isProbe(one.number)) this.#tells(one, { outcome: outcome === "lost" ? "lost" : "aborted" });
    }
    this.quits(one);
  }

  /** Whoever was told that it began is told that it is over, if only that. */
  quits(one: AttemptIO): void {
    if (one.called && !one.told) this.#context.onEnded?.(one.option);
  }

  #tells(one: AttemptIO, more: Told): void {
    one.told = true;
    this.#context.onOutcome({
      option: one.option,
      ...(this.#asked.task === undefined ? {} : { task: this.#asked.task }),
      latency_s: WAITED.includes(more.outcome) ? since(one) : (one.latency ?? since(one)),
      streaming: this.#asked.traits.streaming ?? false,
      attempt: one.number + 1,
      // Its end was told with the refusal.
      probe: this.#chain.isProbe(one.number) && more.stage !== "PICKING",
      ...more,
    });
  }
}
