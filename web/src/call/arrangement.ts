/** The order of one call: the learned one, as the call's preferences arrange it. */
import type { Arrangement, FetchContext } from "./call-context";
import { placeOf, preferencesOf } from "../config";
import { arrange } from "../routing";
import type { Preferences } from "../generated/calls";
import type { RoutedInit } from "../types";

/** The call's preferences, null if it has none; code `config` for the name of an option that there is not. */
export async function askedOf(init: RoutedInit, context: FetchContext): Promise<Preferences | null> {
  if (preferencesOf(init, null) === null) return null;
  return preferencesOf(init, new Set([...Object.keys(context.upstreams), ...(await context.queue(placeOf(init)))]));
}

/** The order that the call walks, and how it came about where the call has preferences. */
export function orderOf(
  asked: Preferences | null,
  from: readonly string[],
): { queue: readonly string[]; arranged?: Arrangement } {
  if (!asked) return { queue: Object.freeze([...from]) };
  const arranged = { asked, from: Object.freeze([...from]), ...arrange(from, asked) };
  return { queue: Object.freeze(arranged.queue), arranged };
}
