/** What is written down of one routed call: the public shapes of receipts. */
import type {
  AsideData,
  Block,
  BlockData,
  BreakerData,
  Ended,
  Facts,
  KeyData,
  Limits,
  Outcome,
  Restart,
  Sign,
} from "./generated/calls";
import type { Cursor, EngineStanding, Resolution } from "./types";

export interface Attempt {
  option: string;
  outcome: Outcome;
  /** HTTP status, if there was a response. */
  status?: number;
  /** Which of the option's keys was used, by number, where it has several. */
  key?: number;
  /** Seconds until the headers were in or the attempt ended. */
  latency: number;
  /** Why it ended so, for people. */
  reason: string;
  /** Seconds that the upstream asked us to stay away. */
  retryAfter?: number;
  /** Seconds until it ended, body included. */
  duration?: number;
  /** Length of what was read of the body. */
  bytes?: number;
  /** What the provider said the answer used, as it said it. */
  usage?: unknown;
  /** What the engine was told of it, to learn its cost from; of chats. */
  tokens?: Tokens;
}

export interface Tokens {
  in?: number;
  out?: number;
}

export interface Skipped {
  option: string;
  reason: string;
}

/** What stood between a call and an option when a decision was made; seconds since the epoch. */
export interface SeenHealth {
  cooling_until?: number;
  blocked?: BlockData;
  aside?: AsideData;
  keys?: readonly KeyData[];
  breaker?: BreakerData;
}

/** One thing that a call's chain was told or asked; `at` in seconds since the epoch, `chance` in [0, 1). */
export type Recorded =
  | { do: "pick" | "hedge"; at: number; chance: number; health: Record<string, SeenHealth> }
  | { do: "answered"; at: number; chance: number; granted: boolean; health: Record<string, SeenHealth> }
  | { do: "opened"; at: number; attempt: number; body: "events" | "whole" | "bytes" }
  | { do: "token"; at: number; attempt: number; finished: boolean }
  | { do: "ended"; at: number; attempt: number; chance: number; ending: RecordedEnding }
  | { do: "network"; offline: boolean }
  | { do: "slept"; gap: number }
  | { do: "queued"; gap: number; attempt: number }
  | { do: "rejected"; attempt: number }
  | { do: "abort" };

export interface RecordedEnding {
  kind: "status" | "abort" | Ended;
  status?: number;
  retry_after_s?: number;
  says?: readonly Sign[];
  reason?: Block;
}

/** The order with its reasons as the engine had it for a call (L9): adding an option's products gives its score. */
export interface Known extends Resolution {
  revision: string;
  address: Cursor;
  policy: { operator: "resolve" };
  selection: string[];
}

/**
 * What happened to one routed call and why, as JSON data that `sporewright replay` decides again. Addresses, headers,
 * prompts and answers are never in it; current as long as the answer streams.
 */
export interface Receipt {
  version: 1;
  /** Numbers the routed calls of this page. */
  call: number;
  /** When it began, seconds since the epoch. */
  at: number;
  /** Version of the plan (docs/reference/plan.md) that it followed. */
  plan: number;
  /** `open` until its body has been read to the end, and the critic has taken it. */
  end: "open" | "answered" | "failed" | "aborted";
  /** Code of the error that it failed with. */
  error?: string;
  /** The option that answered; empty where nobody did. */
  option: string;
  /** The order known when the call was made. */
  queue: readonly string[];
  attempts: Attempt[];
  skipped: readonly Skipped[];
  /** The options that this page can call. */
  upstreams: readonly string[];
  /** Without one calls are routed, and nothing is learned. */
  engine: EngineStanding;
  traits: {
    repeatable: boolean;
    streaming: boolean;
    restart: Restart;
    hedge: boolean;
    judged?: boolean;
    model?: string;
  };
  facts: Readonly<Record<string, Facts>>;
  /** The page's own limits, where they differ from the plan's. */
  limits: Partial<Limits>;
  log: readonly Recorded[];
  /** Null before the engine is up, where its order has moved on meanwhile, and beyond 32 options. */
  known: Known | null;
}
