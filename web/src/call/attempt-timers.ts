/** The timers of one routed call: how long each attempt is waited for, and when a second one is sent beside it. */
import { type CallContext } from "./call-context";
import { disarm, latenessOf, since, type AttemptIO } from "./attempt-io";
import type { AttemptChain } from "../routing";
import { delayOf } from "../base";

export class AttemptTimers {
  readonly #chain: AttemptChain;
  readonly #context: Pick<CallContext, "awake" | "connections">;
  readonly #hedges: () => Promise<void>;
  readonly #handsOver: (one: AttemptIO) => void;
  #hedge: ReturnType<typeof setTimeout> | undefined;

  /**
   * `hedges` is called when the first attempt is later than its option usually is, `handsOver` where one is not held back any
   * more.
   */
  constructor(
    chain: AttemptChain,
    context: CallContext,
    hedges: () => Promise<void>,
    handsOver: (one: AttemptIO) => void,
  ) {
    [this.#chain, this.#context, this.#hedges, this.#handsOver] = [chain, context, hedges, handsOver];
  }

  /** Wait for this attempt from here on; too late, it is aborted, and `late` says why. */
  arm(one: AttemptIO): void {
    disarm(one);
    const wait = this.#chain.due(one.number) - this.#now();
    const late = (): void => {
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
    one.timer = setTimeout(late, delayOf(wait * 1000));
  }

  /** It is sent now, and may have to wait for a connection. */
  sent(one: AttemptIO, { url }: Request): void {
    [one.began, one.called, one.address] = [performance.now(), true, url];
    const freed = (): void => {
      if (one.timer !== undefined && !one.response) this.#queued(one);
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
    this.#context.connections.ended(one);
  }

  /** It has waited for a connection until now, and its own time begins. */
  #queued(one: AttemptIO): void {
    this.#chain.queued(since(one), one.number);
    one.began = performance.now();
    if (one.timer !== undefined) this.arm(one);
  }

  /** Say when the first attempt is late, if a second one may be sent then. */
  watchForHedge(): void {
    this.stop();
    const at = this.#chain.hedgeAt();
    if (at === Infinity) return;
    const late = async (): Promise<void> => {
      // What is known of the late one may have changed meanwhile, as may its state.
      if (this.#chain.hedgeAt() !== at) this.watchForHedge();
      else await this.#hedges();
    };
    this.#hedge = setTimeout(() => void late().catch(() => undefined), delayOf((at - this.#now()) * 1000));
  }

  /** Nobody waits for a hedge any more. */
  stop(): void {
    clearTimeout(this.#hedge);
  }

  #now(): number {
    return this.#context.awake.now();
  }
}
