/** The timers of one routed call: how long each attempt is waited for, and when a second one is sent beside it. */
import { disarm, latenessOf, type Running } from "./asked";
import type { AttemptChain } from "./chain";
import { delayOf } from "./timers";

export class AttemptTimers {
  readonly #chain: AttemptChain;
  readonly #now: () => number;
  readonly #hedges: () => Promise<void>;
  #hedge: ReturnType<typeof setTimeout> | undefined;

  /** `now` is the call's clock; `hedges` is called when the first attempt is later than its option usually is. */
  constructor(chain: AttemptChain, now: () => number, hedges: () => Promise<void>) {
    [this.#chain, this.#now, this.#hedges] = [chain, now, hedges];
  }

  /** Wait for this attempt from here on; too late, it is aborted, and `late` says why. */
  arm(one: Running): void {
    disarm(one);
    const wait = this.#chain.due(one.number) - this.#now();
    const late = (): void => {
      // Timers may go off early, and never know that the chain has since heard something.
      if (this.#chain.due(one.number) > this.#now()) {
        this.arm(one);
        return;
      }
      one.late = latenessOf(one, this.#chain, this.#now());
      one.control.abort(new DOMException(one.late.says, "TimeoutError"));
    };
    one.timer = setTimeout(late, delayOf(wait * 1000));
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
}
