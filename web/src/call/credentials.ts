/** The key with which an option is called: the caller's or its own, which of these, and whether it has been changed. */
import { inTime, pageAddress } from "../base";
import type { FetchContext } from "./call-context";
import { hasCredentials } from "./secrets";
import type { Target } from "./target";
import type { Template } from "./template";
import type { Upstream } from "../types";

/** A text, or a function that gives one. */
export type Key = NonNullable<Upstream["key"]>;

/** An upstream's keys, `key` before `keys`. */
export function keysOf({ key, keys = [] }: Upstream): readonly Key[] {
  return key === undefined ? keys : [key, ...keys];
}

/** The key of this number; undefined where it has none. */
export async function keyOf(upstream: Upstream, number: number): Promise<string | undefined> {
  const key = keysOf(upstream)[number];
  return typeof key === "function" ? await key() : key;
}

/** True if it is the caller's own key that this option is called with. */
export function bringsKey(
  option: string,
  upstream: Upstream,
  bases: FetchContext["bases"],
  target: Target,
  { hasCredentials }: Template,
): boolean {
  if (!hasCredentials) return false;
  const base = bases.get(option);
  return base !== undefined && !isKeyed(upstream) && mayCarry(option, upstream, base, target);
}

/** True if credentials for this option are declared: a key, or a header for one. */
export function isKeyed(upstream: Upstream): boolean {
  const { headers } = upstream;
  const own = headers === undefined || typeof headers === "function" ? null : new Headers(headers);
  return keysOf(upstream).length > 0 || (own !== null && hasCredentials(own));
}

/**
 * A digest of an option's keys: enough to see a change, too short to say what they are; undefined where it has none, or where
 * a function does not give them now, or not soon.
 */
export async function digestFor({ upstreams, plan }: FetchContext, option: string): Promise<string | undefined> {
  const upstream = upstreams[option];
  const count = upstream ? keysOf(upstream).length : 0;
  if (!upstream || count === 0) return undefined;
  const keys = Promise.all(Array.from({ length: count }, (_, number) => keyOf(upstream, number)));
  const found = await inTime(keys, plan.limits.look_s, undefined).catch(() => undefined);
  return found && digestOf(JSON.stringify(found));
}

/** Take back what was set aside for a key that is another one now. A key that cannot be had now says nothing. */
export async function lookForChanges(context: FetchContext): Promise<void> {
  const { health, upstreams, onChanged } = context;
  for (const option of Object.keys(upstreams)) {
    const before = health.asides.data(option)?.credential;
    if (before === undefined) continue;
    const now = await digestFor(context, option);
    if (now === undefined || now === before) continue;
    health.changed(option);
    onChanged?.(option);
  }
}

/** 32 bits of FNV-1a (Fowler, Noll, Vo), as eight hexadecimal digits. */
function digestOf(text: string): string {
  let hash = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(text)) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  return hash.toString(16).padStart(8, "0");
}

/** True if the caller's credentials go to this option: as addressed, or, of a path, where native `fetch` sends them. */
export function mayCarry(option: string, upstream: Upstream, base: URL, { owner }: Target): boolean {
  if (upstream.callerCredentials === true || owner === option) return true;
  const page = pageAddress();
  return owner === null && page !== undefined && base.origin === new URL(page).origin;
}
