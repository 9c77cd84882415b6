/** What a chain is asked, what it decides, and what an attempt's end meant; the twin of `sporewright/routing/decisions.py`. */
import type { Action, Aside, ChainState, Facts, Outcome, Permit, Restart } from "../generated/calls";

/** What follows good headers: events, an answer short enough to be held until it is whole, anything else. */
export type Body = "events" | "whole" | "bytes";

/** Call this option now; nothing to do before `until`; ask for this, and say `answered`. */
export type Decision =
  | { do: "call"; option: string; attempt: number }
  | { do: "wait"; until: number }
  | { do: "ask"; permit: Permit; option: string };

/** What an attempt's end, or a step of it, meant: where it stood, and what is to be done about it, in order. */
export interface Step {
  option: string;
  outcome: Outcome;
  stage: ChainState;
  actions: readonly Action[];
  firstToken: number | undefined;
  /** Why the option is set aside, where it is. */
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
