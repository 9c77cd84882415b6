/** The three ways HTTP writes a date (RFC 9110 §5.6.7); the twin of `sporewright/routing/http_date.py`. */

const MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const TIME = "(?<h>\\d\\d):(?<m>\\d\\d):(?<s>\\d\\d)";
const FORMS = [
  `[a-z]{3}, (?<day>\\d\\d) (?<month>[a-z]{3}) (?<year>\\d{4}) ${TIME} GMT`,
  `[a-z]{6,9}, (?<day>\\d\\d)-(?<month>[a-z]{3})-(?<year>\\d\\d) ${TIME} GMT`,
  `[a-z]{3} (?<month>[a-z]{3}) (?<day>[ \\d]\\d) ${TIME} (?<year>\\d{4})`,
].map((form) => new RegExp(`^${form}$`, "i"));
const YEAR_S = 31_556_952;

/** The year of these two digits that is at most 50 years from `now`. */
function fullYear(two: number, now: number): number {
  const year = 1970 + Math.floor(now / YEAR_S);
  return two + 100 * Math.floor((year + 50 - two) / 100);
}

/** Seconds since the Unix epoch; undefined for what is no date. `now` decides about a year of two digits. */
export function parseHttpDate(text: string, now: number): number | undefined {
  const found = FORMS.map((form) => form.exec(text)?.groups).find((groups) => groups !== undefined);
  if (!found) return undefined;
  const { month: name = "", year: written = "", day: dayOf, h, m, s } = found;
  const [month, day] = [MONTHS.indexOf(name.toLowerCase()), Number(dayOf)];
  const year = written.length === 2 ? fullYear(Number(written), now) : Number(written);
  const [hours, minutes, seconds] = [Number(h), Number(m), Number(s)];
  if (month < 0 || year < 1 || hours > 23 || minutes > 59 || seconds > 60) return undefined;
  const date = new Date(0);
  date.setUTCFullYear(year, month, day);
  // A day that the month does not have is one of another month.
  if (date.getUTCMonth() !== month || date.getUTCDate() !== day) return undefined;
  return date.getTime() / 1000 + (hours * 60 + minutes) * 60 + seconds;
}
