/** One routed call: carries out what its chain decides, over the network, the clock and the caller's signal. */
import { seconds, until, unlessAborted } from "./abort";
import { bodyOf, endingOf, responseOf } from "./answer";
import { exhausted, letGo, reasonOf, runningAt, since, whyOf } from "./asked";
import type { Asked, FetchContext, Running } from "./asked";
import type { Decision, Ending, Step } from "./chain";
import { messageOf, SporewrightError } from "./errors";
import type { ChainState, OutcomeBody, Permit } from "./generated/calls";
import { joined } from "./pieces";
import { Pipe } from "./pipe";
import { Ledger } from "./receipt";
import { RecordedChain } from "./recorded";
import { requestFor } from "./request";
import { Events, type Listening } from "./sse";
import type { Attempt, RestartDetail } from "./types";

const TEACHES = new Set(["learn_latency", "learn_ok", "learn_failure", "cool_down", "mend", "trip", "pace"]);
/** States in which what comes is handed on. */
const HANDED: ReadonlySet<ChainState> = new Set(["STREAMING", "RESTARTABLE", "BODY"]);
const SLACK_S = 0.001;

export class RoutedCall {
  readonly #context: FetchContext;
  readonly #asked: Asked;
  readonly #chain: RecordedChain;
  readonly #ledger: Ledger;
  readonly #running = new Map<number, Running>();
  readonly #ended: Running[] = [];
  #answer: { resolve: (response: Response) => void; reject: (reason: unknown) => void } | null = null;
  #pipe: Pipe | null = null;
  #hedge: ReturnType<typeof setTimeout> | undefined;

  constructor(context: FetchContext, asked: Asked) {
    [this.#context, this.#asked] = [context, asked];
    const { plan, health, upstreams } = context;
    const known = { has: (option: string) => Object.hasOwn(upstreams, option) };
    const now = seconds();
    this.#chain = new RecordedChain(asked.queue, known, { plan, health, now, ...asked.traits });
    this.#ledger = new Ledger(context, asked, this.#chain, now);
  }

  /** Rejects with the signal's reason when aborted, with code `exhausted` when nobody answered. */
  run(): Promise<Response> {
    return new Promise((resolve, reject) => {
      this.#answer = { resolve, reject };
      this.#asked.signal.addEventListener("abort", this.#aborted);
      void this.#advance();
    });
  }

  readonly #aborted = (): void => {
    this.#stop(this.#asked.signal.reason);
  };

  async #advance(): Promise<void> {
    try {
      await this.#follow(this.#chain.pick(seconds(), Math.random()));
      if (this.#chain.state === "EXHAUSTED") this.#giveUp(this.#exhausted());
      else if (this.#chain.state === "DELIVERED") this.#deliverKept();
    } catch (error) {
      if (!this.#asked.signal.aborted) this.#giveUp(error);
    }
  }

  /** Wait and ask until there is somebody to call, or nothing left to decide. */
  async #follow(first: Decision | null): Promise<void> {
    const { signal } = this.#asked;
    let decision = first;
    while (decision && decision.do !== "call") {
      if (decision.do === "wait") {
        await until(decision.until, signal);
        decision = this.#chain.pick(seconds(), Math.random());
      } else {
        const granted = await unlessAborted(this.#permit(decision.permit, decision.option), signal);
        decision = this.#chain.answered(seconds(), granted, Math.random());
      }
    }
    if (decision) this.#call(decision.option, decision.attempt);
  }

  async #permit(kind: Permit, option: string): Promise<boolean> {
    return this.#context.permit(kind, option);
  }

  #call(option: string, number: number): void {
    const one = runningAt(option, number);
    this.#running.set(number, one);
    this.#arm(one);
    this.#watchForHedge();
    this.#attempt(one)
      .catch((error: unknown) => {
        this.#failed(one, error);
      })
      .catch((error: unknown) => {
        this.#giveUp(error);
      });
  }

  async #attempt(one: Running): Promise<void> {
    const { signal } = one.control;
    const request = await unlessAborted(this.#prepared(one.option, signal), signal);
    [one.began, one.called] = [performance.now(), true];
    this.#context.onBegan?.(one.option, one.number === 0);
    const response = await unlessAborted(globalThis.fetch(request, { signal }), signal);
    [one.response, one.latency] = [response, since(one)];
    const { plan } = this.#context;
    const body = bodyOf(response, plan);
    if (body === null || !response.body) {
      const ending = await unlessAborted(endingOf(response, seconds(), plan, signal), signal);
      this.#ends(one, ending, reasonOf(ending));
      return;
    }
    this.#steps(one, this.#chain.opened(seconds(), body, one.number));
    const events = this.#asked.listen?.(one.option) ?? (body === "events" ? new Events(plan) : null);
    await this.#read(one, response.body.getReader(), events);
  }

  async #prepared(option: string, signal: AbortSignal): Promise<Request> {
    const [upstream, base] = [this.#context.upstreams[option], this.#context.bases.get(option)];
    if (!upstream || !base) throw new SporewrightError("config", `${option} has no upstream`);
    const { template, target } = this.#asked;
    return requestFor(option, upstream, base, { template, target, signal });
  }

  async #read(one: Running, reader: ReadableStreamDefaultReader<Uint8Array>, events: Listening | null): Promise<void> {
    const { signal } = one.control;
    for (;;) {
      if (this.#pipe && this.#isHanded(one)) {
        // A reader who takes his time is no stall: only a wish that is not served is.
        clearTimeout(one.timer);
        await unlessAborted(this.#pipe.wanted(), signal);
        this.#chain.token(seconds(), one.number);
      }
      this.#arm(one);
      const { done, value } = await unlessAborted(reader.read(), signal);
      if (done) {
        this.#over(one, events);
        return;
      }
      if (this.#takes(one, value, events)) {
        letGo(reader, this.#context.plan.limits.finish_s);
        return;
      }
    }
  }

  /** One more piece of the body; true once it is the last, or the attempt has ended by it. */
  #takes(one: Running, piece: Uint8Array, events: Listening | null): boolean {
    one.length += piece.byteLength;
    const heard = events?.feed(piece);
    if (heard?.usage !== undefined) one.usage = heard.usage;
    if (heard?.malformed) return this.#ends(one, { kind: "malformed" }, whyOf("malformed"));
    if (heard && heard.error !== undefined) return this.#ends(one, { kind: "failed" }, whyOf("failed"));
    if (this.#isHanded(one)) this.#pipe?.push(piece);
    else one.held.push(piece);
    this.#hears(one, heard ? heard.tokens + heard.others > 0 || heard.finished : true, heard?.finished ?? false);
    return heard?.done === true && this.#over(one, events);
  }

  /** Nothing follows; always true. */
  #over(one: Running, events: Listening | null): true {
    const kind = events?.ends() ?? "complete";
    if (events?.usage !== undefined) one.usage = events.usage;
    return this.#ends(one, { kind }, whyOf(kind));
  }

  #hears(one: Running, isToken: boolean, finished: boolean): void {
    const { plan } = this.#context;
    if (isToken) this.#steps(one, this.#chain.token(seconds(), one.number, finished));
    const tooLong = this.#chain.stateOf(one.number) === "HOLDING" && one.length > plan.limits.hold_bytes;
    if (tooLong && this.#asked.traits.restart !== "buffer")
      this.#steps(one, this.#chain.opened(seconds(), "bytes", one.number));
  }

  #isHanded(one: Running): boolean {
    return HANDED.has(this.#chain.stateOf(one.number));
  }

  #steps(one: Running, step: Step | null): void {
    if (!step) return;
    this.#report(one, step, {});
    if (step.actions.includes("win")) this.#dropOthers(one);
    if (step.actions.includes("deliver")) this.#deliver(one);
  }

  /** The attempt is over; always true. */
  #ends(one: Running, ending: Ending, reason: string): true {
    clearTimeout(one.timer);
    const step = this.#chain.ended(seconds(), ending, one.number, Math.random());
    this.#running.delete(one.number);
    this.#ended.push(one);
    this.#notes(one, step.outcome, reason, ending);
    this.#report(one, step, ending);
    this.#quits(one);
    const { actions } = step;
    if (actions.includes("win")) this.#dropOthers(one);
    if (actions.includes("deliver")) this.#deliver(one);
    else if (actions.includes("break")) this.#break(one, reason);
    else if (this.#chain.stateOf(one.number) === "DELIVERED") this.#close();
    if (actions.includes("next")) {
      // Nobody will read it: an unread body would hold its connection. A refusal that may yet be delivered is kept.
      if (!actions.includes("keep") && this.#chain.kept !== one.number) one.control.abort();
      if (this.#chain.state === "PICKING") void this.#advance();
    }
    return true;
  }

  #failed(one: Running, error: unknown): void {
    if (!this.#running.has(one.number)) return; // it has ended already, and this is only its echo
    if (one.late === null) one.threw = error instanceof Error ? error.name : "Error";
    // Before the call it was `headers` or `prepare`: this option cannot be called, and that is not the option's fault.
    if (!one.called) this.#ends(one, { kind: "prepare" }, `not callable: ${one.late ?? messageOf(error)}`);
    else if (one.late !== null) this.#ends(one, { kind: "timeout" }, one.late);
    else this.#ends(one, { kind: "network" }, messageOf(error));
  }

  #arm(one: Running): void {
    clearTimeout(one.timer);
    const [due, from] = [this.#chain.due(one.number), seconds()];
    const late = (): void => {
      // Timers may go off early, and never know that the chain has since heard something.
      if (this.#chain.due(one.number) - seconds() > SLACK_S) {
        this.#arm(one);
        return;
      }
      one.late = `nothing for ${Math.round((due - from) * 1000)} ms`;
      one.control.abort(new DOMException(one.late, "TimeoutError"));
    };
    one.timer = setTimeout(late, Math.max(0, (due - from) * 1000));
  }

  #watchForHedge(): void {
    clearTimeout(this.#hedge);
    const at = this.#chain.hedgeAt();
    if (at === Infinity) return;
    const late = async (): Promise<void> => {
      if (this.#chain.hedgeAt() !== at) return;
      await this.#follow(this.#chain.hedge(seconds(), Math.random()));
    };
    this.#hedge = setTimeout(() => void late().catch(() => undefined), Math.max(0, (at - seconds()) * 1000));
  }

  /** Another one has won: the rest are aborted, and have not failed. */
  #dropOthers(winner: Running): void {
    for (const one of [...this.#running.values()]) {
      if (one === winner) continue;
      clearTimeout(one.timer);
      this.#running.delete(one.number);
      this.#notes(one, "lost", "another option was faster", {});
      this.#quits(one);
      one.control.abort();
    }
  }

  #deliver(one: Running): void {
    const { response } = one;
    if (!response) return;
    const whole = this.#chain.stateOf(one.number) === "DELIVERED";
    if (this.#pipe) {
      // Everything handed over so far has been read: the pipe holds nothing back. So this is where the new answer begins.
      this.#restart(one, this.#pipe);
      if (whole) this.#close();
      return;
    }
    if (!one.entry) this.#notes(one, "ok", `HTTP ${response.status}`, { status: response.status });
    if (whole && one.held.length === 0) this.#resolve(one, response);
    else if (whole) this.#resolve(one, responseOf(response, joined(one.held)));
    else {
      const pipe = new Pipe((reason) => {
        this.#stop(reason);
      });
      this.#pipe = pipe;
      for (const piece of one.held.splice(0)) pipe.push(piece);
      this.#resolve(one, responseOf(response, pipe));
    }
  }

  #restart(one: Running, pipe: Pipe): void {
    const detail: RestartDetail = { call: this.#asked.number, option: one.option };
    this.#asked.onRestart?.(detail);
    this.#context.onRestart(detail);
    this.#ledger.answeredBy(one.option);
    for (const piece of one.held.splice(0)) pipe.push(piece);
  }

  #deliverKept(): void {
    const kept = this.#ended.find(({ number }) => number === this.#chain.kept);
    if (kept?.response && !this.#pipe) this.#resolve(kept, kept.response);
    else this.#giveUp(this.#exhausted());
  }

  #exhausted(): SporewrightError {
    return exhausted(this.#asked, this.#ledger.attempts, this.#chain);
  }

  #resolve(one: Running, response: Response): void {
    this.#ledger.answeredBy(one.option);
    this.#asked.delivered(response, this.#ledger.receipt);
    this.#answer?.resolve(response);
    if (!this.#pipe) this.#close();
  }

  #break(one: Running, reason: string): void {
    const [sent, option] = [one.length, one.option];
    const what = `the answer of ${option} broke off after ${sent} bytes: ${reason}`;
    this.#giveUp(new SporewrightError("broken", what, { attempts: this.#ledger.attempts }));
    one.control.abort();
  }

  #close(): void {
    this.#pipe?.close();
    this.#ledger.ended("answered");
    this.#asked.signal.removeEventListener("abort", this.#aborted);
  }

  #giveUp(error: unknown): void {
    this.#ledger.ended(
      this.#chain.state === "ABORTED" ? "aborted" : "failed",
      (error as { code?: string } | null)?.code,
    );
    if (error instanceof SporewrightError) this.#asked.delivered(error, this.#ledger.receipt);
    this.#answer?.reject(error);
    this.#pipe?.fail(error);
    this.#asked.signal.removeEventListener("abort", this.#aborted);
  }

  /** The caller does not want it any more: every attempt ends at once, upstream as well, and teaches nothing. */
  #stop(reason: unknown): void {
    clearTimeout(this.#hedge);
    const probes = [...this.#running.values()];
    this.#chain.abort();
    this.#running.clear();
    for (const one of probes) {
      clearTimeout(one.timer);
      this.#notes(one, "aborted", "aborted by the caller", {});
      if (this.#chain.isProbe(one.number)) this.#tell(one, { outcome: "aborted" });
      this.#quits(one);
      one.control.abort(reason);
    }
    this.#giveUp(reason);
  }

  /** One entry an attempt in the receipt; what is learned later of a stream that is handed on is written into it. */
  #notes(one: Running, outcome: Attempt["outcome"], reason: string, ending: Partial<Ending>): void {
    const { status = one.response?.status, retry_after_s: retryAfter } = ending;
    const first = one.entry === null;
    one.entry ??= { option: one.option, outcome, latency: one.latency ?? since(one), reason };
    Object.assign(one.entry, { outcome, duration: since(one), bytes: one.length });
    if (outcome !== "ok" || first) one.entry.reason = reason;
    if (status !== undefined) one.entry.status = status;
    if (retryAfter !== undefined) one.entry.retryAfter = retryAfter;
    if (one.usage !== undefined) one.entry.usage = one.usage;
    this.#ledger.note(one.entry, one.threw);
    if (first || outcome !== "ok") this.#context.onAttempt({ ...one.entry, call: this.#asked.number });
  }

  /** Whoever was told that it began is told that it is over, if only that. */
  #quits(one: Running): void {
    if (one.called && !one.told) this.#context.onEnded?.(one.option);
  }

  #report(one: Running, { outcome, stage, actions, firstToken }: Step, ending: Partial<Ending>): void {
    const probe = this.#chain.isProbe(one.number);
    if (!probe && !actions.some((action) => TEACHES.has(action))) return;
    const { status = one.response?.status, retry_after_s } = ending;
    this.#tell(one, { outcome, stage, first_token_s: firstToken, status, retry_after_s });
  }

  #tell(one: Running, more: Omit<OutcomeBody, "option" | "latency_s" | "streaming" | "attempt" | "probe">): void {
    one.told = true;
    this.#context.onOutcome({
      option: one.option,
      latency_s: one.latency ?? since(one),
      streaming: this.#asked.traits.streaming ?? false,
      attempt: one.number + 1,
      probe: this.#chain.isProbe(one.number),
      ...more,
    });
  }
}
