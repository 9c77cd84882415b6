/** The questions to a chain, its decisions, and its account of an end; the twin of `sporewright/routing/decisions.py`. */
import type { Action, Aside, ChainState, Facts, Outcome, Permit, Restart } from "../generated/calls";

/** The body after good headers: events, an answer short enough to be held until it is whole, or bytes. */
export type Body = "events" | "whole" | "bytes";

/** Call this option now; nothing to do before `until`; ask for this, and say `answered`. */
export type Decision =
  | { do: "call"; option: string; attempt: number }
  | { do: "wait"; until: number }
  | { do: "ask"; permit: Rationed; option: string };

/** A permit, or the draw on the option's pools (P3). */
export type Rationed = Permit | "draw";

/** An attempt's end, or a step of it: the state it was in, and the actions to carry out, in order. */
export interface Step {
  option: string;
  outcome: Outcome;
  stage: ChainState;
  actions: readonly Action[];
  firstToken: number | undefined;
  /** The reason for which the option is set aside, if it is. */
  aside?: Aside | undefined;
  /** The model that it declined. */
  model?: string | undefined;
  /** Another key of the option is used next: nothing is held against it. */
  spared: boolean;
}

/** The request's own nature. */
export interface CallTraits {
  /** It may be carried out twice. */
  repeatable?: boolean;
  /** It asks for a stream: its first token is waited for from the start. */
  streaming?: boolean;
  restart?: Restart;
  hedge?: boolean;
  /** It expects an answer of a kind. */
  judged?: boolean;
  /** The model that it names. */
  model?: string | undefined;
  facts?: Readonly<Record<string, Facts>>;
}
