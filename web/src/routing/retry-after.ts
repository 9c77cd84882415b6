/** The wait that a response asks for, by the plan's headers; the twin of `sporewright/routing/retry_after.py`. */
import type { PaceHeader, Plan } from "../generated/calls";
import { retryAfterSeconds, trimmed } from "./retry-after-header";

const NUMBER = "\\d{1,12}(?:\\.\\d{1,12})?";
const WHOLE = new RegExp(`^${NUMBER}$`);
const PART = new RegExp(`(${NUMBER})(ms|s|m|h|d)`, "g");
const FIELD = new RegExp(`\\b(r|t|remaining|reset)[ \\t]*=[ \\t]*(${NUMBER})(?![\\w.])`, "g");
const SECONDS: Readonly<Record<string, number>> = { ms: 0.001, s: 1, m: 60, h: 3600, d: 86400 };
/** Beyond this a number of seconds is a moment since the epoch (September 2001), not a wait. */
const EPOCH = 1e9;

function numberOf(text: string): number | undefined {
  return WHOLE.test(text) ? Number(text) : undefined;
}

function milliseconds(text: string): number | undefined {
  const number = numberOf(text);
  return number === undefined ? undefined : number / 1000;
}

function seconds(text: string, now: number): number | undefined {
  const number = numberOf(text);
  return number === undefined || number < EPOCH ? number : Math.max(0, number - now);
}

/** 1m30.5s, 20ms, 6h; or a bare number of seconds. */
function duration(text: string, now: number): number | undefined {
  const parts = [...text.matchAll(PART)];
  if (parts.length === 0 || parts.map(([part]) => part).join("") !== text) return seconds(text, now);
  return parts.reduce((total, [, number, unit]) => total + Number(number) * (SECONDS[unit ?? ""] ?? 0), 0);
}

/** `"policy";r=0;t=30`, or the older `limit=10, remaining=0, reset=30`; undefined while something is left. */
function structured(text: string): number | undefined {
  const fields = new Map([...text.matchAll(FIELD)].map(([, name, number]) => [name, Number(number)]));
  const left = fields.get("r") ?? fields.get("remaining");
  return left !== undefined && left > 0 ? undefined : (fields.get("t") ?? fields.get("reset"));
}

const FORMS: Record<PaceHeader["form"], (text: string, now: number) => number | undefined> = {
  "retry-after": retryAfterSeconds,
  milliseconds,
  seconds,
  duration,
  structured,
};

/** Seconds ≥ 0 that the first readable header of the plan asks for. `now`: seconds since the epoch. */
export function paceSeconds(
  headers: { get(name: string): string | null },
  now: number,
  plan: Plan,
): number | undefined {
  for (const { header, form, unless_left: unless } of plan.pace_headers) {
    const text = trimmed(headers.get(header));
    if (text === "") continue;
    const left = unless === undefined ? undefined : numberOf(trimmed(headers.get(unless)));
    const found = left !== undefined && left > 0 ? undefined : FORMS[form](text, now);
    if (found !== undefined) return found;
  }
  return undefined;
}
