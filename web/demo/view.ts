/** What the inspector says about numbers, sources and attempts: pure functions from data to text and shares. */
import type { Aside, Attempt, AttemptDetail, Dropped, Num, Outcome, Ranked, Skipped, Source, Term } from "../src/types";

/** Who "this device" is, for texts. */
export interface Me {
  workspace: string;
  device: string | null;
}

/** One routed call as the log shows it. */
export interface Call {
  call: number;
  attempts: AttemptDetail[];
  skipped: readonly Skipped[];
  /** `open` until an answer or an error came. */
  end: "open" | "answered" | "failed";
  /** Seconds since 1970. */
  at: number;
}

/** A part of an option's bar: `share` of the scale, in [0, 1]. */
export interface Share {
  dimension: string;
  share: number;
}

/**
 * An option's bar: what lowers its cost ends at `zero`, a place on the scale in [0, 1]; what adds to it begins there. `cut`:
 * what lowers it goes on beyond the scale.
 */
export interface Bar {
  zero: number;
  lowering: readonly Share[];
  adding: readonly Share[];
  cut?: true;
}

const ASIDE = "aside:";
/** The levels at which a device writes what is its own. */
const OWN_LEVELS = new Set(["device", "task", "local"]);
const WORDS: Record<string, string> = { inf: "+∞", "-inf": "−∞", nan: "not a number" };

/** A number with three significant digits, never in exponent form; what JSON lacks as its sign. */
export function plain(x: Num | null): string {
  if (x === null) return "none";
  if (typeof x === "string") return WORDS[x] ?? x;
  if (x === 0) return "0";
  const digits = Math.min(8, Math.max(0, 2 - Math.floor(Math.log10(Math.abs(x)))));
  const text = x.toFixed(digits);
  return (digits > 0 ? text.replace(/\.?0+$/, "") : text).replace("-", "−");
}

/** A score or a product: always three decimals, so that columns of them line up. */
export function cost(x: Num | null): string {
  if (typeof x !== "number") return plain(x);
  const text = x.toFixed(3);
  return text === "-0.000" ? "0.000" : text.replace("-", "−");
}

/** A value in the unit of its dimension (D4). */
export function valueOf(dimension: string, x: Num | null): string {
  if (typeof x !== "number") return plain(x);
  if (dimension === "latency" || dimension === "ttft") return `${plain(x)} s`;
  if (dimension === "failure" || dimension === "quality") return `${plain(x * 100)} %`;
  return dimension === "financial" ? `$${plain(x)}` : plain(x);
}

/** Why an option is set aside, where it is: a term that the engine lays beside what the option costs. */
export function asideOf(terms: readonly Term[]): Aside | null {
  const found = terms.find(({ dimension }) => dimension.startsWith(ASIDE));
  return found ? (found.dimension.slice(ASIDE.length) as Aside) : null;
}

/**
 * Each option's bar, on one scale for all of them; a term that counts nothing has no part. What lowers a cost has no more
 * room than what adds to one: an option that was never called may be worth a look a hundred times over.
 */
export function barsOf(ranked: readonly Ranked[]): Map<string, Bar> {
  const sides = ranked.map(({ option, terms }) => ({ option, less: sized(terms, -1), more: sized(terms, 1) }));
  const most = Math.max(0, ...sides.map(({ more }) => total(more)));
  const least = Math.max(0, ...sides.map(({ less }) => total(less)));
  const left = most > 0 ? Math.min(least, most) : least;
  const whole = left + most;
  const scaled = (parts: readonly Share[], size = whole): Share[] =>
    parts.map(({ dimension, share }) => ({ dimension, share: share / size }));
  const zero = whole > 0 ? left / whole : 0;
  return new Map(
    sides.map(({ option, less, more }) => {
      const beyond = Math.max(1, total(less) / left);
      const bar = { zero, lowering: scaled(less, whole * beyond), adding: scaled(more) };
      return [option, beyond > 1 ? { ...bar, cut: true } : bar];
    }),
  );
}

/** The terms whose product has this sign, each with its size. */
function sized(terms: readonly Term[], sign: 1 | -1): Share[] {
  return counted(terms).flatMap(({ dimension, product }) =>
    typeof product === "number" && product * sign > 0 ? [{ dimension, share: product * sign }] : [],
  );
}

/** How much of the scale these parts take together. */
export function total(parts: readonly Share[]): number {
  return parts.reduce((sum, { share }) => sum + share, 0);
}

/** The terms that are part of the cost: what has no weight only stands behind one of them; being set aside is no cost. */
export function counted(terms: readonly Term[]): readonly Term[] {
  return terms.filter(({ dimension, weight }) => weight !== null && !dimension.startsWith(ASIDE));
}

/** Where a layer was folded from (F1), as a reader would say it. */
export function sourceText(source: Source | null, me: Me): string {
  if (source === null) return "nowhere";
  const [level, instance] = source;
  if (me.device !== null && me.device !== "" && OWN_LEVELS.has(level) && instance.split("/")[0] === me.device)
    return "this device";
  if (level === "global" && instance === "") return "global";
  return instance === "" ? `${level}, shared` : `${level} ${instance}`;
}

/** What a term's value rests on: a declared prior (D4), or the place it was folded from and what stands behind it. */
export function knownFrom(term: Term, me: Me, terms: readonly Term[] = []): { text: string; prior: boolean } {
  if (term.prior) return { text: "assumed", prior: true };
  if (term.dimension === "explore") return { text: curiosityText(term, terms), prior: false };
  return { text: [sourceText(term.value_source, me), ...behind(term, terms)].join(", "), prior: false };
}

/** Why an option is worth a look, or is not now (docs/explanation/learning.md). */
function curiosityText({ value, weight, product }: Term, terms: readonly Term[]): string {
  const isWorthless = typeof value === "number" && typeof weight === "number" && cost(value * weight) === "0.000";
  if (isWorthless) return "nothing to find out now";
  const rest = counted(terms).reduce(
    (sum, { product: each }) => sum + Math.max(0, typeof each === "number" ? each : 0),
    0,
  );
  const isNext = typeof product === "number" && -product > rest;
  return isNext ? "little known, tried next: what calls elsewhere may have lost" : "little known, worth a try";
}

/** How many measurements or holders stand behind a value; `count:`, `own:` and `support:` are terms without weight. */
function behind({ dimension, value_source: [level] }: Term, terms: readonly Term[]): string[] {
  const of = (companion: string): number | null => {
    const value = terms.find((term) => term.dimension === `${companion}:${dimension}`)?.value;
    return typeof value === "number" ? value : null;
  };
  const [measured, own, holders] = [of("count"), of("own"), of("support")];
  if (level !== "local") return level === "device" || holders === null ? [] : [counting(holders, "voice")];
  const share = own === null || own >= 0.995 ? [] : [`${plain(own * 100)} % own evidence`];
  return [...(measured === null ? [] : [counting(Math.max(1, Math.round(measured)), "call")]), ...share];
}

function counting(count: number, what: string): string {
  return `${plain(count)} ${what}${count === 1 ? "" : "s"}`;
}

/** Why an option was dropped, and whether this device may lift the gate itself. */
export function dropText(dropped: Dropped, me: Me): { text: string; own: boolean } {
  const own = dropped.dimension === "reach" && dropped.level === "device" && dropped.instance === me.device;
  if (own) return { text: "Taken out by this device.", own };
  const where = sourceText([dropped.level, dropped.instance], me);
  const why = BLOCKS[dropped.dimension];
  if (why !== undefined) return { text: `Out of this page's reach for a while: ${why}.`, own };
  const rule = dropped.dimension.startsWith("priv:")
    ? `Lacks ${dropped.dimension.slice("priv:".length)}, which ${where} requires; only an operator can lift that.`
    : `Its ${dropped.dimension} is ${plain(dropped.value)} at ${where}.`;
  return { text: rule, own };
}

/** Why the engine asks an option last (docs/reference/health.md). */
export const ASIDES: Readonly<Record<Aside, string>> = {
  key: "its key is refused",
  credit: "its credit is used up",
  quota: "its quota is used up",
  region: "it does not serve this region",
  model: "it does not have the model",
};

/** Gates that the engine sets by itself and lifts again (docs/reference/health.md). */
const BLOCKS: Readonly<Record<string, string>> = {
  "reach:csp": "blocked by the page's content security policy",
  "reach:cors": "its server does not let this page read its answers (CORS)",
  "reach:client": "something on this device blocks it, like an extension",
  "reach:mixed-content": "an insecure address in a secure page",
};

/** Marks that every engine has a glyph for and none draws as a picture. */
const ENDS: Record<Outcome, { mark: string; text: string }> = {
  ok: { mark: "✓", text: "answered" },
  opaque: { mark: "✓", text: "answered, unseen" },
  refused: { mark: "✕", text: "refused" },
  declined: { mark: "✕", text: "declined: set aside" },
  unexplained: { mark: "✕", text: "refused for no known reason" },
  invalid_answer: { mark: "✕", text: "no answer in it" },
  content_filter: { mark: "✕", text: "refused: content filter" },
  context_length: { mark: "✕", text: "context too long" },
  unsuited: { mark: "–", text: "cannot take this request" },
  rate_limited: { mark: "‖", text: "rate limited" },
  masked: { mark: "‖", text: "hidden refusal, without CORS headers" },
  blocked: { mark: "⊘", text: "blocked on this device" },
  unreadable: { mark: "⊘", text: "not readable here (CORS)" },
  offline: { mark: "–", text: "device offline" },
  slept: { mark: "–", text: "interrupted: the page was asleep" },
  server_error: { mark: "✕", text: "server error" },
  unreachable: { mark: "✕", text: "no connection" },
  network_error: { mark: "✕", text: "connection lost" },
  timed_out: { mark: "◔", text: "timed out" },
  too_large: { mark: "✕", text: "too long to be held back" },
  deadline: { mark: "◔", text: "the call's time was over" },
  slow_start: { mark: "◔", text: "first token too late" },
  stalled: { mark: "◔", text: "stalled" },
  truncated: { mark: "✕", text: "cut short" },
  malformed: { mark: "✕", text: "malformed" },
  aborted: { mark: "–", text: "aborted" },
  lost: { mark: "–", text: "another was faster" },
  unusable: { mark: "–", text: "not usable" },
};

/** How an attempt ended: a mark, words, and the status where there was one. */
export function endOf(attempt: { outcome: Outcome; status?: number }): { mark: string; text: string } {
  const { mark, text } = ENDS[attempt.outcome];
  return { mark, text: attempt.status === undefined ? text : `${attempt.status} ${text}` };
}

/** Whether the attempt's answer is the caller's; where all decline, he gets the first refusal, and nobody answered. */
export function isAnswer({ outcome }: Pick<Attempt, "outcome">): boolean {
  return outcome === "ok" || outcome === "opaque" || outcome === "refused";
}

/** The log with one more attempt in it, newest call first, at most `keep` calls. */
export function withAttempt(calls: readonly Call[], detail: AttemptDetail, at: number, keep = 40): Call[] {
  const known = calls.find(({ call }) => call === detail.call);
  const end = isAnswer(detail) ? "answered" : "open";
  const changed: Call = known
    ? { ...known, attempts: [...known.attempts, detail], end }
    : { call: detail.call, attempts: [detail], skipped: [], end, at };
  const others = calls.filter(({ call }) => call !== detail.call);
  return [changed, ...others].sort((a, b) => b.call - a.call).slice(0, keep);
}

/** The log with the end of the call that consisted of exactly these attempts, and what it skipped. */
export function withEnd(
  calls: readonly Call[],
  attempts: readonly Attempt[],
  end: Call["end"],
  skipped: readonly Skipped[],
): readonly Call[] {
  const same = (call: Call): boolean =>
    call.attempts.length === attempts.length &&
    call.attempts.every(
      ({ option, latency }, at) => attempts[at]?.option === option && attempts[at].latency === latency,
    );
  return calls.map((call) => (same(call) ? { ...call, end, skipped } : call));
}

/** How many calls each option answered, most first. */
export function tally(calls: readonly Call[]): [option: string, answered: number][] {
  const counts = new Map<string, number>();
  for (const { attempts, end } of calls) {
    const last = attempts.at(-1);
    if (last && end === "answered") counts.set(last.option, (counts.get(last.option) ?? 0) + 1);
  }
  return [...counts].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1));
}

/** A time in seconds as a reader says it: minutes, from two of them on. */
export function lasting(seconds: number): string {
  return seconds < 120 ? `${seconds} s` : `${Math.ceil(seconds / 60)} min`;
}

/** What a screen reader hears when the order changes, or when one of it is set aside. */
export function orderText(order: readonly string[], ranked: readonly Ranked[] = []): string {
  if (order.length === 0) return "No option is left in the order.";
  const asides = ranked.flatMap(({ option, terms }) => {
    const reason = asideOf(terms);
    return reason === null ? [] : [`${option} is set aside: ${ASIDES[reason]}.`];
  });
  return [`Order is now ${order.slice(0, 5).join(", ")}.`, ...asides].join(" ");
}

/** At most one run of `say` in `gap` ms; of calls in between only the last one counts. */
export function throttled<T>(gap: number, say: (what: T) => void): (what: T) => void {
  let timer: ReturnType<typeof setTimeout> | null = null;
  let waiting: { what: T } | null = null;
  const run = (): void => {
    const next = waiting;
    waiting = null;
    timer = next ? setTimeout(run, gap) : null;
    if (next) say(next.what);
  };
  return (what) => {
    waiting = { what };
    if (timer === null) run();
  };
}

/** The record without this name. */
export function without<T>(record: Readonly<Record<string, T>>, name: string): Readonly<Record<string, T>> {
  return Object.fromEntries(Object.entries(record).filter(([key]) => key !== name));
}

/** What was kept, and the newest one; never more than `most`: the oldest goes first. */
export function ringed<T>(kept: readonly T[], newest: T, most: number): readonly T[] {
  return [...kept, newest].slice(-most);
}
