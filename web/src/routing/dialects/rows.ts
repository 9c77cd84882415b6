/** The parts that a dialect's rows find in an answer; the twin of `sporewright/routing/dialects/rows.py`. */
import type { DialectRow, Reading, Where } from "../../generated/calls";

/** One thing that an event says, of which choice, by which row. */
export interface Saying {
  row: Reading;
  choice: number;
  found: unknown;
}

const DEEPEST = 8;
const PARTS: ReadonlySet<Reading["says"]> = new Set(["text", "reasoning", "tool"]);

/** True if an event is of one of this dialect's streams. */
export function isOf({ marks }: DialectRow, body: unknown): boolean {
  return marks.some((mark) => holds(mark, body));
}

/** Whatever the rows find, in their order; all that speak of choices find them in one place. */
export function sayings(body: unknown, rows: readonly Reading[]): Saying[] {
  const said: Saying[] = [];
  const alone: [number, unknown][] = [[0, body]];
  let choices: [number, unknown][] | undefined;
  for (const row of rows) {
    if (row.event && !holds(row.event, body)) continue;
    for (const [choice, element] of row.each ? (choices ??= choicesIn(body, row.each)) : alone)
      for (const item of reachAll(element, row.at)) {
        if (row.where && !holds(row.where, item)) continue;
        const found = row.take ? reach(item, row.take) : item;
        if (isWanted(row.says, found) && saysSomething(found) && counts(row, found)) said.push({ row, choice, found });
      }
  }
  return said;
}

/** True if it is more than a place for it; a tool call in one piece has a name. */
function counts({ says, whole, fields }: Reading, found: unknown): boolean {
  if (says === "error") return isError(found);
  if (!whole || !fields?.name) return true;
  const name = reach(found, fields.name);
  return typeof name === "string" && name !== "";
}

/** True if the value in the place of an error says one: some servers always have the field, with 0 or null in it. */
export function isError(found: unknown, depth = 0): boolean {
  if (typeof found !== "object" || found === null || depth > DEEPEST) return saysSomething(found) && found !== 0;
  return Object.values(found).some((inner) => isError(inner, depth + 1));
}

/** The choices that an event speaks of, each with its number. */
export function choicesIn(body: unknown, each: readonly string[]): [number, unknown][] {
  const found = reach(body, each);
  return (Array.isArray(found) ? (found as unknown[]) : []).map((element, number) => {
    const index = reach(element, ["index"]);
    return [isCount(index) ? index : number, element];
  });
}

/**
 * The number of signs of life: each part, or one for what is no part and yet part of the answer. An event of which nothing
 * is known is one as well: a dialect grows.
 */
export function lifeIn(said: readonly Saying[]): number {
  const parts = said.filter(({ row }) => PARTS.has(row.says)).length;
  return parts || Number(said.length === 0 || said.some(({ row }) => row.says === "life"));
}

/** The value at this path of JSON data, list positions as digits; undefined if there is none. */
export function reach(body: unknown, path: readonly string[]): unknown {
  let here = body;
  for (const step of path) {
    if (typeof here !== "object" || here === null || !Object.hasOwn(here, step)) return undefined;
    here = (here as Record<string, unknown>)[step];
  }
  return here;
}

/** The values at this path, of a list each item; `*` stands for each item of a list. */
export function reachAll(body: unknown, path: readonly string[]): unknown[] {
  const star = path.indexOf("*");
  const found = reach(body, star < 0 ? path : path.slice(0, star));
  if (star < 0) return Array.isArray(found) ? (found as unknown[]) : [found];
  return (Array.isArray(found) ? (found as unknown[]) : []).flatMap((item) => reachAll(item, path.slice(star + 1)));
}

/** Neither absent nor empty, nor false. */
export function saysSomething(found: unknown): boolean {
  if (found === undefined || found === null || found === "" || found === false) return false;
  return typeof found !== "object" || Object.keys(found).length > 0;
}

/** True if something is said at one of these paths, in more than a number; at one that ends with `#`, a number. */
export function saysAt(body: unknown, paths: readonly (readonly string[])[]): boolean {
  return paths.some((path) => {
    if (path.at(-1) === "#") return typeof reach(body, path.slice(0, -1)) === "number";
    const found = reach(body, path);
    return saysSomething(found) && typeof found !== "number" && found !== true;
  });
}

/** A number of things, exact in JSON's numbers. */
export function isCount(found: unknown): found is number {
  return Number.isSafeInteger(found) && (found as number) >= 0;
}

export function isObject(found: unknown): found is Record<string, unknown> {
  return typeof found === "object" && found !== null && !Array.isArray(found);
}

function isWanted(says: Reading["says"], found: unknown): boolean {
  if (says === "text" || says === "reasoning" || says === "finish") return typeof found === "string";
  return says !== "usage" || isObject(found);
}

/** True if the condition holds of an item. */
export function holds({ path, equals, begins, has, among, beyond }: Where, item: unknown): boolean {
  const found = reach(item, path);
  if (has !== undefined) return isObject(found) && Object.hasOwn(found, has);
  if (begins !== undefined) return typeof found === "string" && found.startsWith(begins);
  if (among !== undefined) return isObject(found) && among.some((name) => !isHollow(reach(found, [name])));
  if (beyond !== undefined)
    return isObject(found) && Object.entries(found).some(([name, value]) => !beyond.includes(name) && !isHollow(value));
  if (equals === undefined) return saysSomething(found);
  return equals === null ? !saysSomething(found) : found === equals;
}

/** Nothing is in it, however deep; what is deeper than any provider's words is something. */
function isHollow(found: unknown, depth = 0): boolean {
  if (typeof found !== "object" || found === null || depth > DEEPEST) return !saysSomething(found);
  return Object.values(found).every((inner) => isHollow(inner, depth + 1));
}
