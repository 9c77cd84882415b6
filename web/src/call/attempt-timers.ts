/** The timers of one routed call: how long each attempt is waited for, and when another one is sent beside it. */
import { type CallContext } from "./call-context";
import { disarm, latenessOf, since, type AttemptIO } from "./attempt-io";
import type { AttemptChain } from "../routing";
import { delayOf } from "../base";

/** A timer that goes off so late (ms) was held up by other work of the page, and so was what has arrived meanwhile. */
const BUSY = 50;
/** Longest time (ms) in which that is read, before the attempt ends. */
const GRACE = 250;

export class AttemptTimers {
  readonly #chain: AttemptChain;
  readonly #context: Pick<CallContext, "awake" | "connections" | "upstreams">;
  readonly #another: () => Promise<void>;
  readonly #handsOver: (one: AttemptIO) => void;
  #beside: ReturnType<typeof setTimeout> | undefined;

  /**
   * `another` is called when another attempt is to be sent beside those under way, `handsOver` where one is not held back
   * any more.
   */
  constructor(
    chain: AttemptChain,
    context: CallContext,
    another: () => Promise<void>,
    handsOver: (one: AttemptIO) => void,
  ) {
    [this.#chain, this.#context, this.#another, this.#handsOver] = [chain, context, another, handsOver];
  }

  /** Wait for this attempt from here on; too late, it is aborted, and `late` says why. */
  arm(one: AttemptIO): void {
    const due = this.#chain.due(one.number);
    one.isAwaited = true;
    // One that goes off before that looks again: it is not set anew with each piece of an answer.
    if (one.wakes <= due) return;
    const wait = delayOf((due - this.#now()) * 1000);
    const goesOff = performance.now() + wait;
    let isGraced = false;
    const late = (): void => {
      const heldUp = performance.now() - goesOff;
      if (heldUp > BUSY && !isGraced) {
        isGraced = true;
        one.timer = setTimeout(late, Math.min(heldUp, GRACE));
        return;
      }
      one.wakes = Infinity;
      if (!one.isAwaited) return;
      if (this.#context.connections.isWaiting(one)) this.#queued(one);
      // Timers may go off early, and never know that the chain has since heard something.
      if (this.#chain.due(one.number) > this.#now()) {
        this.arm(one);
        return;
      }
      if (this.#chain.handsOver(one.number)) {
        this.#handsOver(one);
        return;
      }
      one.late = latenessOf(one, this.#chain, this.#now());
      one.control.abort(new DOMException(one.late.says, "TimeoutError"));
    };
    clearTimeout(one.timer);
    one.wakes = due;
    one.timer = setTimeout(late, wait);
  }

  /** It is sent now, and may have to wait for a connection, which a function does not need. */
  sent(one: AttemptIO, { url }: Request): void {
    [one.began, one.called, one.address] = [performance.now(), true, url];
    if (this.#context.upstreams[one.option]?.run) return;
    const freed = (): void => {
      if (one.isAwaited && !one.response) this.#queued(one);
    };
    if (this.#context.connections.sent(one, freed)) this.#chain.queued(0, one.number);
  }

  /** Its headers are in. */
  answered(one: AttemptIO, response: Response): void {
    [one.response, one.latency] = [response, since(one)];
    this.#context.connections.answered(one, response);
  }

  /** Nothing more is waited for: its connection is free. */
  end(one: AttemptIO): void {
    disarm(one);
    clearTimeout(one.timer);
    this.#context.connections.ended(one);
  }

  /** It has waited for a connection until now, and its own time begins. */
  #queued(one: AttemptIO): void {
    this.#chain.queued(since(one), one.number);
    one.began = performance.now();
    if (one.isAwaited) this.arm(one);
  }

  /** Say when another attempt is to be sent beside what is under way, if one may be sent then. */
  watch(): void {
    this.stop();
    const at = this.#chain.anotherAt();
    if (at === Infinity) return;
    const late = async (): Promise<void> => {
      // It may go off early; and what is known of the late one may have changed meanwhile, as may its state.
      if (this.#chain.anotherAt() !== at || at > this.#now()) this.watch();
      else await this.#another();
    };
    this.#beside = setTimeout(() => void late().catch(() => undefined), delayOf((at - this.#now()) * 1000));
  }

  /** The call needs no other attempt any more. */
  stop(): void {
    clearTimeout(this.#beside);
  }

  #now(): number {
    return this.#context.awake.now();
  }
}
