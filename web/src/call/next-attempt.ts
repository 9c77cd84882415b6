/** Carries out what a chain decides until there is somebody to call: it waits, and asks for what is rationed. */
import { unlessAborted } from "../base";
import type { CallContext, FetchContext } from "./call-context";
import type { Draws } from "./draws";
import { unused } from "../engine";
import type { AttemptChain, Decision } from "../routing";

export class NextAttempt {
  readonly #chain: AttemptChain;
  readonly #context: CallContext;
  readonly #signal: AbortSignal;
  readonly #draws: Draws;
  readonly #call: (option: string, attempt: number) => void;

  /** `call` begins the attempt of this number; `signal` is the caller's. */
  constructor(
    chain: AttemptChain,
    context: CallContext,
    signal: AbortSignal,
    draws: Draws,
    call: (option: string, attempt: number) => void,
  ) {
    [this.#chain, this.#context, this.#signal, this.#draws, this.#call] = [chain, context, signal, draws, call];
  }

  /** The chain's decision now, as the network stands. */
  pick(): Decision | null {
    this.#looks();
    return this.#chain.pick(this.#context.awake.now(), Math.random());
  }

  /** Its decision on another attempt beside what is under way. */
  another(): Decision | null {
    this.#looks();
    return this.#chain.another(this.#context.awake.now(), Math.random());
  }

  #looks(): void {
    const { isOffline } = this.#context.sight;
    if (isOffline !== this.#chain.isOffline) this.#chain.network(isOffline);
  }

  /** Wait and ask until there is somebody to call, or nothing left to decide. */
  async follow(first: Decision | null): Promise<void> {
    let decision = first;
    while (decision && decision.do !== "call") {
      if (decision.do === "wait") {
        await this.#context.sight.wait(decision.until, this.#signal);
        decision = this.pick();
      } else {
        const { permit, option } = decision;
        const lacks = permit === "draw" || permit === "hedge" ? this.#draws.ask(option) : null;
        const refused = lacks && (await unlessAborted(lacks, this.#signal));
        const isGranted =
          !refused && (await unlessAborted(granted(decision, this.#chain, this.#context), this.#signal));
        if (!this.#chain.asks(decision)) return;
        decision = this.#chain.answered(this.#context.awake.now(), isGranted, Math.random(), refused?.until);
      }
    }
    if (decision) this.#call(decision.option, decision.attempt);
  }
}

/** True if the call gets the permit; a probe that comes once the call has gone on without it is given back. */
export async function granted(
  asked: Decision & { do: "ask" },
  chain: Pick<AttemptChain, "asks">,
  context: FetchContext,
): Promise<boolean> {
  const { permit, option } = asked;
  const isGranted = permit === "draw" || (await context.permit(permit, option));
  if (isGranted && permit === "probe" && !chain.asks(asked)) unused(option, context);
  return isGranted;
}
