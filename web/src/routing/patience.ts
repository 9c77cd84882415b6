/** One attempt as its chain knows it, and how long it is waited for; the twin of `sporewright/routing/patience.py`. */
import type { ChainState, Limits } from "../generated/calls";

export interface AttemptState {
  option: string;
  began: number;
  probe: boolean;
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

/** True if the call's deadline bounds it, too: until it answers, and while a short answer is not whole. */
export function isBounded({ state, short, finished }: AttemptState): boolean {
  return UNANSWERED.has(state) || (state === "HOLDING" && short && !finished);
}

/** True if something has come that is not an answer yet and must become one before it is handed over. */
export function isHeldBack({ any, state, heard, began, short, finished }: AttemptState): boolean {
  if (any) return false;
  return state === "CALLING" ? heard > began : state === "HOLDING" && short && !finished;
}

/** Two thirds of what was left of the call when it began: a third is what `attempt_timeout_s` is of `deadline_s`. */
export function shareOf({ began }: AttemptState, deadline: number): number {
  return began + ((deadline - began) * 2) / 3;
}

/**
 * The seconds that a caller's function has to judge this answer: as long as an attempt may take. What is `left` of the
 * call's time bounds that as well, unless the answer is a stream, which may have outlasted it.
 */
export function verdictSeconds(
  one: AttemptState | undefined,
  { attempt_timeout_s: most }: Limits,
  left: number,
): number {
  const flows = one?.state === "HOLDING" && !one.short;
  return flows ? most : Math.min(most, Math.max(0, left));
}

/** The beginning of the silence that is measured now: its start, or when something of the answer came last. */
export function silentSince(one: AttemptState, streaming: boolean): number {
  const isBegun = one.state === "CALLING" || (one.state === "OPENED" && streaming);
  return isBegun ? one.began : one.heard;
}

/** The time at which its own limit is over; `firstToken`: its option's limit for the first token. */
export function dueOf(one: AttemptState, limits: Limits, firstToken: number, streaming: boolean): number {
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
