/** One caller's request, taken once: what all attempts of a call have in common. */
import { NOWHERE } from "../base";
import { initOf, takenFrom, type Taken } from "./request-body";
import { hasCredentials } from "./secrets";
import type { Target } from "./target";
import type { Upstream } from "../types";

/** The part of a request that stays the same over all attempts of one call. */
export interface Template {
  request: Request;
  body: Taken;
  /** True if its headers prove who the caller is. */
  hasCredentials: boolean;
  /** The caller's priority, which a Request does not tell. */
  priority?: RequestPriority;
  /** The path and body that each option is sent in place of the caller's own. */
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
  return { request, body, hasCredentials: hasCredentials(request.headers), ...(priority ? { priority } : {}) };
}

function ownHeaders(input: RequestInfo | URL, init: RequestInit | undefined): Headers {
  return new Headers(init?.headers ?? (input instanceof Request ? input.headers : undefined));
}
