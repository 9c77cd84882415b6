/** One routed call: carries out what its chain decides, over the network, the clock and the caller's signal. */
import { CallReporter } from "./call-report";
import { AttemptTimers } from "./attempt-timers";
import { bodyOf, headEnding, isJson } from "./answer";
import { disarm, drop, letGo, prepared, runningAt, since } from "./attempt-io";
import { broken, exhausted, reasonOf } from "./call-errors";
import type { CallRequest, CallContext } from "./call-context";
import type { AttemptIO } from "./attempt-io";
import { AnswerReader, type Effect, type Ending, HANDED, RecordedChain, type Step, WHY } from "../routing";
import { NextAttempt } from "./next-attempt";
import { SporewrightError } from "../errors";
import { Expectations } from "./expectations";
import { faultOf } from "./failure";
import { Delivery } from "./delivery";
import { Draws } from "./draws";
import { answerOf } from "./function-upstream";
import { sent } from "./misuse";
import { ReceiptWriter } from "./call-receipt";
import { redacted } from "./secrets";
import type { Receipt } from "../types";

/** A whole answer that the critic rejected, and its rating. */
interface RejectedAnswer {
  one: AttemptIO;
  response: Response;
  quality: number;
}

export class RoutedCall {
  readonly #context: CallContext;
  readonly #asked: CallRequest;
  readonly #chain: RecordedChain;
  readonly #ledger: ReceiptWriter;
  readonly #account: CallReporter;
  #handover: Delivery;
  readonly #running = new Map<number, AttemptIO>();
  /** The attempt whose refusal is the caller's if no option answers. */
  #kept: AttemptIO | null = null;
  readonly #timers: AttemptTimers;
  readonly #expectations: Expectations;
  readonly #next: NextAttempt;
  readonly #draws: Draws;
  readonly #unwatch: () => void;
  /** The attempt whose answer was given. */
  #given: AttemptIO | null = null;
  #isOver = false; // it is all handed over, or failed
  /** The best of the rejected answers, if the caller wants it where no other comes. */
  #best: RejectedAnswer | null = null;
  #isTaken = false; // it was looked at, and is what the caller gets

  constructor(context: CallContext, asked: CallRequest) {
    [this.#context, this.#asked] = [context, asked];
    const [{ plan, health, upstreams }, now] = [context, context.awake.now()];
    const known = { has: (option: string) => Object.hasOwn(upstreams, option) };
    this.#chain = new RecordedChain(asked.queue, known, { plan, health, now, ...asked.traits });
    this.#ledger = new ReceiptWriter(context, asked, this.#chain, now);
    this.#account = new CallReporter(context, asked, this.#chain, this.#ledger);
    this.#handover = new Delivery(context, asked, this.#ledger, this.#stop);
    this.#expectations = new Expectations(context, asked);
    this.#draws = new Draws(context, asked);
    this.#next = new NextAttempt(this.#chain, context, asked.signal, this.#draws, this.#call);
    this.#timers = new AttemptTimers(this.#chain, context, this.#another, this.#handsOver);
    this.#unwatch = context.awake.watch(this.#slept);
  }

  /** Rejects with the signal's reason when aborted, with code `exhausted` when nobody answered. */
  run(): Promise<Response> {
    this.#asked.signal.addEventListener("abort", this.#aborted);
    void this.#advance();
    return this.#handover.promise;
  }

  get receipt(): Receipt {
    return this.#ledger.receipt;
  }

  /** Add a remark on the function that looked at the answer. */
  remarks(says: string): void {
    const entry = this.#given?.entry;
    if (!entry) return;
    entry.reason += says;
    this.#ledger.note(entry, undefined);
  }

  /** The answer is what the caller gets: once it is all handed over, the call has ended. */
  taken(): void {
    this.#isTaken = true;
    if (this.#isOver) this.#leave("answered");
  }

  /** True once the answer is the best of those that the critic rejected: it is not asked again. */
  get isBest(): boolean {
    return this.#best !== null && this.#given === this.#best.one && this.#chain.state === "EXHAUSTED";
  }

  /** The answer will not do: the next one, within what is left of this call; null where it has failed meanwhile. */
  again(response: Response, quality: number | undefined): Promise<Response> | null {
    const given = this.#given;
    if (!given || (this.#chain.state !== "DELIVERED" && this.#chain.state !== "BODY")) return null;
    // Of an answer that is not whole yet the rest is given up.
    const isKept = this.#asked.keepsBest && this.#chain.state === "DELIVERED";
    if (isKept && (quality ?? 0) >= (this.#best?.quality ?? -1)) {
      this.#best?.response.body?.cancel().catch(() => undefined);
      this.#best = { one: given, response, quality: quality ?? 0 };
    } else response.body?.cancel().catch(() => undefined);
    for (const one of [...this.#running.values()]) this.#drops(one, "aborted", "its answer was rejected");
    this.#chain.rejected(given.number);
    this.#ledger.answeredBy("");
    this.#handover.abandon();
    this.#handover = new Delivery(this.#context, this.#asked, this.#ledger, this.#stop);
    [this.#given, this.#isOver] = [null, false];
    void this.#advance();
    return this.#handover.promise;
  }

  readonly #aborted = (): void => {
    this.#stop(this.#asked.signal.reason);
  };

  async #advance(): Promise<void> {
    try {
      await this.#next.follow(this.#next.pick());
      if (this.#chain.state === "EXHAUSTED" && this.#best) this.#deliverBest(this.#best);
      else if (this.#chain.state === "EXHAUSTED")
        this.#giveUp(exhausted(this.#asked, this.#ledger.attempts, this.#chain, this.#draws.refused));
      else if (this.#chain.state === "DELIVERED") this.#deliverKept();
    } catch (error) {
      if (!this.#asked.signal.aborted) this.#giveUp(error);
    }
  }

  readonly #another = async (): Promise<void> => {
    await this.#next.follow(this.#next.another());
    this.#timers.watch();
  };

  #now(): number {
    return this.#context.awake.now();
  }

  /** The page did not run for so long: nothing that waits has waited then, and silence was none. */
  readonly #slept = (gap: number): void => {
    this.#chain.slept(gap);
    for (const one of this.#running.values()) {
      if (one.isAwaited) this.#timers.arm(one); // while a reader takes his time nothing is waited for
      if (!one.called || one.told) continue;
      this.#context.onEnded?.(one.option);
      this.#context.onBegan?.(one.option, false, this.#asked.task);
    }
    this.#timers.watch();
  };

  readonly #call = (option: string, number: number): void => {
    const one = runningAt(option, number);
    this.#running.set(number, one);
    this.#draws.use(one);
    this.#timers.arm(one);
    this.#timers.watch();
    this.#attempt(one)
      .catch((error: unknown) => this.#failed(one, error))
      .catch((error: unknown) => {
        this.#giveUp(error);
      });
  };

  async #attempt(one: AttemptIO): Promise<void> {
    const { waits } = one;
    const request = await waits.for(prepared(this.#context, this.#asked, one, this.#chain, one.control.signal));
    one.request = request;
    this.#timers.sent(one, request);
    const { arranged, queue, task } = this.#asked;
    const isChosen = !arranged || arranged.from[0] === queue[0]; // else the caller chose, not the learner
    this.#context.onBegan?.(one.option, one.number === 0 && isChosen, task);
    const run = this.#context.upstreams[one.option]?.run;
    const answer = run ? answerOf(run, request, one.control.signal) : sent(request, this.#asked.template);
    const response = await waits.for(answer);
    this.#timers.answered(one, response);
    this.#draws.hears(one, response);
    const { plan, sight } = this.#context;
    sight.reads(one.option, response);
    const asks = this.#expectations.asks(one.option) && response.type !== "opaque";
    const found = bodyOf(response, request.method, plan, this.#chain.isJudged(one.option) && !asks);
    // An answer that a function has to see before it counts is held back within the deadline, whatever it is.
    const body = asks && found === "bytes" ? "whole" : found;
    if (body === null || !response.body) {
      const ending = await waits.for(headEnding(one, response, this.#chain, this.#context));
      if (asks && response.status > 0 && response.status < 400) await this.#shows(one, response, reasonOf(ending));
      else this.#ends(one, ending, reasonOf(ending));
      return;
    }
    const shape = {
      ...{ body, asks, isJson: isJson(response), judge: this.#expectations.judge(one.option, response) },
      listen: () => this.#expectations.listener(one.option),
      isHeld: this.#asked.traits.restart === "buffer",
    };
    one.answer = new AnswerReader(this.#chain, one.number, plan, shape);
    if (!this.#carriesOut(one, one.answer.begins(this.#now())))
      await this.#read(one, one.answer, response, response.body.getReader());
  }

  async #read(
    one: AttemptIO,
    answer: AnswerReader,
    response: Response,
    reader: ReadableStreamDefaultReader<Uint8Array>,
  ): Promise<void> {
    const { waits } = one;
    for (;;) {
      const { pipe } = this.#handover;
      if (pipe && HANDED.has(this.#chain.stateOf(one.number))) {
        // A reader who takes his time is no stall: only a wish that is not served is.
        disarm(one);
        const since = this.#now();
        await waits.for(pipe.wanted());
        this.#chain.paused(since, this.#now(), one.number);
      }
      this.#timers.arm(one);
      const { done, value } = await waits.for(reader.read());
      const effects = done ? answer.ends(this.#now()) : answer.feed(this.#now(), value);
      const isOver = this.#carriesOut(one, effects);
      const last = effects.at(-1);
      if (last?.do === "over" && last.shown && this.#running.has(one.number))
        await this.#shows(one, response, last.reason);
      if (isOver && !done) letGo(reader, this.#context.plan.limits.finish_s);
      if (isOver || done) return;
    }
  }

  /** Do these in their order; true if the attempt ends by them, or has ended meanwhile. */
  #carriesOut(one: AttemptIO, effects: readonly Effect[]): boolean {
    for (const effect of effects) {
      if (!this.#running.has(one.number)) return true;
      if (effect.do === "known") one.latency = since(one);
      else if (effect.do === "step") this.#steps(one, effect.step);
      else if (effect.do === "over") return effect.shown || this.#ends(one, effect.ending, effect.reason);
      else if (effect.handed) this.#handover.pipe?.push(effect.piece);
      else one.held.push(effect.piece);
    }
    return false;
  }

  /** The caller's own function says whether this whole answer is one; how long that takes is nobody's silence. */
  async #shows(one: AttemptIO, response: Response, reason: string): Promise<void> {
    disarm(one);
    const seconds = this.#chain.verdictSeconds(this.#now(), one.number);
    const verdict = this.#expectations.verdict(one, response, seconds);
    const { rejects, says = "" } = await one.waits.for(verdict);
    if (rejects) this.#ends(one, { kind: "invalid" }, WHY.invalid);
    else this.#ends(one, { kind: "complete" }, reason + says);
  }

  #steps(one: AttemptIO, step: Step): void {
    this.#account.reports(one, step, null);
    if (step.actions.includes("win")) this.#dropOthers(one);
    if (step.actions.includes("deliver")) this.#deliver(one);
  }

  readonly #handsOver = (one: AttemptIO): void => {
    if (one.answer) this.#carriesOut(one, one.answer.handsOver(this.#now()));
  };

  /** The attempt is over; always true. */
  #ends(one: AttemptIO, ending: Ending, reason: string): true {
    this.#timers.end(one);
    this.#draws.ends(one, ending);
    const step = this.#chain.ended(this.#now(), ending, one.number, Math.random());
    this.#running.delete(one.number);
    const { actions } = step;
    if (actions.includes("win")) this.#dropOthers(one);
    this.#account.notes(one, step.outcome, reason, ending);
    this.#account.reports(one, step, ending);
    this.#account.quits(one);
    if (actions.includes("set_aside")) this.#account.setAside(one);
    if (actions.includes("gate")) this.#context.onBlocked?.(one.option);
    if (actions.includes("deliver")) this.#deliver(one);
    else if (actions.includes("break")) {
      this.#giveUp(broken(one, step.outcome, reason, this.#ledger.attempts));
      one.control.abort();
    } else if (this.#chain.stateOf(one.number) === "DELIVERED") this.#close();
    if (actions.includes("next")) {
      // A refusal that may yet be the caller's is kept.
      const unread = this.#chain.kept === one.number ? this.#kept : one;
      if (unread !== one) this.#kept = one;
      drop(unread);
      if (this.#chain.state === "PICKING") void this.#advance();
      else this.#timers.watch();
    }
    return true;
  }

  async #failed(one: AttemptIO, error: unknown): Promise<void> {
    if (!this.#running.has(one.number)) {
      // It has ended already, and this is its echo; or its answer could not be handed over, and no other will be.
      if (this.#given === one && !this.#handover.isGiven) this.#giveUp(error);
      return;
    }
    const { ending, says, threw, misuse } = await faultOf(one, error, this.#context, this.#asked);
    if (!this.#running.has(one.number)) return; // aborted, or lost a race, while it was looked into
    if (threw !== undefined) one.threw = threw;
    if (misuse !== undefined && this.#running.size === 1) {
      this.#drops(one, "unusable", redacted(says, one.request));
      this.#asked.delivered(misuse, this.#ledger.receipt);
      this.#stop(misuse);
    } else this.#ends(one, ending, redacted(says, one.request));
  }

  /** Another one has won: the rest are aborted, and have not failed. */
  #dropOthers(winner: AttemptIO): void {
    for (const one of [...this.#running.values()]) {
      if (one !== winner) this.#drops(one, "lost", "another option was faster");
    }
  }

  /** Aborted without having failed. */
  #drops(one: AttemptIO, outcome: "aborted" | "lost" | "unusable", why: string, reason?: unknown): void {
    this.#timers.end(one);
    this.#draws.ends(one, null);
    this.#running.delete(one.number);
    this.#account.leaves(one, outcome, why);
    one.control.abort(reason);
  }

  #deliver(one: AttemptIO): void {
    const { response } = one;
    if (!response) return;
    this.#given = one;
    const whole = this.#chain.stateOf(one.number) === "DELIVERED";
    if (!this.#handover.pipe && !one.entry)
      this.#account.notes(one, "ok", `HTTP ${response.status}`, { status: response.status });
    this.#handover.hands(one, response, whole);
    if (whole) this.#close();
  }

  #deliverBest({ one, response, quality }: RejectedAnswer): void {
    [this.#given, this.#isOver] = [one, true];
    this.#ledger.rejected(one.option, quality);
    this.#handover.gives(one, response);
  }

  #deliverKept(): void {
    const kept = this.#kept;
    if (!kept?.response || kept.number !== this.#chain.kept || this.#handover.pipe)
      this.#giveUp(exhausted(this.#asked, this.#ledger.attempts, this.#chain, this.#draws.refused));
    else {
      this.#given = kept;
      this.#handover.gives(kept, kept.response);
      this.#close();
    }
  }

  #close(): void {
    this.#handover.close();
    this.#isOver = true;
    if (this.#isTaken) this.#leave("answered");
  }

  #giveUp(error: unknown, end: "failed" | "aborted" = "failed"): void {
    const own = error instanceof SporewrightError ? error : undefined;
    if (own) this.#asked.delivered(own, this.#ledger.receipt);
    this.#handover.fails(error);
    this.#leave(end, own?.code);
  }

  #leave(end: Receipt["end"], code?: string): void {
    this.#draws.drop();
    this.#timers.stop();
    if (this.#kept !== this.#given) drop(this.#kept);
    this.#ledger.ended(end, code);
    this.#unwatch();
    this.#asked.signal.removeEventListener("abort", this.#aborted);
  }

  /** The caller does not want it any more: every attempt ends at once, upstream as well, and teaches nothing. */
  readonly #stop = (reason: unknown): void => {
    this.#timers.stop();
    const running = [...this.#running.values()];
    this.#chain.abort();
    this.#running.clear();
    for (const one of running) this.#drops(one, "aborted", "aborted by the caller", reason);
    this.#giveUp(reason, "aborted");
  };
}
