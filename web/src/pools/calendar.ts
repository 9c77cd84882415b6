/** The turns of a calendar's windows: whole seconds and a zone's table of transitions (P1); as `pools/calendar.py`. */
import type { PoolWindow } from "../types";

/** From `at` on, in seconds since the epoch, its clocks are `offset` seconds ahead of UTC; the first row before it, too. */
export type Zone = readonly (readonly [at: number, offset: number])[];

export const UTC: Zone = [[0, 0]];
const [HOUR, DAY] = [3600, 86400];
/** The first Monday after the epoch, a Thursday, in days since. */
const MONDAY = 4;
/** Days from 1 March of year 0 to the epoch, and of 400 years. */
const [MARCH, ERA] = [719468, 146097];

/** The first second after `now` at which a window of this kind turns. */
export function turnAfter(now: number, turn: PoolWindow, zone: Zone): number {
  if (turn === "hour") return hourAfter(now, zone);
  let boundary = next(now + offsetOf(zone, rowOf(now, zone)), turn);
  let at = first(boundary, zone);
  while (at <= now) {
    boundary = next(boundary, turn);
    at = first(boundary, zone);
  }
  return at;
}

function rowOf(now: number, zone: Zone): number {
  let [low, high] = [0, zone.length];
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (beginOf(zone, middle) <= now) low = middle;
    else high = middle;
  }
  return low;
}

function beginOf(zone: Zone, row: number): number {
  return zone[row]?.[0] ?? Infinity;
}

function offsetOf(zone: Zone, row: number): number {
  return zone[row]?.[1] ?? 0;
}

/** The remainder of Python's division: never negative. */
function modulo(number: number, by: number): number {
  return ((number % by) + by) % by;
}

function hourAfter(now: number, zone: Zone): number {
  let row = rowOf(now, zone);
  let at = now + HOUR - modulo(now + offsetOf(zone, row), HOUR);
  while (row + 1 < zone.length && at > beginOf(zone, row + 1)) {
    row += 1;
    at = beginOf(zone, row) + modulo(-(beginOf(zone, row) + offsetOf(zone, row)), HOUR);
  }
  return at;
}

/** The first instant at which the clocks show this local time, or one after it. */
function first(local: number, zone: Zone): number {
  for (let row = 0; ; row += 1) {
    const at = local - offsetOf(zone, row);
    if (row + 1 >= zone.length || at < beginOf(zone, row + 1)) return row === 0 ? at : Math.max(at, beginOf(zone, row));
  }
}

/** The next beginning of a day, week (Monday) or month after this local time, in local seconds. */
function next(local: number, turn: PoolWindow): number {
  const day = Math.floor(local / DAY);
  if (turn === "day") return (day + 1) * DAY;
  if (turn === "week") return (day + 7 - modulo(day - MONDAY, 7)) * DAY;
  return monthAfter(day) * DAY;
}

/** The first day of the month after this day's (days since 1 January 1970). */
function monthAfter(day: number): number {
  // Years that begin in March end with their leap day: a month begins every 30.6 of them.
  const era = Math.floor((day + MARCH) / ERA);
  const inEra = day + MARCH - era * ERA;
  const [fours, centuries] = [Math.floor(inEra / 1460), Math.floor(inEra / 36524)];
  const year = Math.floor((inEra - fours + centuries - Math.floor(inEra / 146096)) / 365);
  const month = Math.floor((5 * (inEra - daysOf(year)) + 2) / 153) + 1;
  const [years, months] = month === 12 ? [year + 1, 0] : [year, month];
  return era * ERA + daysOf(years) + Math.floor((153 * months + 2) / 5) - MARCH;
}

/** Days of so many years of an era. */
function daysOf(years: number): number {
  return 365 * years + Math.floor(years / 4) - Math.floor(years / 100) + Math.floor(years / 400);
}
