/** One attempt as its chain knows it, and how long it is waited for; the twin of `sporewright/routing/patience.py`. */
import { SporewrightError } from "../errors";
import type { ChainState, Limits } from "../generated/calls";
import type { Candidates } from "./candidates";
import type { Health } from "./health";

export interface AttemptState {
  option: string;
  began: number;
  probe: boolean;
  /** It was asked because those before it were silent. */
  fallback: boolean;
  /** Another option was asked beside it because it was silent. */
  raced: boolean;
  /** The number of the option's key that it uses. */
  key: number;
  /** It began with the call: the call's whole time was its own. */
  hadAll: boolean;
  state: ChainState;
  heard: number;
  /** Seconds to the first token of a stream, or to the headers of anything else. */
  first: number | undefined;
  /** The answer has said that it is whole; only usage and the end mark may follow. */
  finished: boolean;
  /** Its body is held only because it is short: it has to be whole within the call's deadline. */
  short: boolean;
  /** Something of its body has come that is not white space. */
  begun: boolean;
  /** Anything is its answer: once its headers are in nobody cuts it, and what is held of it is handed over in time. */
  any: boolean;
  /** The clock had a gap. */
  slept: boolean;
  /** Its duration is no measurement: the clock had a gap, or it waited on this side for a connection. */
  untimed: boolean;
}

/** An attempt that is only called so far. */
export const FRESH = {
  state: "CALLING",
  raced: false,
  first: undefined,
  finished: false,
  short: false,
  begun: false,
  slept: false,
  untimed: false,
} as const;
/** Nothing of an answer has come. */
export const UNANSWERED: ReadonlySet<ChainState> = new Set(["CALLING", "OPENED"]);
const ENDS: ReadonlySet<ChainState> = new Set(["DELIVERED", "BROKEN", "LOST", "ABORTED", "PICKING"]);

/** True if it has ended. */
export function isOver({ state }: AttemptState): boolean {
  return ENDS.has(state);
}

/** True if nothing has come by which it could be told from an option that does not answer. */
export function isSilent({ any, state, heard, began }: AttemptState): boolean {
  return state === "CALLING" ? heard <= began : state === "OPENED" && !any;
}

/** True if the call's deadline bounds it, too: until it answers, and while a short answer is not whole. */
function isBounded({ state, short, finished }: AttemptState): boolean {
  return UNANSWERED.has(state) || (state === "HOLDING" && short && !finished);
}

/** True if something has come that is not an answer yet and must become one before it is handed over. */
function isHeldBack({ any, state, heard, began, short, finished }: AttemptState): boolean {
  if (any) return false;
  return state === "CALLING" ? heard > began : state === "HOLDING" && short && !finished;
}

/** The beginning of the silence that is measured now: its start, or when something of the answer came last. */
function silentSince(one: AttemptState, streaming: boolean): number {
  const isBegun = one.state === "CALLING" || (one.state === "OPENED" && streaming);
  return isBegun ? one.began : one.heard;
}

/** The time at which its own limit is over; `firstToken`: its option's limit for the first token. */
function dueOf(one: AttemptState, limits: Limits, firstToken: number, streaming: boolean): number {
  const patience = one.heard + limits.inter_token_s;
  const own = one.began + (streaming ? firstToken : limits.attempt_timeout_s);
  if (one.any && !UNANSWERED.has(one.state)) return one.state === "HOLDING" ? patience : Infinity;
  // A long answer in one piece takes its time, whenever its headers came.
  if (one.state === "HOLDING" && one.short && !one.begun) return Math.max(patience, own);
  if (!UNANSWERED.has(one.state)) return patience;
  if (one.state === "OPENED") return (streaming ? one.began : one.heard) + firstToken;
  // White space before an answer in one piece keeps a connection alive: a sign of life.
  return one.heard > one.began ? Math.max(own, patience) : own;
}

/** Time limits of a call's attempts: each has a limit of its own, within the call's `deadline`. */
export abstract class Patience {
  protected readonly all: AttemptState[] = [];
  protected readonly streaming: boolean;
  readonly #repeatable: boolean;

  constructor(
    protected readonly health: Health,
    protected readonly left: Candidates,
    protected readonly limits: Limits,
    protected deadline: number,
    { streaming, repeatable }: { streaming: boolean; repeatable: boolean },
  ) {
    [this.streaming, this.#repeatable] = [streaming, repeatable];
  }

  abstract get state(): ChainState;

  /** The attempts that have not ended, oldest first. */
  get running(): number[] {
    return this.all.flatMap((one, number) => (isOver(one) ? [] : [number]));
  }

  /** Since when the silence lasts that its own limit bounds. */
  silentSince(attempt: number): number {
    return silentSince(this.underWay(attempt), this.streaming);
  }

  /** The time at which the wait for this attempt ends: by its limit, its share of the call, or the deadline. */
  due(attempt: number): number {
    const one = this.underWay(attempt);
    return Math.min(this.#ownDue(one), this.#share(one), isBounded(one) ? this.deadline : Infinity);
  }

  /** True if it is then handed over as it comes (`opened` with `bytes`), and does not end. */
  handsOver(attempt: number): boolean {
    const { any, state } = this.underWay(attempt);
    return any && (state === "OPENED" || state === "HOLDING");
  }

  /** True if it then ends because another option is to have the rest of the call's time. */
  outstays(now: number, attempt: number): boolean {
    const one = this.underWay(attempt);
    return this.#share(one) <= now && now < this.#ownDue(one);
  }

  /** True if the call's deadline ends the wait for this attempt, and not its own limit. */
  isPast(now: number, attempt: number): boolean {
    const one = this.underWay(attempt);
    return isBounded(one) && Math.max(now, this.deadline) < Math.min(this.#ownDue(one), this.#share(one));
  }

  /** True if it then ends with `deadline`, else with `timeout`: to one that had all the time there is it is its limit. */
  isCut(now: number, attempt: number): boolean {
    return this.isPast(now, attempt) && !this.underWay(attempt).hadAll;
  }

  /**
   * The seconds that a caller's function has to judge this answer: as long as an attempt may take. What is left of the
   * call's time bounds that as well, unless the answer is a stream, which may have outlasted it.
   */
  verdictSeconds(now: number, attempt: number): number {
    const [one, most] = [this.all[attempt], this.limits.attempt_timeout_s];
    const flows = one?.state === "HOLDING" && !one.short;
    return flows ? most : Math.min(most, Math.max(0, this.deadline - now));
  }

  protected get isLast(): boolean {
    return this.all.length >= this.limits.max_attempts;
  }

  protected underWay(attempt: number): AttemptState {
    const one = this.all[attempt];
    if (one && !isOver(one)) return one;
    throw new SporewrightError("protocol", `attempt ${attempt} is not running; the chain is ${this.state}`);
  }

  /**
   * The time from which another option is asked beside this silent one, if one is free then; ∞ if none. Two thirds of
   * what was left of the call when it began, as in `#share`, or later (LatencyHistory.raceAfter).
   */
  protected raceFrom(one: AttemptState): number {
    const history = this.health.history(one.option, this.streaming);
    const at = this.left.freeFrom(one.began + history.raceAfter(this.deadline - one.began, one.probe));
    return at < Math.min(this.deadline, this.#ownDue(one)) ? at : Infinity;
  }

  /**
   * The end of a silent attempt once another option has answered: a failure, or what the deadline would be. It is a
   * failure if it began with the call and its usual time is over (LatencyHistory.lost), or if its silence is long enough
   * to tell.
   */
  protected silenceOf(one: AttemptState, now: number): "timeout" | "deadline" {
    const history = this.health.history(one.option, this.streaming);
    const silence = now - silentSince(one, this.streaming);
    const fails = one.hadAll ? history.lost(one.began, now, silence, one.probe) : silence >= history.telling;
    return fails ? "timeout" : "deadline";
  }

  /** The one attempt under way that a second copy may be sent beside: until it has won. */
  protected late(): AttemptState | undefined {
    const [late, ...others] = this.running.map((number) => this.underWay(number));
    return late && others.length === 0 && UNANSWERED.has(late.state) && this.mayRepeat(late.option) ? late : undefined;
  }

  /** The newest attempt, if none under way has said anything, and the request may be sent once more. */
  protected silent(): AttemptState | undefined {
    const running = this.running.map((number) => this.underWay(number));
    const may = !this.isLast && running.every((one) => isSilent(one) && this.mayRepeat(one.option));
    return may ? running.at(-1) : undefined;
  }

  /** True if the request that was sent there may be sent once more, there or elsewhere. */
  protected mayRepeat(option: string): boolean {
    return this.left.facts(option).repeatable ?? this.#repeatable;
  }

  /**
   * Until when what comes of it and is held back may take, if another option could be asked then. Two thirds of what was
   * left of the call when it began: a third is what `attempt_timeout_s` is of `deadline_s`.
   */
  #share(one: AttemptState): number {
    if (!isHeldBack(one) || !this.mayRepeat(one.option) || this.isLast) return Infinity;
    const share = one.began + ((this.deadline - one.began) * 2) / 3;
    return this.left.isAnotherReady(share) ? share : Infinity;
  }

  #ownDue(one: AttemptState): number {
    return dueOf(one, this.limits, this.health.history(one.option, true).firstToken, this.streaming);
  }
}
