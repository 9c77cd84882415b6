/**
 * The answer of one attempt, read piece by piece: what its bytes mean for the chain, and what is to be done for them. Without I/O:
 * the caller hands over each piece as it comes, and carries out the effects in their order. The twin of
 * `sporewright/routing/answer_reader.py`.
 */
import { Brackets, isBlank, joined } from "../streams";
import type { ChainState, Plan } from "../generated/calls";
import type { Tokens } from "../types";
import type { AttemptChain } from "./attempt-chain";
import type { Ending } from "./classify";
import type { Body, Step } from "./decisions";
import { Events, type Heard, type Judge, type Kind, type Listening } from "./dialects";

/** The states in which what comes is the caller's at once. */
export const HANDED: ReadonlySet<ChainState> = new Set(["STREAMING", "RESTARTABLE", "BODY"]);

/**
 * `known`: the form of the answer is known, which is its latency. `keep`: these bytes are the caller's, at once where `handed`, else
 * they are held until the answer is his. `step`: of the chain, whose actions are due. `over`: the attempt ends so, `reason` for
 * people; `shown`: unless the caller's own function rejects the answer.
 */
export type Effect =
  | { do: "known" }
  | { do: "keep"; piece: Uint8Array; handed: boolean }
  | { do: "step"; step: Step }
  | { do: "over"; ending: Ending; reason: string; shown: boolean };

export interface Answer {
  /** The kind of body that its headers say. */
  body: Body;
  isJson: boolean;
  /** Finds its form; null: any response is an answer. */
  judge: Judge | null;
  /** The listener that follows a chat. */
  listen: () => Listening | undefined;
  /** The caller's own function has to see it whole. */
  asks: boolean;
  /** All of it is held back until it is whole. */
  isHeld: boolean;
}

/** The reason, for people, for which an attempt ended, where its body gives it. */
export const WHY: Readonly<Record<Kind, string>> = {
  complete: "whole",
  truncated: "the stream ended in the middle",
  malformed: "an event of the stream is no JSON",
  failed: "the stream told of an error",
  invalid: "no answer in it",
};

export class AnswerReader {
  readonly #chain: AttemptChain;
  readonly #number: number;
  readonly #plan: Plan;
  readonly #answer: Answer;
  #judge: Judge | null;
  #events: Listening | null = null;
  #brackets: Brackets | null = null;
  /** Of an answer in one piece nothing but white space has come. */
  #isBlank = false;
  #began: Uint8Array[] = [];
  length = 0;
  usage: unknown = undefined;
  /** The tokens that it has counted, once it has ended. */
  tokens: Tokens | undefined = undefined;

  constructor(chain: AttemptChain, number: number, plan: Plan, answer: Answer) {
    [this.#chain, this.#number, this.#plan, this.#answer] = [chain, number, plan, answer];
    this.#judge = answer.judge;
  }

  /** Its good headers are in. */
  begins(now: number): Effect[] {
    if (this.#judge) return this.#decided(now, this.#judge);
    const { asks, body, isJson } = this.#answer;
    // An answer that a function has to see before it counts is held back within the deadline, whatever it is.
    const kind = asks && body === "bytes" ? "whole" : body;
    if (kind === "events") this.#events = new Events(this.#plan);
    else if (isJson) this.#brackets = new Brackets();
    this.#isBlank = kind === "whole";
    return [this.#opened(now, kind)];
  }

  /** The next bytes. */
  feed(now: number, piece: Uint8Array): Effect[] {
    if (!this.#judge) return this.#takes(now, piece);
    this.#judge.feed(piece);
    this.#began.push(piece);
    const effects = this.#decided(now, this.#judge);
    // Decided, there is no judge any more, unless it is no answer.
    if (effects.length === 0) this.#chain.token(now, this.#number, false, true);
    if (effects.length === 0 || effects[0]?.do === "over") return effects;
    return [...effects, ...this.#takes(now, joined(this.#began.splice(0)))];
  }

  /** Nothing follows. */
  ends(now: number): Effect[] {
    if (!this.#judge) return [this.#over()];
    this.#judge.ends();
    return this.#decided(now, this.#judge);
  }

  /** It is held back no longer: from here on it is the caller's as it comes. */
  handsOver(now: number): Effect[] {
    this.#events = null;
    return [this.#opened(now, "bytes")];
  }

  #opened(now: number, body: Body): Effect {
    return { do: "step", step: this.#chain.opened(now, body, this.#number) };
  }

  /** Its end if it is no answer, as far as can be told now; one whose form is known is opened. */
  #decided(now: number, judge: Judge): Effect[] {
    if (judge.invalid !== undefined) return [over("invalid", `no answer: ${judge.invalid}`)];
    if (judge.form === undefined) return [];
    [this.#judge, this.#events] = [null, this.#answer.listen() ?? judge.listener()];
    this.#brackets = judge.form === "json" ? new Brackets() : null;
    return [{ do: "known" }, this.#opened(now, judge.form === "json" ? "whole" : "events")];
  }

  #takes(now: number, piece: Uint8Array): Effect[] {
    this.length += piece.byteLength;
    const heard = this.#events?.feed(piece);
    this.#brackets?.feed(piece);
    this.#isBlank &&= isBlank(piece);
    if (heard?.usage !== undefined) this.usage = heard.usage;
    if (heard?.malformed) return [over("malformed", WHY.malformed)];
    if (heard && heard.error !== undefined) return [over("failed", WHY.failed)];
    const handed = HANDED.has(this.#chain.stateOf(this.#number));
    const effects: Effect[] = [{ do: "keep", piece, handed }, ...this.#told(now, heard), ...this.#bounded(now)];
    if (heard?.done && effects.at(-1)?.do !== "over") effects.push(this.#over());
    return effects;
  }

  /** The chain hears of a token, of a sign of life, or of the answer's own word that it is whole. */
  #told(now: number, heard: Heard | undefined): Effect[] {
    if (heard && heard.tokens + heard.others === 0 && !heard.finished && !this.#isBlank) return [];
    const step = this.#chain.token(now, this.#number, heard?.finished ?? false, this.#isBlank);
    return step ? [{ do: "step", step }] : [];
  }

  /** The end of what is more than may be held; what need not be held is handed over from here on. */
  #bounded(now: number): Effect[] {
    const { length } = this;
    const [state, { limits }, { isHeld }] = [this.#chain.stateOf(this.#number), this.#plan, this.#answer];
    if (state === "OPENED" && length > limits.event_bytes) return [over("malformed", `${length} bytes and no token`)];
    if (state !== "HOLDING") return [];
    if (isHeld && length > limits.buffer_bytes)
      return [over("too_large", `${length} bytes, and limits.buffer_bytes is ${limits.buffer_bytes}`)];
    return !isHeld && length > limits.hold_bytes ? [this.#opened(now, "bytes")] : [];
  }

  /** The end that the end of its body is. */
  #over(): Effect {
    const events = this.#events;
    let kind = events?.ends() ?? "complete";
    if (events?.usage !== undefined) this.usage = events.usage;
    if (events?.tokens) this.tokens = events.tokens;
    const option = this.#chain.attempts[this.#number] ?? "";
    if (kind === "complete" && events && this.#chain.isJudged(option) && !events.hasSaidAnything) kind = "invalid";
    if (this.#brackets?.isOpen) kind = "truncated";
    return { ...over(kind, WHY[kind]), shown: kind === "complete" && this.#answer.asks };
  }
}

function over(kind: Kind | "too_large", reason: string): Effect & { do: "over" } {
  return { do: "over", ending: { kind }, reason, shown: false };
}
