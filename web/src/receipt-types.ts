/** The public shapes of receipts, the record of one routed call, and of what they are made of. */
import type {
  AsideData,
  Block,
  BlockData,
  BreakerData,
  Dropped,
  Ended,
  Facts,
  Figures,
  KeyData,
  Limits,
  Outcome,
  Preferences,
  Ranked,
  Restart,
  Sign,
} from "./generated/calls";

/** An instance for each level; the engine fills in the device's own. */
export type Cursor = Record<string, string>;

export type RouterState = "cold" | "starting" | "ready" | "closed" | "failed";

/** The state of the engine when a call was made. */
export interface EngineStanding {
  state: RouterState;
  /** The stage of a start that is under way or has failed. */
  stage?: string;
  /** The reason why the engine did not start, or is gone. */
  reason?: string;
}

/** The order with its reasons (R8): adding an option's products in order gives its score exactly. */
export interface Resolution {
  ranked: Ranked[];
  dropped: Dropped[];
  /** The options that the preferences pass over; absent if there are none. */
  skipped?: Skipped[];
}

export interface Attempt {
  option: string;
  outcome: Outcome;
  /** HTTP status, if there was a response. */
  status?: number;
  /** Number of the key that was used, if the option has several. */
  key?: number;
  /** Seconds until the headers had arrived or the attempt ended. */
  latency: number;
  /** The reason for its end, for people. */
  reason: string;
  /** Seconds that the upstream asked to wait. */
  retryAfter?: number;
  /** Seconds until it ended, body included. */
  duration?: number;
  /** Bytes of the body that were read. */
  bytes?: number;
  /** The usage as the provider reports it. */
  usage?: unknown;
  /** Tokens of a chat, from which its cost is learned. */
  tokens?: Tokens;
}

export interface Tokens {
  in?: number;
  out?: number;
  /** Those of `in` that the provider had in a cache. */
  cached?: number;
}

export interface Skipped {
  option: string;
  reason: string;
  /** The reason for people, with its numbers, where a call was only thought of. */
  why?: string;
}

/** The health of an option when a decision was made; times in seconds since the epoch. */
export interface SeenHealth {
  cooling_until?: number;
  blocked?: BlockData;
  aside?: AsideData;
  keys?: readonly KeyData[];
  breaker?: BreakerData;
}

/** One event of a call's chain or one decision; `at` in seconds since the epoch, `chance` in [0, 1). */
export type Recorded =
  | { do: "pick" | "hedge" | "race"; at: number; chance: number; health: Record<string, SeenHealth> }
  | {
      do: "answered";
      at: number;
      chance: number;
      granted: boolean;
      /** The time from which pools cover the draw that was asked for; `inf`: never. */
      until?: number | "inf";
      health: Record<string, SeenHealth>;
    }
  | { do: "opened"; at: number; attempt: number; body: "events" | "whole" | "bytes" }
  | { do: "token"; at: number; attempt: number; finished: boolean }
  | {
      do: "ended";
      at: number;
      attempt: number;
      chance: number;
      ending: RecordedEnding;
      /** Of an option with several keys. */
      health?: Record<string, SeenHealth>;
    }
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
  /** The obstacle between this page and it, if it is blocked or unreadable. */
  reason?: Block;
}

/** The order with its reasons as the engine had it for a call (L9). An option's products add up to its score. */
export interface Known extends Resolution {
  revision: string;
  address: Cursor;
  policy: { operator: "resolve" };
  selection: string[];
}

/**
 * The record of one routed call, as JSON data that `sporewright replay` can decide again. It never contains addresses,
 * headers, prompts or answers. It is kept current while the answer streams.
 */
export interface Receipt {
  version: 1;
  /** Number of the routed call in this page. */
  call: number;
  /** The time at which it began, seconds since the epoch. */
  at: number;
  /** Version of the plan (docs/reference/plan.md) that it followed. */
  plan: number;
  /** `open` until the body has been read to its end and the critic has accepted it. */
  end: "open" | "answered" | "failed" | "aborted";
  /** The code of its error. */
  error?: string;
  /** The option that answered; empty if none did. */
  option: string;
  /** The critic rejected every answer, and the caller has the one that it rated best; absent otherwise. */
  verdict?: { rejected: true; quality: number };
  /** The kind of work, if the call named one. */
  task?: string;
  /** The call's own part of the cursor, its kind of work included; absent if it had none. */
  cursor?: Cursor;
  /** The order that the call walked. */
  queue: readonly string[];
  /** The preferences of the call and the learned order that they arranged; absent if it had none. */
  preferences?: {
    asked: Preferences;
    from: readonly string[];
    /** The cost (USD) and latency (s) that were expected of the call, by option; absent if it had no cap. */
    figures?: Readonly<Record<string, Figures>>;
    /** The declared properties of each upstream; absent if the call needed none. */
    properties?: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>>;
  };
  attempts: Attempt[];
  skipped: readonly Skipped[];
  /** The options that this page can call. */
  upstreams: readonly string[];
  /** The state of the engine. Without an engine calls are routed and nothing is learned. */
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
  /** The page's own limits that differ from the plan's. */
  limits: Partial<Limits>;
  log: readonly Recorded[];
  /** Null before the engine is up, if its order has moved on meanwhile, and beyond 32 options. */
  known: Known | null;
}
