/** Time zones from the browser's database, as the tables that pools count with. */
import type { Zone } from "./calendar";

const DAY = 86400;
/** A table reaches from a year ago to four years ahead; after that the last offset stands. */
const [PAST, AHEAD] = [400 * DAY, 1500 * DAY];

/** True for a name of the database. */
export function isZone(name: string): boolean {
  try {
    return new Intl.DateTimeFormat("en", { timeZone: name }) instanceof Intl.DateTimeFormat;
  } catch {
    return false;
  }
}

/** The zone's transitions around now: from when on its clocks are how many seconds ahead of UTC. */
export function zoneTable(name: string, now: number): Zone {
  const offset = offsets(name);
  const today = Math.floor(now / DAY) * DAY;
  const rows: [number, number][] = [];
  let last = offset(today - PAST);
  rows.push([today - PAST, last]);
  for (let day = today - PAST; day < today + AHEAD; day += DAY) {
    if (offset(day + DAY) === last) continue;
    let [low, high] = [day, day + DAY];
    while (high - low > 1) {
      const middle = Math.floor((low + high) / 2);
      if (offset(middle) === last) low = middle;
      else high = middle;
    }
    last = offset(high);
    rows.push([high, last]);
  }
  return rows;
}

function offsets(timeZone: string): (at: number) => number {
  const format = new Intl.DateTimeFormat("en-u-ca-iso8601-nu-latn", {
    timeZone,
    hourCycle: "h23",
    year: "numeric",
    month: "numeric",
    day: "numeric",
    hour: "numeric",
    minute: "numeric",
    second: "numeric",
  });
  return (at) => {
    const parts = new Map(format.formatToParts(at * 1000).map(({ type, value }) => [type, Number(value)]));
    const part = (type: Intl.DateTimeFormatPartTypes): number => parts.get(type) ?? 0;
    const date = [part("year"), part("month") - 1, part("day")] as const;
    return Date.UTC(...date, part("hour"), part("minute"), part("second")) / 1000 - at;
  };
}
