/** The public shapes of the page: what goes into a Router and what comes out of it. */
import type { SporewrightError } from "./errors";
import type {
  Aside,
  BlockData,
  DialectName,
  ErrorData,
  Limits,
  RefusedCell,
  Restart,
  Slot,
  Term,
} from "./generated/calls";
import type { Attempt, Cursor, Receipt, RouterState } from "./receipt-types";

export type {
  Attempt,
  Cursor,
  EngineStanding,
  Known,
  Receipt,
  Recorded,
  RecordedEnding,
  Resolution,
  RouterState,
  SeenHealth,
  Skipped,
  Tokens,
} from "./receipt-types";
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
  Figures,
  KeyData,
  Limits,
  Num,
  Outcome,
  Place,
  Preferences as RecordedPreferences,
  Ranked,
  RefusedCell,
  Restart,
  Sign,
  Slot,
  Term,
} from "./generated/calls";

/** One write of a config: a call of a writer made at `floor` (C1). A document is `{ b64 }`, a gate `"inf"` (S2). */
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
 * A tensor as data (C1). `priors`: the value of an option before it is measured, by dimension (D4). `global`: what an
 * orchestrator may carry from one workspace to others (U7); nothing by default.
 */
export interface TensorConfig {
  levels: string[];
  seeds?: Seed[];
  priors?: Record<string, number>;
  global?: { dimensions?: string[]; options?: "declared" };
  /** Caps of what is scarce, by name. */
  pools?: Record<string, PoolConfig>;
  /** By `stage`, `stage:consumer` or `stage:consumer:instance`, then by capability: what to try, in order. */
  chains?: Record<string, Record<string, Slot[]>>;
  /** Stage → the key under which its chains stand. */
  aliases?: Record<string, string>;
  [more: string]: unknown;
}

/** The unit of a pool; `concurrent`: calls in flight. */
export type PoolUnit = "requests" | "tokens" | "usd" | "seconds" | "concurrent";

/** The step of the calendar after which a quota is full again. */
export type PoolWindow = "hour" | "day" | "week" | "month";

/** A cap that somebody owns. A `window` in seconds is a rate; calls in flight have none. */
export interface PoolConfig {
  unit: PoolUnit;
  cap: number;
  window?: number | PoolWindow;
  options: string[];
  /** The time zone of a calendar's window; default `UTC`. */
  tz?: string;
  /** True: the use of a call beyond the cap is taken from the next window. */
  hard?: boolean;
}

/** A pool as it stands, in its unit. */
export interface PoolState {
  unit: PoolUnit;
  cap: number;
  left: number;
  /** The price of one unit; 0 while the pool is slack. */
  price: number;
  /** The time, in seconds since the epoch, at which a quota turns or a rate is full; 0 if it is. */
  until: number;
}

/**
 * Answers requests in this page, in place of a server: a model on this device, for example. The signal is aborted when
 * the answer is not wanted any more. It fails by throwing, or by an answer that is no unread Response.
 */
export type RunFunction = (request: Request, context: { signal: AbortSignal }) => Response | Promise<Response>;

/** One option and how it is called, by one of `url` and `run`. It stays in the page: the worker never sees it. */
export interface Upstream {
  /** Base address; the path and query of a routed call are appended to it. */
  url?: string | URL;
  /** A function of this page that answers in place of a server. */
  run?: RunFunction;
  /** True: it needs no network, and is asked when the device is offline. Default: true for a function and for this machine. */
  local?: boolean;
  /** Headers added to each request for this option, over the caller's. A function is called before every attempt. */
  headers?: HeadersInit | (() => HeadersInit | Promise<HeadersInit>);
  /** Changes a request before it is sent; its result is sent. If it throws, the option is unusable for this call. */
  prepare?: (request: Request, option: string) => Request | Promise<Request>;
  /**
   * True: the caller's credential headers (`authorization`, `x-api-key`, …) may be sent to this option. By default they
   * are sent to the upstream whose address the caller wrote, or, for a path, to upstreams of the page's own origin.
   */
  callerCredentials?: boolean;
  /** The model. A request that is too long for its context is not sent to the same model elsewhere. */
  model?: string;
  /** The context window in tokens. A request too long for one option goes to one with a larger declared window. */
  window?: number;
  /** The provider's dialect, used by `router.chat` and for `key`. Default: `openai`, which most gateways speak. */
  dialect?: DialectName;
  /** The key, sent in the dialect's header. A function is called before every attempt. */
  key?: string | (() => string | Promise<string>);
  /** Further keys. If one is refused, the next is used before the call goes on to another option. */
  keys?: readonly (string | (() => string | Promise<string>))[];
  /** The answer expected of this option. Default: decided by the path. The call's own `expects` comes first. */
  expects?: Expectation;
  /** Path of chats, below `url` if there is one, query included; `{model}` stands for the model. Default: the dialect's. */
  path?: string;
  /** Declared properties, which calls can need: `{ region: "eu", capabilities: ["tools"], dataPolicy: "none" }`. */
  properties?: Readonly<Record<string, string | readonly string[]>>;
  /** The rule for sending a request again that this option may have carried out. Default: the router's rule. */
  retry?: RetryRule;
}

/**
 * The requests that may be sent again after an option may have carried them out (it fell silent, broke off, failed).
 * `auto`: idempotent methods, inference (`…/chat/completions` and the like, which costs twice but does no harm), and
 * requests with an `Idempotency-Key`; `safe`: the methods and the key alone; `always`: every request. A request that
 * cannot have been carried out (refused with 429, never sent) always goes on.
 */
export type RetryRule = "auto" | "safe" | "always";

/**
 * The demands of one call on the options (docs/reference/preferences.md). Options that it passes over stand in the receipt with
 * the reason; if none is left, the call fails with code `excluded`.
 */
export interface Preferences {
  /** Only these options may answer. */
  only?: readonly string[] | undefined;
  /** These options may not answer. */
  ignore?: readonly string[] | undefined;
  /** These options come first, in this order; the others follow in the learned order. */
  order?: readonly string[] | undefined;
  /** These options come first, in the learned order. */
  prefer?: readonly string[] | undefined;
  /** USD: an option whose expected cost of this call is higher is passed over, unless its cost is unknown. */
  maxCost?: number | undefined;
  /**
   * Properties that an option has to have: of `capabilities` every one, of any other each declared value has to be among
   * these. An option that does not declare the property does not have it.
   */
  needs?: Readonly<Record<string, string | readonly string[]>> | undefined;
  /** Seconds: an option whose believed latency is higher is passed over, unless it is unknown. */
  maxLatency?: number | undefined;
}

/** More of a chain's work: one of the consumer's instances, and slots of this one call, which go first. */
export interface ChainInit {
  instance?: string | undefined;
  override?: readonly Slot[] | undefined;
}

/** The options of one call, in `router.fetch` and `router.chat` alike. */
export interface CallOptions extends Preferences {
  /**
   * The name of what this call belongs to, a conversation say: it stays with the option that holds its prompt in a cache,
   * as long as what that saves outweighs what another option is better by. A new one goes to an option as good as the best.
   */
  affinity?: string | undefined;
  /**
   * Laid over the router's cursor: the call uses the order at this place. A level that the config does not have is an
   * error, and so is the device's own level: a call is made from this device.
   */
  cursor?: Cursor | undefined;
  /**
   * The kind of work. The call uses this kind's order, and what it teaches is learned for this kind. The first call of a
   * kind uses the order at large. Default: the router's cursor.
   */
  task?: string | undefined;
  /**
   * The result if the critic rejects every answer. `best` (default): the one that it rated best, with its `verdict` in
   * the receipt. `error`: the call fails with code `exhausted`.
   */
  rejected?: "best" | "error" | undefined;
  /** Milliseconds for the whole call. Default: the router's `deadline`. */
  deadline?: number | undefined;
}

/** Options of a routed call beyond those of `fetch`. */
export interface RoutedInit extends RequestInit, CallOptions {
  /**
   * The effect of a break after part of the stream was delivered. `error` (default): reading the body fails. `buffer`:
   * the body is delivered once it is whole, so the next option can take over unnoticed. `notify`: the next option takes
   * over, and `onRestart` is called before its answer begins.
   */
  restart?: Restart | undefined;
  /** Called before the first byte of the new answer, when everything before it has been read. */
  onRestart?: ((detail: RestartDetail) => void) | undefined;
  /** The request may be sent twice, whatever its method; the same as `retry: "always"`. */
  idempotent?: boolean | undefined;
  /** The rule for this call, in place of the upstreams' and the router's. */
  retry?: RetryRule | undefined;
  /** True: a second option may be tried if the first is later than usual. Default: the router's setting. */
  hedge?: boolean | undefined;
  /** The answer that is expected. Default: the upstream's `expects`, else decided by the path. */
  expects?: Expectation | undefined;
}

/** An option that needs its operator: why it declined, and until when it is set aside (seconds since the epoch). */
export interface AttentionDetail {
  option: string;
  reason: Aside;
  until: number;
}

/** The reason why this page cannot reach an option, and until when it is gated (seconds since the epoch). */
export interface BlockedDetail extends BlockData {
  option: string;
}

/** A stream begins again, from this option. */
export interface RestartDetail {
  call: number;
  option: string;
}

export type EngineKind = "shared" | "led" | "dedicated" | "inline";

export interface RouterOptions {
  /** The tensor as data, or its address. A copy is remembered for offline starts. */
  config: TensorConfig | string | URL;
  cursor?: Cursor | undefined;
  upstreams?: Record<string, Upstream> | undefined;
  /** `wss://…/v1/sync`, or a path on the page's own host. Without it the profile learns alone. */
  orchestrator?: string | URL | undefined;
  /** The token that names this device. A function is called whenever a fresh one is needed. */
  token?: string | (() => string | Promise<string>) | null | undefined;
  /** The device's instance. Default: the one remembered for this profile, or the token's. */
  device?: string | undefined;
  /** Folder that serves the build, on the page's origin unless the engine is inline. Default: this module's folder. */
  runtime?: string | URL | undefined;
  /**
   * True: a service worker keeps the build's files, so that the next visit works without a network. Its scope is the
   * folder `runtime`, and it answers for the build's files only. Default: true if this page is outside that folder; a
   * page inside would be controlled by the worker, too, so it has to ask for it. False removes an earlier one.
   */
  offline?: boolean | undefined;
  /**
   * `shared`: one engine for all tabs of this profile; `led`: the same without a SharedWorker, run by one tab for all;
   * `dedicated`: a worker of this page; `inline`: the page's own thread, which is blocked while the engine starts.
   * Default: the first of these that the browser allows, but never `inline`. A second engine over the same storage
   * (another config, build or kind) works and learns, but stores nothing until the first one ends.
   */
  engine?: EngineKind | undefined;
  /** Rates answers. The rating is learned; after a rejected answer the next option is tried, if that may be done. */
  critic?: Critic | undefined;
  /** Length of `queue`. Default 64. */
  limit?: number | undefined;
  /** Milliseconds for one attempt until its headers have arrived. Default: the plan's. */
  attemptTimeout?: number | undefined;
  /** Milliseconds for a whole routed call. Default: the plan's. */
  deadline?: number | undefined;
  /** The rule for sending requests again. Default `auto`. */
  retry?: RetryRule | undefined;
  /** True: late calls are hedged: a second option is tried, in at most 5 % of the calls. Default true. */
  hedge?: boolean | undefined;
  /** Other limits of the plan (docs/reference/limits.md), in seconds; the first page of an engine sets them for all. */
  limits?: Partial<Limits> | undefined;
  /** Milliseconds for each stage of the engine's start. Default 30 000. */
  bootTimeout?: number | undefined;
  /** Milliseconds for one answer of a running engine. Default 10 000. */
  callTimeout?: number | undefined;
}

export interface SyncState {
  state: "off" | "connecting" | "live" | "waiting" | "refused";
  /** Own cells that the orchestrator has not acknowledged yet. */
  pending: number;
  /** Revision of the shared levels that this device has; null before the first one. */
  revision: number | null;
  /** Seconds for which this device's evidence counts after its last message; null without an orchestrator. */
  lease: number | null;
  error?: ErrorData;
}

/** The `[level, instance]` that a layer was folded from (F1). */
export type Source = Term["value_source"];

/** A rating of an answer: 0 to 1; false rejects it, and the next option is tried; true or nothing accepts it. */
export type Verdict = number | boolean | { quality?: number; reject?: boolean } | undefined;

/**
 * The kinds of answer; anything else fails as `invalid_answer`, and the next option is tried. `json`: JSON in one
 * piece that is no error object; `events`: a stream of events that says something; `any`: whatever comes; `answer`: an
 * answer of inference. A function gets the whole answer, which is held back for it. Default: `answer` for inference, by
 * the end of its path.
 */
export type Expectation = "answer" | "json" | "events" | "any" | ((answer: Response) => Verdict | Promise<Verdict>);

/** Rates a copy of a whole answer before the caller gets it. It is not called for a stream of events. */
export type Critic = (answer: Response, receipt: Receipt) => Verdict | Promise<Verdict>;

/** A caller's report of an answer. */
export interface Report {
  /** Quality from 0 to 1; 1 is best. */
  quality?: number;
  /** The kind of work. Default: the receipt's, else the router's cursor. */
  task?: string;
  /** Cost in USD. */
  cost?: number;
  /** Tokens used; priced by the config's `price:in` and `price:out` (USD per million). */
  tokens?: { in?: number; out?: number };
  /** Further measurements by dimension, in the units of its cells; learned if the config says how. */
  more?: Record<string, number>;
}

export interface QueueDetail {
  queue: readonly string[];
  total: number;
  /** The number of changes so far. */
  revision: number;
}

export interface StateDetail {
  state: RouterState;
  stage?: string;
  error?: ErrorData;
  /** The engine stores nothing, because another engine of this profile does. It takes over when that one ends. */
  readOnly?: boolean;
}

export interface AttemptDetail extends Attempt {
  /** Number of the routed call in this page; attempts of one call share it. */
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
  /** An option is gated for this page until a time, with the reason (docs/reference/failure-diagnosis.md). */
  blocked: BlockedDetail;
  /** An option is set aside: somebody has to look at its key, credit, quota, model or region. */
  attention: AttentionDetail;
  /** Pools were drawn on, here or in another tab. */
  pools: Readonly<Record<string, PoolState>>;
  /** A routed call has ended, its body included. */
  receipt: Receipt;
}

export interface WatchEvents {
  change: QueueDetail;
  /** The queue cannot be kept current (an unknown level, an engine that failed); no change will follow. */
  error: SporewrightError;
}
