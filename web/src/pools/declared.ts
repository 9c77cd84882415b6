/** Pools as data: the part `pools` of a config, checked and turned into whole minor units (P1); as `pools/declared.py`. */
import { SporewrightError } from "../errors";
import type { PoolUnit, PoolWindow } from "../types";

/** Minor units in one: money is counted in billionths of a dollar, time in microseconds, all else in whole pieces. */
export const UNITS: Readonly<Record<PoolUnit, number>> = {
  requests: 1,
  tokens: 1,
  usd: 1e9,
  seconds: 1e6,
  concurrent: 1,
};
export const TURNS: readonly PoolWindow[] = ["hour", "day", "week", "month"];
/** The largest amount in minor units: the sum of eight is still exact. */
export const MOST = 2 ** 50 - 1;
const [SHORTEST_S, LONGEST_S] = [0.001, 366 * 86400];
const KEYS = ["unit", "cap", "window", "options", "hard", "tz"];
const NAMES = Object.keys(UNITS);

/** A cap that somebody owns, in minor units of its unit. */
export interface Pool {
  name: string;
  unit: PoolUnit;
  scale: number;
  cap: number;
  options: readonly string[];
  /** The time in which an empty rate fills up, in microseconds; 0: it is none. */
  window: number;
  /** The calendar's step after which a quota is full again. */
  turn: PoolWindow | null;
  tz: string;
  hard: boolean;
}

/** The world around a config as far as it is known: its options, and the time zones that there are. */
export interface Around {
  options?: { has(option: string): boolean; [Symbol.iterator](): Iterator<string> } | undefined;
  isZone?: ((name: string) => boolean) | undefined;
}

/** An amount in whole minor units, the nearest, at most `MOST`; 0 for one that is negative or not a number. */
export function minor(amount: number, unit: PoolUnit): number {
  const scaled = amount * UNITS[unit] + 0.5;
  return scaled > 0 && scaled < MOST ? Math.floor(scaled) : scaled >= MOST ? MOST : 0;
}

/** True for a whole number of minor units. */
export function isAmount(x: unknown): x is number {
  return Number.isInteger(x) && (x as number) >= 0 && (x as number) <= MOST;
}

/** True for a finite number that is not negative. */
export function measures(x: unknown): x is number {
  return typeof x === "number" && Number.isFinite(x) && x >= 0;
}

/** The order of code points, as Python's (T6). */
export function byCodePoint(one: string, other: string): number {
  let at = 0;
  while (at < one.length && one[at] === other[at]) at += 1;
  return (one.codePointAt(at) ?? -1) - (other.codePointAt(at) ?? -1);
}

/** The pools by name; code `config` names the place of what cannot work. */
export function poolsOf(data: unknown, around: Around = {}, place = "config.pools"): Map<string, Pool> {
  if (data === undefined || data === null) return new Map();
  if (typeof data !== "object" || Array.isArray(data)) throw wrong(place, `${shown(data)} is not an object`);
  const bodies = Object.entries(data);
  if (bodies.some(([name]) => name === "")) throw wrong(place, `"" is not the name of a pool`);
  return new Map(bodies.map(([name, body]) => [name, poolOf(name, body, `${place}.${name}`, around)]));
}

function poolOf(name: string, data: unknown, place: string, around: Around): Pool {
  if (typeof data !== "object" || data === null || Array.isArray(data))
    throw wrong(place, `${shown(data)} is not an object`);
  const body = data as Record<string, unknown>;
  const strange = Object.keys(body).find((key) => !KEYS.includes(key));
  if (strange !== undefined)
    throw wrong(place, `${shown(strange)} is none of ${KEYS.join(", ")}${nearest(strange, KEYS)}`);
  const { hard = false } = body;
  const unit = unitOf(body["unit"], `${place}.unit`);
  if (typeof hard !== "boolean") throw wrong(`${place}.hard`, `${shown(hard)} is neither true nor false`);
  const [window, turn] = windowOf(body, unit, `${place}.window`);
  return {
    ...{ name, unit, scale: UNITS[unit], window, turn, hard },
    cap: capOf(body["cap"], unit, `${place}.cap`),
    options: optionsOf(body["options"], around.options, `${place}.options`),
    tz: zoneOf(body, turn, around, `${place}.tz`),
  };
}

function unitOf(unit: unknown, place: string): PoolUnit {
  if (typeof unit === "string" && NAMES.includes(unit)) return unit as PoolUnit;
  throw wrong(place, `${shown(unit)} is none of ${NAMES.join(", ")}${nearest(unit, NAMES)}`);
}

function numberOf(x: unknown, place: string): number {
  if (typeof x !== "number") throw wrong(place, `${shown(x)} is not a number`);
  if (!(x > 0 && x < Infinity)) throw wrong(place, `${String(x)} is not a finite number above 0`);
  return x;
}

function capOf(cap: unknown, unit: PoolUnit, place: string): number {
  const [found, scale] = [numberOf(cap, place), UNITS[unit]];
  const most = Math.floor(MOST / scale);
  if (scale === 1 && !Number.isInteger(found)) throw wrong(place, `${found}: ${unit} are counted in whole ones`);
  if (found > most) throw wrong(place, `${found} is more than ${most} ${unit}`);
  if (minor(found, unit) === 0) throw wrong(place, `${found} is less than a ${scale}th`);
  return minor(found, unit);
}

function windowOf(body: Record<string, unknown>, unit: PoolUnit, place: string): [number, PoolWindow | null] {
  const { window } = body;
  if (unit === "concurrent") {
    if (Object.hasOwn(body, "window")) throw wrong(place, `${shown(window)}: calls in flight have no window, they end`);
    return [0, null];
  }
  const turn = TURNS.find((each) => each === window);
  if (turn) return [0, turn];
  if (typeof window === "string")
    throw wrong(place, `${shown(window)} is none of ${TURNS.join(", ")}${nearest(window, TURNS)}`);
  if (window === undefined || window === null)
    throw wrong(place, `a window that never turns: give seconds, or one of ${TURNS.join(", ")}`);
  const seconds = numberOf(window, place);
  if (seconds < SHORTEST_S || seconds > LONGEST_S)
    throw wrong(place, `${seconds} is not a number of seconds from ${SHORTEST_S} to ${LONGEST_S}`);
  return [Math.floor(seconds * 1e6 + 0.5), null];
}

function zoneOf(body: Record<string, unknown>, turn: PoolWindow | null, { isZone }: Around, place: string): string {
  const { tz } = body;
  if (!Object.hasOwn(body, "tz")) return "UTC";
  if (turn === null) throw wrong(place, `${shown(tz)}: only a window of ${TURNS.join(", ")} has a time zone`);
  if (typeof tz !== "string" || tz === "" || (isZone && tz !== "UTC" && !isZone(tz)))
    throw wrong(place, `${shown(tz)} is not a time zone, as "Europe/Vienna" is`);
  return tz;
}

function optionsOf(found: unknown, known: Around["options"], place: string): string[] {
  if (!Array.isArray(found) || found.length === 0) throw wrong(place, `${shown(found)} is not a list of options`);
  for (const [at, option] of (found as unknown[]).entries()) {
    if (typeof option !== "string" || option === "")
      throw wrong(`${place}[${at}]`, `${shown(option)} is not the name of an option`);
    if (known && !known.has(option))
      throw wrong(`${place}[${at}]`, `there is no option ${shown(option)}${nearest(option, [...known])}`);
  }
  return [...new Set(found as string[])];
}

function wrong(place: string, says: string): SporewrightError {
  return new SporewrightError("config", `${place}: ${says}`);
}

function shown(value: unknown): string {
  return (typeof value === "number" || value === undefined ? String(value) : JSON.stringify(value)).slice(0, 60);
}

/** `; did you mean "window"?` for a word that is at most two letters off a known one, else nothing. */
export function nearest(word: unknown, known: readonly string[]): string {
  if (typeof word !== "string" || word.length > 80) return "";
  const near = [...known]
    .sort(byCodePoint)
    .map((each) => ({ each, off: distance(word, each) }))
    .reduce<{ each: string; off: number } | null>((best, one) => (best && best.off <= one.off ? best : one), null);
  return near && near.off <= Math.min(2, Math.floor(word.length / 2)) ? `; did you mean ${shown(near.each)}?` : "";
}

/** Letters to change, add or leave out. */
function distance(one: string, other: string): number {
  let row = Array.from({ length: other.length + 1 }, (_, at) => at);
  for (let at = 1; at <= one.length; at += 1) {
    const next = [at];
    for (let column = 1; column <= other.length; column += 1) {
      const changed = (row[column - 1] ?? 0) + (one[at - 1] === other[column - 1] ? 0 : 1);
      next.push(Math.min((row[column] ?? 0) + 1, (next[column - 1] ?? 0) + 1, changed));
    }
    row = next;
  }
  return row[other.length] ?? 0;
}
