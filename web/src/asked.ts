/** What one routed call is made of, and what is said of it in the end. */
import type { Awake } from "./awake";
import type { Connections } from "./connections";
import type { Brackets } from "./cut";
import type { AttemptChain, CallTraits, Ending } from "./chain";
import { SporewrightError } from "./errors";
import type { Ended, Outcome, OutcomeBody, Permit, Plan } from "./generated/calls";
import type { Health } from "./health";
import { requestFor } from "./request";
import type { Readable } from "./readable";
import type { Sight } from "./sight";
import type { Judge } from "./judge";
import type { Template } from "./request";
import type { Listening } from "./sse";
import type { Target } from "./target";
import type {
  Attempt,
  AttemptDetail,
  Critic,
  EngineStanding,
  Expectation,
  Known,
  Receipt,
  RestartDetail,
  Skipped,
  Tokens,
  Upstream,
} from "./types";

/** What the router lends: the order, the limits, and who wants to know what happened. */
export interface FetchContext {
  queue(): readonly string[];
  plan: Plan;
  health: Health;
  upstreams: Readonly<Record<string, Upstream>>;
  /** Each upstream's address. */
  bases: ReadonlyMap<string, URL>;
  /** May this be had, from the one probe or the budget of all tabs? */
  permit(kind: Permit, option: string): boolean | Promise<boolean>;
  onAttempt(detail: AttemptDetail): void;
  onOutcome(body: OutcomeBody): void;
  /** An attempt is under way; `first`: its option was chosen, not fallen back to. */
  onBegan?: ((option: string, first: boolean) => void) | undefined;
  /** It is over, and no outcome was told of it: aborted, lost, a refusal. */
  onEnded?: ((option: string) => void) | undefined;
  /** What the caller thinks of whole answers. */
  critic?: Critic | undefined;
  /** A critic's word on an answer. */
  onReport?: ((option: string, quality: number) => void) | undefined;
  onRestart(detail: RestartDetail): void;
  /** An option declined for a reason of its own, and is set aside. */
  onAttention?: ((option: string) => void) | undefined;
  /** An option's key or model is another one now. */
  onChanged?: ((option: string) => void) | undefined;
  /** An option was found to be out of this page's reach. */
  onBlocked?: ((option: string) => void) | undefined;
  /** How the engine stands; default: there is none. */
  engine?: (() => EngineStanding) | undefined;
  /** Whose answers could be read before; default: known as long as the page lasts. */
  readable?: Readable | undefined;
  /** Why the engine orders the options of this queue so; null if it does not, or they are too many to be written down. */
  known?: ((queue: readonly string[]) => Known | null | Promise<Known | null>) | undefined;
  /** A call is over, its body included. */
  onReceipt?: ((receipt: Receipt) => void) | undefined;
}

/** What one call needs besides: the page's clock, and what can be seen of the network. */
export interface CallContext extends FetchContext {
  awake: Awake;
  connections: Connections;
  sight: Sight;
}

/** What the caller asks for. */
export interface Asked {
  number: number;
  queue: readonly string[];
  target: Target;
  template: Template;
  traits: CallTraits;
  signal: AbortSignal;
  onRestart?: ((detail: RestartDetail) => void) | undefined;
  /** Who follows this option's answer; default: whichever dialect's rows, of a stream of events. */
  listen?: ((option: string) => Listening) | undefined;
  /** Whether a stream was asked for; undefined: that is not known. */
  streaming: boolean | undefined;
  /** What is taken for an answer of this option. */
  expects: (option: string) => Expectation;
  /** The answer, or the error instead, and how it came about; what comes of a stream that goes on is added to the receipt. */
  delivered(answer: unknown, receipt: Receipt): void;
}

/** An attempt under way. */
export interface Running {
  number: number;
  option: string;
  control: AbortController;
  began: number;
  called: boolean;
  /** Where it was sent. */
  address: string;
  /** Whether the engine was told of its end. */
  told: boolean;
  /** By what it was too late, once it is, and for people. */
  late: { kind: "timeout" | "deadline"; says: string } | null;
  timer?: ReturnType<typeof setTimeout> | undefined;
  response?: Response;
  latency?: number;
  held: Uint8Array[];
  length: number;
  /** What its JSON leaves open so far. */
  brackets: Brackets | null;
  /** Of an answer in one piece nothing but white space has come. */
  blank: boolean;
  /** Whether it is an answer, until its form is known. */
  judge: Judge | null;
  /** Who follows what it says. */
  events: Listening | null;
  /** A digest of its option's keys, where it was refused. */
  credential?: string | undefined;
  /** It said that nothing follows. */
  complete: boolean;
  entry: Attempt | null;
  /** Name of the exception whose text is the reason of its end. */
  threw?: string;
  usage?: unknown;
  tokens?: Tokens;
}

/** An attempt that begins now. */
export function runningAt(option: string, number: number): Running {
  return {
    number,
    option,
    control: new AbortController(),
    began: performance.now(),
    called: false,
    address: "",
    told: false,
    late: null,
    held: [],
    length: 0,
    brackets: null,
    blank: false,
    judge: null,
    events: null,
    complete: false,
    entry: null,
  };
}

/** By what this attempt is too late. */
export function latenessOf(one: Running, chain: AttemptChain, now: number): NonNullable<Running["late"]> {
  const ms = (seconds: number): string => `${Math.round(Math.max(0, seconds) * 1000)} ms`;
  return {
    kind: chain.isCut(now, one.number) ? "deadline" : "timeout",
    says: chain.isPast(now, one.number)
      ? `the call's deadline passed ${ms(since(one))} into this attempt`
      : `nothing for ${ms(now - chain.silentSince(one.number))}`,
  };
}

/** Nothing is waited for. */
export function disarm(one: Running): void {
  clearTimeout(one.timer);
  one.timer = undefined;
}

/** Nobody will read what it has answered: an unread body would hold its connection. */
export function drop(one: Running | null): void {
  const body = one?.response?.body;
  if (body && !body.locked) body.cancel().catch(() => undefined);
  else one?.control.abort();
}

/** What this option is sent; rejects for one that cannot be called. */
export async function prepared(
  { upstreams, bases }: FetchContext,
  { template, target }: Asked,
  { option, number }: Running,
  chain: AttemptChain,
  signal: AbortSignal,
): Promise<Request> {
  const [upstream, base] = [upstreams[option], bases.get(option)];
  if (!upstream || !base) throw new SporewrightError("config", `${option} has no upstream`);
  return requestFor(option, upstream, base, { template, target, signal, key: chain.keysOf(number).key });
}

/** Seconds since it began. */
export function since({ began }: Running): number {
  return (performance.now() - began) / 1000;
}

/** Why an attempt ended so, for people, where its body says it. */
export function whyOf(kind: Ended): string {
  if (kind === "complete") return "whole";
  if (kind === "invalid") return "no answer in it";
  if (kind === "failed") return "the stream told of an error";
  return kind === "malformed" ? "an event of the stream is no JSON" : "the stream ended in the middle";
}

/** Why an answer that is to be held back until it is whole is given up. */
export function tooLarge({ length }: Running, most: number): string {
  return `${length} bytes, and limits.buffer_bytes is ${most}`;
}

/** A status for people. */
export function reasonOf({ status = 0, retry_after_s: retryAfter, says = [] }: Ending): string {
  const asked = status < 400 || retryAfter === undefined ? "" : `, to be left alone for ${Math.round(retryAfter)} s`;
  return `HTTP ${status}${asked}${says.length > 0 ? `: ${says.join(", ")}` : ""}`;
}

export function skippedOf(chain: AttemptChain): Skipped[] {
  return [...chain.skipped].map(([option, reason]) => ({ option, reason }));
}

/** The end mark was the last that matters: the connection may end by itself, but not stay. */
export function letGo(reader: ReadableStreamDefaultReader<Uint8Array>, patience: number): void {
  const timer = setTimeout(() => {
    reader.cancel().catch(() => undefined);
  }, patience * 1000);
  const rest = async (): Promise<void> => {
    while (!(await reader.read()).done);
  };
  rest()
    .catch(() => undefined)
    .finally(() => {
      clearTimeout(timer);
    });
}

/** An answer that began and will not be whole, or not here. */
export function broken(
  { option, length }: Running,
  outcome: Outcome,
  reason: string,
  attempts: readonly Attempt[],
): SporewrightError {
  if (outcome === "too_large")
    return new SporewrightError("too-large", `the answer of ${option} is too long to be held back: ${reason}`, {
      attempts,
    });
  const what = `the answer of ${option} broke off after ${length} bytes: ${reason}`;
  return new SporewrightError("broken", what, { attempts });
}

/** Nobody answered: every attempt and every option passed over, with its reason, and when the first returns. */
export function exhausted(asked: Asked, attempts: readonly Attempt[], chain: AttemptChain): SporewrightError {
  const { queue, template, target } = asked;
  const [passed, returns] = [skippedOf(chain), chain.waitsFor];
  const named = new Set([...attempts, ...passed].map(({ option }) => option));
  // The call's time, or its attempts, were over before it was their turn.
  const rest = queue.filter((option) => !named.has(option)).map((option) => ({ option, reason: "not-reached" }));
  const skipped = [...passed, ...rest];
  const told = [
    ...attempts.map(({ option, outcome, reason }) => `${option}: ${outcome} (${reason})`),
    ...skipped.map(({ option, reason }) => `${option}: skipped (${reason})`),
    ...(returns === null ? [] : [`the first returns at ${new Date(returns * 1000).toISOString()}`]),
  ];
  const why = queue.length === 0 ? "the queue is empty" : told.join("; ");
  const what = `${template.request.method} ${target.path}`;
  const detail = { attempts, skipped, ...(returns === null ? {} : { returnsAt: returns * 1000 }) };
  if (chain.isOffline)
    return new SporewrightError("offline", `the device was offline until the deadline of ${what}: ${why}`, detail);
  return new SporewrightError("exhausted", `no option answered ${what}: ${why}`, detail);
}
