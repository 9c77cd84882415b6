/** One caller's request, made again for each option: the body is taken once, the headers are merged per option. */
import { dialectOf, keyHeaders } from "../routing/dialects/chat-request";
import { keyOf } from "./credentials";
import { SporewrightError } from "../errors";
import { wishesOf } from "../config/misuse";
import { fromCaller } from "./secrets";
import { initOf, takenFrom, type Taken } from "./request-body";
import { addressAt, NOWHERE, pageAddress, type Target } from "./target";
import type { Upstream } from "../types";

/** Headers that prove who somebody is: a key for one provider is none of another's business. */
export const CREDENTIALS = ["authorization", "proxy-authorization", "cookie", "x-api-key", "api-key", "x-goog-api-key"];

/** What stays the same over all attempts of one call. */
export interface Template {
  request: Request;
  body: Taken;
  /** What of the caller's wishes a Request does not tell. */
  priority?: RequestPriority;
  /** What each option is sent in place of the caller's own path and body. */
  spoken?: Spoken | undefined;
}

/** Throws what makes the option unusable for this call. */
export type Spoken = (upstream: Upstream, base: URL) => { target: Target; body: string };

/** Read the caller's request as `fetch` would, its body whole; it is used up afterwards, and cancelled by the signal. */
export async function templateOf(
  input: RequestInfo | URL,
  init: RequestInit | undefined,
  signal: AbortSignal,
): Promise<Template> {
  const source = input instanceof Request ? input : NOWHERE;
  const request = new Request(source, initOf(init));
  const body = await takenFrom(request, init?.body, signal);
  // A form that could not be read is framed anew for each request: only a type that the caller gave goes with all.
  if (body instanceof FormData && !ownHeaders(input, init).has("content-type")) request.headers.delete("content-type");
  const { priority } = init ?? {};
  return { request, body, ...(priority ? { priority } : {}) };
}

function ownHeaders(input: RequestInfo | URL, init: RequestInit | undefined): Headers {
  return new Headers(init?.headers ?? (input instanceof Request ? input.headers : undefined));
}

/** The request for one option, `prepare` included; rejects with whatever `headers` or `prepare` throws. */
export async function requestFor(
  option: string,
  upstream: Upstream,
  base: URL,
  { template, target, signal, key: number }: { template: Template; target: Target; signal: AbortSignal; key: number },
): Promise<Request> {
  const headers = new Headers(template.request.headers);
  if (!mayCarry(option, upstream, base, target)) for (const name of CREDENTIALS) headers.delete(name);
  await fromCaller("key", async () => {
    const key = await keyOf(upstream, number);
    for (const [name, value] of Object.entries(keyHeaders(dialectOf(upstream), key))) headers.set(name, value);
  });
  await fromCaller("headers", async () => {
    const own = typeof upstream.headers === "function" ? await upstream.headers() : upstream.headers;
    new Headers(own).forEach((value, name) => {
      headers.set(name, value);
    });
  });
  const sent = template.spoken?.(upstream, base) ?? { target, body: template.body };
  const request = new Request(addressAt(base, sent.target), {
    ...settingsOf(template.request),
    ...(template.priority ? { priority: template.priority } : {}),
    headers,
    body: sent.body,
    signal,
  });
  if (!upstream.prepare) return request;
  const { prepare } = upstream;
  const prepared: unknown = await fromCaller("prepare", () => prepare.call(upstream, request, option));
  if (!(prepared instanceof Request))
    throw new SporewrightError("config", `prepare of ${option} gave ${typeof prepared}, not a Request`);
  if (prepared === request) return request;
  // It may have left the signal behind. A Request made with an init loses its referrer, where that does not say it.
  const { referrer, referrerPolicy } = prepared;
  return new Request(prepared, { signal, referrer, referrerPolicy });
}

/** Whether the caller's credentials go to this option: as addressed, or, of a path, where native `fetch` would send them. */
export function mayCarry(option: string, upstream: Upstream, base: URL, { owner }: Target): boolean {
  if (upstream.callerCredentials === true || owner === option) return true;
  const page = pageAddress();
  return owner === null && page !== undefined && base.origin === new URL(page).origin;
}

function settingsOf(request: Request): RequestInit {
  const { method, mode, credentials, cache, referrer, referrerPolicy, keepalive } = request;
  return { method, mode, credentials, cache, referrer, referrerPolicy, keepalive, ...wishesOf(request) };
}
