/** What a Retry-After header asks for (RFC 9110 §10.2.3): seconds, or an HTTP date in any of its three forms. */

const SECONDS = /^\d{1,12}(\.\d{1,12})?$/;
const DATE = /^([a-z]{3}, \d\d [a-z]{3} \d{4}|[a-z]{6,9}, \d\d-[a-z]{3}-\d\d) \d\d:\d\d:\d\d GMT$/i;
const ASCTIME = /^[a-z]{3} [a-z]{3} [ \d]\d \d\d:\d\d:\d\d \d{4}$/i;

/** Seconds ≥ 0; undefined if the header is absent or unreadable. `now`: seconds since the epoch. */
export function retryAfterSeconds(header: string | null, now: number): number | undefined {
  const text = (header ?? "").trim();
  if (SECONDS.test(text)) return Number(text);
  if (!DATE.test(text) && !ASCTIME.test(text)) return undefined;
  const date = Date.parse(ASCTIME.test(text) ? `${text} GMT` : text) / 1000;
  return Number.isNaN(date) ? undefined : Math.max(0, date - now);
}
