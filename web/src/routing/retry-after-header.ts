/** The wait that a Retry-After header asks for (RFC 9110 §10.2.3): seconds, or an HTTP date in any of three forms. */
import { parseHttpDate } from "./http-date";

const SECONDS = /^\d{1,12}(\.\d{1,12})?$/;
/** The characters that may stand around a value (RFC 9110 §5.6.3). */
const BLANK = /^[ \t]+|[ \t]+$/g;

/** A header's value without what may stand around it; "" where it is absent. */
export function trimmed(header: string | null): string {
  return (header ?? "").replace(BLANK, "");
}

/** Seconds ≥ 0; undefined if the header is absent or unreadable. `now`: seconds since the epoch. */
export function retryAfterSeconds(header: string | null, now: number): number | undefined {
  const text = trimmed(header);
  if (SECONDS.test(text)) return Number(text);
  const date = parseHttpDate(text, now);
  return date === undefined ? undefined : Math.max(0, date - now);
}
