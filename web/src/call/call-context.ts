/** The context of one routed call: given by its router, and by its caller. */
import type { Awake, Connections, FailureDiagnosis } from "../network";
import type { Affinity, Arranged, CallTraits, Health } from "../routing";
import type { Figures, OutcomeBody, Permit, Plan, Preferences } from "../generated/calls";
import type { CorsHistory, PoolStore } from "../state";
import type { Template } from "./template";
import type { Listening } from "../routing/dialects";
import type { Target } from "./target";
import type {
  AttemptDetail,
  Critic,
  Cursor,
  EngineStanding,
  Expectation,
  Known,
  Receipt,
  RestartDetail,
  Upstream,
} from "../types";

/** The parts that the router lends: the order, the limits, and the listeners to reports. */
export interface FetchContext {
  /** The order at this cursor laid over the bound one; none: at the bound one. */
  queue(at?: Cursor): readonly string[] | Promise<readonly string[]>;
  /** The figures of the options there; default: nothing is known. */
  figures?:
    ((at?: Cursor) => Readonly<Record<string, Figures>> | Promise<Readonly<Record<string, Figures>>>) | undefined;
  plan: Plan;
  health: Health;
  upstreams: Readonly<Record<string, Upstream>>;
  /** Each upstream's address. */
  bases: ReadonlyMap<string, URL>;
  /** May this be had, from the one probe or the budget of all tabs? */
  permit(kind: Permit, option: string): boolean | Promise<boolean>;
  /** The pools on which options draw; default: none. */
  pools?: PoolStore | undefined;
  onAttempt(detail: AttemptDetail): void;
  onOutcome(body: OutcomeBody): void;
  /** An attempt is under way; `first`: its option was chosen, not fallen back to. */
  onBegan?: ((option: string, first: boolean, task?: string) => void) | undefined;
  /** It is over, and no outcome was told of it: aborted, lost, a refusal. */
  onEnded?: ((option: string) => void) | undefined;
  /** The caller's function that judges whole answers. */
  critic?: Critic | undefined;
  /** A critic's word on an answer. */
  onReport?: ((option: string, quality: number, task?: string) => void) | undefined;
  onRestart(detail: RestartDetail): void;
  /** An option declined for a reason of its own, and is set aside. */
  onAttention?: ((option: string) => void) | undefined;
  /** An option's key or model is another one now. */
  onChanged?: ((option: string) => void) | undefined;
  /** An option was found to be out of this page's reach. */
  onBlocked?: ((option: string) => void) | undefined;
  /** The state of the engine; default: there is none. */
  engine?: (() => EngineStanding) | undefined;
  /** The servers whose answers could be read before; default: known as long as the page lasts. */
  readable?: CorsHistory | undefined;
  /** The engine's reason for the order of this queue; null if it does not order it, or it is too long to write. */
  known?: ((queue: readonly string[], at?: Cursor) => Known | null | Promise<Known | null>) | undefined;
  /** A call is over, its body included. */
  onReceipt?: ((receipt: Receipt) => void) | undefined;
}

/** The other needs of one call: the page's clock, and what can be seen of the network. */
export interface CallContext extends FetchContext {
  affinity: Affinity;
  awake: Awake;
  connections: Connections;
  sight: FailureDiagnosis;
}

/** The preferences of a call, the learned order, and the result of both. */
export interface Arrangement extends Arranged {
  asked: Preferences;
  from: readonly string[];
  /** The cost and latency that are expected of this call, by option; empty if it has no cap. */
  figures: Readonly<Record<string, Figures>>;
  /** The declared properties of each upstream; empty if the call needs none. */
  properties: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>>;
}

/** The wishes of the caller. */
export interface CallRequest {
  number: number;
  /** The kind of work, where the call was said to be one. */
  task?: string | undefined;
  /** The call's own part of the cursor, its kind of work included. */
  at?: Cursor | undefined;
  queue: readonly string[];
  /** It belongs to others of this name; `sent`: the tokens of its request. */
  stays?: { key: string; sent: () => number } | undefined;
  /** The origin of `queue`, if the call has preferences. */
  arranged?: Arrangement | undefined;
  /** True: if every answer is rejected, the best one is the caller's. */
  keepsBest: boolean;
  target: Target;
  template: Template;
  traits: CallTraits;
  signal: AbortSignal;
  onRestart?: ((detail: RestartDetail) => void) | undefined;
  /** The listener that follows this option's answer; default: whichever dialect's rows, of a stream of events. */
  listen?: ((option: string) => Listening) | undefined;
  /** True if a stream was asked for; undefined: that is not known. */
  streaming: boolean | undefined;
  /** The kind of answer that is expected of this option. */
  expects: (option: string) => Expectation;
  /**
   * The answer, or the error instead, and how it came about; what comes of a stream that goes on is added to the receipt.
   * `request`: the one that was answered.
   */
  delivered(answer: unknown, receipt: Receipt, request?: Request | null): void;
}
