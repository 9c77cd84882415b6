/** The public shapes of the page: what goes into a Router and what comes out of it. */
import type { SporewrightError } from "./errors";
import type {
  Aside,
  BlockData,
  DialectName,
  Dropped,
  ErrorData,
  Limits,
  Ranked,
  RefusedCell,
  Restart,
  Term,
} from "./generated/calls";
import type { Attempt, Receipt } from "./receipt-types";

export type { Attempt, Known, Receipt, Recorded, RecordedEnding, SeenHealth, Skipped, Tokens } from "./receipt-types";
export type {
  Aside,
  AsideData,
  Block,
  BlockData,
  BreakerData,
  DialectName,
  Dropped,
  Ended,
  ErrorCode,
  ErrorData,
  Facts,
  KeyData,
  Limits,
  Num,
  Outcome,
  Ranked,
  RefusedCell,
  Restart,
  Sign,
  Term,
} from "./generated/calls";

/** Level → instance; the device's own level is filled in by the engine. */
export type Cursor = Record<string, string>;

/** One write of a config: one writer call at `floor` (C1). A document's value is `{ b64 }`, a gate `"inf"` (S2). */
export interface Seed {
  floor: string;
  level: string;
  inst: string;
  option: string;
  dim: string;
  kind: "value" | "bytes" | "weight" | "option-weight";
  value: number | string | { b64: string };
}

/**
 * A tensor as data (C1); `priors` gives each weighted judgement dimension its value where nothing is known (D4),
 * `global` says what an orchestrator may carry from one workspace to others (U7): nothing without it.
 */
export interface TensorConfig {
  levels: string[];
  seeds?: Seed[];
  priors?: Record<string, number>;
  global?: { dimensions?: string[]; options?: "declared" };
  [more: string]: unknown;
}

/** How to call one option. All of it stays in the page. */
export interface Upstream {
  /** Base address; the path and query of a routed call are appended to it. */
  url: string | URL;
  /** Added to each request for this option, over the caller's own; a function is asked before every attempt. */
  headers?: HeadersInit | (() => HeadersInit | Promise<HeadersInit>);
  /** Last word on a request; what it returns is sent. A throw makes the option unusable for this call. */
  prepare?: (request: Request, option: string) => Request | Promise<Request>;
  /**
   * Whether the caller's own credential headers (`authorization`, `x-api-key`, …) may go there. Without it they reach the
   * upstream whose address the caller wrote, or, of a path, those of the page's own origin: what `fetch` would do.
   */
  callerCredentials?: boolean;
  /** Which model this is: a request whose context was too long for it is not sent to the same model elsewhere. */
  model?: string;
  /** Its context window in tokens: a request too long for one option goes to one whose declared window is larger. */
  window?: number;
  /** How this provider is spoken to, by `router.chat` and with a `key`. Default: `openai`, as most gateways are. */
  dialect?: DialectName;
  /** Sent in the dialect's own header; a function is asked before every attempt. */
  key?: string | (() => string | Promise<string>);
  /** Several keys beside `key`: each is used before this option is left, and left alone by itself where it is refused. */
  keys?: readonly (string | (() => string | Promise<string>))[];
  /** What is taken for its answer. Default: what the call says, else what its path says. */
  expects?: Expectation;
  /** Where `router.chat` finds it below `url`, query included, `{model}` for the model. Default: the dialect's. */
  path?: string;
  /** Whether what this option may have carried out may be sent again. Default: the router's. */
  retry?: RetryRule;
}

/**
 * When a request that an option may have carried out (it fell silent, broke off, failed) is sent again, there or elsewhere.
 * `auto`: idempotent methods, inference (`…/chat/completions` and its like: asked twice it costs twice, and that is all), and
 * what has an `Idempotency-Key`; `safe`: the methods and the key alone; `always`: everything. What cannot have been
 * carried out (refused with 429, never sent) always goes on.
 */
export type RetryRule = "auto" | "safe" | "always";

/** What a routed call may ask for beyond `fetch`. */
export interface RoutedInit extends RequestInit {
  /**
   * What happens when a stream breaks after part of it was handed over. `error` (default): the body errors. `buffer`: the
   * body is delivered when it is whole, so the next option can take over unseen. `notify`: the next option takes over, and
   * `onRestart` says that what follows begins anew.
   */
  restart?: Restart | undefined;
  /** Called before the first byte of the answer that begins anew; everything before it has been read. */
  onRestart?: ((detail: RestartDetail) => void) | undefined;
  /** This request may be sent twice, whatever its method: short for `retry: "always"`. */
  idempotent?: boolean | undefined;
  /** Overrides the upstreams' and the router's rule for this call. */
  retry?: RetryRule | undefined;
  /** Whether a second option may be asked when the first is later than usual. Default: the router's. */
  hedge?: boolean | undefined;
  /** What is taken for an answer. Default: the upstream's, else what the path says. */
  expects?: Expectation | undefined;
}

/** An option that its operator has to look at: why it declined, until when it is set aside (seconds since the epoch). */
export interface AttentionDetail {
  option: string;
  reason: Aside;
  until: number;
}

/** What keeps this page from an option, until when; seconds since the epoch. */
export interface BlockedDetail extends BlockData {
  option: string;
}

/** A stream begins anew, from this option. */
export interface RestartDetail {
  call: number;
  option: string;
}

export type EngineKind = "shared" | "led" | "dedicated" | "inline";

export interface RouterOptions {
  /** The tensor as data, or the address of one; a copy is remembered for offline starts. */
  config: TensorConfig | string | URL;
  cursor?: Cursor | undefined;
  upstreams?: Record<string, Upstream> | undefined;
  /** `wss://…/v1/sync`, or a path on the page's own host; without one this profile learns alone. */
  orchestrator?: string | URL | undefined;
  /** Proves which device this is; a function is asked again whenever a fresh one is needed. */
  token?: string | (() => string | Promise<string>) | null | undefined;
  /** The device's own instance; default: remembered for this profile, or what the orchestrator's token says. */
  device?: string | undefined;
  /** Where the build is served; must be the page's own origin unless the engine is inline. Default: beside this module. */
  runtime?: string | URL | undefined;
  /**
   * Whether this build's files are kept by a service worker of their own, so that the next visit works without a network.
   * Its scope is the folder `runtime` and it answers for the build's files only. Default: yes, where this page is outside
   * that folder; a page inside would be under that worker, too, so it has to say so. False removes an earlier one.
   */
  offline?: boolean | undefined;
  /**
   * `shared`: one engine for all tabs of this profile; `led`: the same without a SharedWorker, one tab runs it for all;
   * `dedicated`: a worker of this page's own; `inline`: in the page's own thread, which it blocks while it starts. Default:
   * the first of these that the browser has and lets this site use, but never `inline`. A second engine over the same storage (another config, build or kind) works and learns, but keeps its
   * records to itself until the first one ends.
   */
  engine?: EngineKind | undefined;
  /** Says how good answers are: learned, and a rejected answer is asked for anew from the next option, if the request may be sent twice. */
  critic?: Critic | undefined;
  /** Length of `queue`. Default 64. */
  limit?: number | undefined;
  /** Milliseconds for one attempt until its headers are in. Default: the plan's. */
  attemptTimeout?: number | undefined;
  /** Milliseconds for a whole routed call. Default: the plan's. */
  deadline?: number | undefined;
  /** When requests may be sent again. Default `auto`. */
  retry?: RetryRule | undefined;
  /** Whether late calls are hedged: a second option asked, for at most 5 % of the calls. Default true. */
  hedge?: boolean | undefined;
  /** Other limits of the plan (docs/reference/limits.md), in seconds; the first page of an engine sets them for all. */
  limits?: Partial<Limits> | undefined;
  /** Milliseconds for each stage of the engine's start. Default 30 000. */
  bootTimeout?: number | undefined;
  /** Milliseconds for one answer of a running engine. Default 10 000. */
  callTimeout?: number | undefined;
}

export type RouterState = "cold" | "starting" | "ready" | "closed" | "failed";

/** How the engine stood when a call was made. */
export interface EngineStanding {
  state: RouterState;
  /** Of a start that is under way, or has failed. */
  stage?: string;
  /** Why it did not come up, or is gone. */
  reason?: string;
}

export interface SyncState {
  state: "off" | "connecting" | "live" | "waiting" | "refused";
  /** Own cells that the orchestrator has not acknowledged yet. */
  pending: number;
  /** Revision of the shared levels that this device stands on, null before the first one. */
  revision: number | null;
  /** Seconds for which this device's evidence counts after its last message, null without an orchestrator. */
  lease: number | null;
  error?: ErrorData;
}

/** `[level, instance]` that a layer was folded from (F1). */
export type Source = Term["value_source"];

/** The order with its reasons (R8): adding an option's products in order gives its score exactly. */
export interface Resolution {
  ranked: Ranked[];
  dropped: Dropped[];
}

/** How good an answer was, 0 to 1; false: it will not do, and the next option is asked; true or nothing: it will. */
export type Verdict = number | boolean | { quality?: number; reject?: boolean } | undefined;

/**
 * What is taken for an answer; anything else fails as `invalid_answer`, and the next option is asked. `json`: JSON in one
 * piece that is no error object; `events`: a stream of events that says something; `any`: whatever comes. A function is shown
 * the whole answer, which is held back for it. Without it inference, by the end of its path, expects an answer of its kind.
 */
export type Expectation = "answer" | "json" | "events" | "any" | ((answer: Response) => Verdict | Promise<Verdict>);

/** Looks at a copy of a whole answer before the caller gets it; a stream of events is not shown to it. */
export type Critic = (answer: Response, receipt: Receipt) => Verdict | Promise<Verdict>;

/** What a caller says of an answer. */
export interface Report {
  /** How good it was: 0 to 1, 1 is best. */
  quality?: number;
  /** What it cost, USD. */
  cost?: number;
  /** Tokens it took, priced by the config's `price:in` and `price:out` (USD per million). */
  tokens?: { in?: number; out?: number };
  /** Any further measure by dimension, in the units of its cells; learned where the config says how. */
  more?: Record<string, number>;
}

export interface QueueDetail {
  queue: readonly string[];
  total: number;
  /** Counts the changes since this queue was first told. */
  revision: number;
}

export interface StateDetail {
  state: RouterState;
  stage?: string;
  error?: ErrorData;
  /** The engine keeps nothing: another engine of this profile holds the storage. It takes over when that one ends. */
  readOnly?: boolean;
}

export interface AttemptDetail extends Attempt {
  /** Numbers the routed calls of this page: attempts of one call share it. */
  call: number;
}

export interface RouterEvents {
  queue: QueueDetail;
  attempt: AttemptDetail;
  sync: SyncState;
  state: StateDetail;
  refused: { cells: RefusedCell[] };
  cooldown: { option: string; until: number };
  restart: RestartDetail;
  /** An option is gated for this page, and why (docs/reference/failure-diagnosis.md); it comes back by itself at `until`. */
  blocked: BlockedDetail;
  /** An option declined for a reason of its own, and is set aside: somebody has to look at its key, credit, model or region. */
  attention: AttentionDetail;
  /** A routed call has ended, its body included. */
  receipt: Receipt;
}

export interface WatchEvents {
  change: QueueDetail;
  /** It cannot be followed (an unknown level, an engine that failed); there will be no changes. */
  error: SporewrightError;
}
