/** One caller's request, made again for each option: its headers are merged per option. */
import { dialectOf, keyHeaders } from "../routing/dialects";
import { keyOf, mayCarry } from "./credentials";
import { SporewrightError } from "../errors";
import { wishesOf } from "./misuse";
import { CREDENTIALS, fromCaller } from "./secrets";
import { addressAt, type Target } from "./target";
import type { Template } from "./template";
import type { Upstream } from "../types";

/** The request for one option, `prepare` included; rejects with whatever `headers` or `prepare` throws. */
export async function requestFor(
  option: string,
  upstream: Upstream,
  base: URL,
  { template, target, signal, key: number }: { template: Template; target: Target; signal: AbortSignal; key: number },
): Promise<Request> {
  const headers = new Headers(template.request.headers);
  if (template.hasCredentials && !mayCarry(option, upstream, base, target))
    for (const name of CREDENTIALS) headers.delete(name);
  await fromCaller("key", async () => {
    const key = await keyOf(upstream, number);
    for (const [name, value] of Object.entries(keyHeaders(dialectOf(upstream), key))) headers.set(name, value);
  });
  await fromCaller("headers", async () => {
    const own = typeof upstream.headers === "function" ? await upstream.headers() : upstream.headers;
    if (own === undefined) return;
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

function settingsOf(request: Request): RequestInit {
  const { method, mode, credentials, cache, referrer, referrerPolicy, keepalive } = request;
  return { method, mode, credentials, cache, referrer, referrerPolicy, keepalive, ...wishesOf(request) };
}
