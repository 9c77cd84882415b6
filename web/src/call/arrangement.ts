/** The order of one call: the learned one, as the call's preferences arrange it. */
import { seconds } from "../base";
import type { Arrangement, CallContext, FetchContext } from "./call-context";
import { declaredProperties, placeOf, preferencesOf } from "../config";
import { arrange, figuresFor, type TokenCount } from "../routing";
import type { Preferences } from "../generated/calls";
import type { Cursor, RoutedInit } from "../types";

/** The call's preferences, at once null if it has none; code `config` for the name of an option that there is not. */
export function askedOf(init: RoutedInit, context: FetchContext): Promise<Preferences | null> | null {
  return preferencesOf(init, null) === null ? null : namedOf(init, context);
}

async function namedOf(init: RoutedInit, context: FetchContext): Promise<Preferences | null> {
  return preferencesOf(init, new Set([...Object.keys(context.upstreams), ...(await context.queue(placeOf(init)))]));
}

/** The order that the call walks, and how it came about where the call has preferences. */
export async function orderOf(
  said: Preferences | null,
  at: Cursor | undefined,
  context: Pick<CallContext, "queue" | "figures" | "upstreams" | "affinity">,
  size: () => TokenCount,
  key?: string,
): Promise<{ queue: readonly string[]; arranged?: Arrangement }> {
  const from = await context.queue(at);
  const known = key !== undefined || isCapped(said) ? ((await context.figures?.(at)) ?? {}) : {};
  const place = key === undefined ? null : context.affinity.place(key, seconds(), from, known);
  const asked = place ? { ...said, affinity: place } : said;
  if (!asked) return { queue: Object.isFrozen(from) ? from : Object.freeze([...from]) };
  const figures = figuresFor(known, asked.max_cost === undefined ? { in: 0, out: null } : size(), place !== null);
  const properties = asked.needs ? declaredProperties(context.upstreams) : {};
  const arranged = { asked, from: Object.freeze([...from]), figures, properties };
  const { queue, skipped } = arrange(from, asked, figures, properties);
  return { queue: Object.freeze(queue), arranged: { ...arranged, queue, skipped } };
}

function isCapped(asked: Preferences | null): boolean {
  return asked?.max_cost !== undefined || asked?.max_latency !== undefined;
}
