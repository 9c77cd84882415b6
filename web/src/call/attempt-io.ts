/** One attempt under way: its request, response, reader and timers. */
import type { AnswerReader, AttemptChain } from "../routing";
import { Waits } from "../base";
import { SporewrightError } from "../errors";
import { requestFor } from "./request";
import type { Attempt } from "../types";
import type { CallRequest, FetchContext } from "./call-context";

/** An attempt under way. */
export interface AttemptIO {
  number: number;
  option: string;
  control: AbortController;
  /** Its waits end when it is aborted. */
  waits: Waits;
  began: number;
  called: boolean;
  /** The address to which it was sent. */
  address: string;
  /** True if the engine was told of its end. */
  told: boolean;
  /** By what it was too late, once it is, and for people. */
  late: { kind: "timeout" | "deadline"; says: string } | null;
  /** True while its time runs. */
  isAwaited: boolean;
  /** Goes off and looks whether its time is over; set for this time on the page's clock, ∞: for none. */
  timer?: ReturnType<typeof setTimeout> | undefined;
  wakes: number;
  response?: Response;
  latency?: number;
  held: Uint8Array[];
  /** The reader of its answer, once good headers are in. */
  answer: AnswerReader | null;
  /** A digest of its option's keys, where it was refused. */
  credential?: string | undefined;
  entry: Attempt | null;
  /** Name of the exception whose text is the reason of its end. */
  threw?: string;
  /** The request that is sent; values of its headers and query are never told. */
  request: Request | null;
}

/** An attempt that begins now. */
export function runningAt(option: string, number: number): AttemptIO {
  const control = new AbortController();
  return {
    number,
    option,
    control,
    waits: new Waits(control.signal),
    began: performance.now(),
    called: false,
    address: "",
    told: false,
    late: null,
    isAwaited: false,
    wakes: Infinity,
    held: [],
    answer: null,
    entry: null,
    request: null,
  };
}

/** A span of time for people. */
export function ms(seconds: number): string {
  return `${Math.round(Math.max(0, seconds) * 1000)} ms`;
}

/** By what this attempt is too late. */
export function latenessOf(one: AttemptIO, chain: AttemptChain, now: number): NonNullable<AttemptIO["late"]> {
  if (chain.outstays(now, one.number))
    return { kind: "timeout", says: `not whole after ${ms(since(one))}, and another option is ready` };
  return {
    kind: chain.isCut(now, one.number) ? "deadline" : "timeout",
    says: chain.isPast(now, one.number)
      ? `the call's deadline passed ${ms(since(one))} into this attempt`
      : `nothing for ${ms(now - chain.silentSince(one.number))}`,
  };
}

/** Nothing is waited for; its timer finds that out when it goes off, which costs less than to clear it and set another. */
export function disarm(one: AttemptIO): void {
  one.isAwaited = false;
}

/** Nobody will read what it has answered: an unread body would hold its connection. */
export function drop(one: AttemptIO | null): void {
  const body = one?.response?.body;
  if (body && !body.locked) body.cancel().catch(() => undefined);
  else one?.control.abort();
}

/** The request for this option; rejects for one that cannot be called. */
export async function prepared(
  { upstreams, bases }: FetchContext,
  { template, target }: CallRequest,
  { option, number }: AttemptIO,
  chain: AttemptChain,
  signal: AbortSignal,
): Promise<Request> {
  const [upstream, base] = [upstreams[option], bases.get(option)];
  if (!upstream || !base) throw new SporewrightError("config", `${option} has no upstream`);
  return requestFor(option, upstream, base, { template, target, signal, key: chain.keysOf(number).key });
}

/** Seconds since it began. */
export function since({ began }: AttemptIO): number {
  return (performance.now() - began) / 1000;
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
