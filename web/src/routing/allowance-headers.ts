/** The amounts that a response's headers say are left, by the plan's table; as `sporewright/routing/allowance_headers.py`. */
import type { Plan } from "../generated/calls";
import type { Word } from "../pools";
import { trimmed } from "./retry-after-header";

const NUMBER = "\\d{1,12}(?:\\.\\d{1,12})?";
const WHOLE = new RegExp(`^${NUMBER}$`);
const [LEFT, LIMIT] = [fields("r|remaining"), fields("q|limit")];

function fields(names: string): RegExp {
  return new RegExp(`\\b(?:${names})[ \\t]*=[ \\t]*(${NUMBER})(?![\\w.])`, "g");
}

/** Each header of the table that can be read. */
export function wordsOf(headers: { get(name: string): string | null }, plan: Plan): Word[] {
  return plan.allowance_headers.flatMap(({ unit, left: name, limit: whole, structured = false }) => {
    const text = trimmed(headers.get(name));
    const said = whole === undefined ? "" : trimmed(headers.get(whole));
    const [left, limit] = structured ? [last(text, LEFT), last(text, LIMIT)] : [numberOf(text), numberOf(said)];
    return left === undefined ? [] : [{ unit, left, limit }];
  });
}

function numberOf(text: string): number | undefined {
  return WHOLE.test(text) ? Number(text) : undefined;
}

/** The last field of these names in `"policy";r=0;t=30`, or in the older `limit=10, remaining=0`. */
function last(text: string, field: RegExp): number | undefined {
  const found = [...text.matchAll(field)].at(-1)?.[1];
  return found === undefined ? undefined : Number(found);
}
