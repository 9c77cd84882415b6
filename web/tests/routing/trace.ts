/** The shape of a trace (docs/reference/traces.md). */
import type { Ending } from "../../src/routing/classify";
import type { CallTraits } from "../../src/routing/decisions";
import type { Aside, Block, ChainState, Limits, OptionHealth, Outcome, Permit } from "../../src/generated/calls";
import type { Said } from "./reported";

export interface Past {
  at: number;
  option: string;
  outcome: Outcome;
  times?: number;
  stage?: ChainState;
  first_token_s?: number;
  retry_after_s?: number;
  streaming?: boolean;
  chance?: number;
  reason?: Block | Aside;
  key?: number;
  keys?: number;
  model?: string;
}

export interface Called {
  queue: string[];
  upstreams: string[];
  call?: CallTraits;
  chance?: number;
  offline?: boolean;
}

export interface TraceEvent
  extends Omit<Ending, "kind">, Partial<Omit<Past, "at" | "reason" | "stage" | "model">>, Partial<Called> {
  at: number;
  kind: string;
  gap?: number;
  attempt?: number;
  body?: "events" | "whole" | "bytes";
  finished?: boolean;
  blank?: boolean;
  since?: number;
  granted?: boolean;
  until?: number;
  permit?: Permit;
  health?: OptionHealth;
  tokens?: NonNullable<Said["tokens"]>;
  credential?: string;
}

export interface Trace extends Called {
  name: string;
  limits?: Partial<Limits>;
  cooldowns?: Record<string, number>;
  before?: Past[];
  at?: number;
  asks?: "told";
  task?: string;
  allowances?: Record<string, number>;
  events: TraceEvent[];
  expect: unknown;
}
