/** The preferences of one call: the options that may answer it, and their order. The same rules as preferences.py. */
import type { Figures, Place, Preferences } from "../generated/calls";
import type { TokenCount } from "./call-size";

/** The order of one call, and each option passed over with its reason. */
export interface Arranged {
  queue: string[];
  skipped: Map<string, string>;
}

/** The declared values of an option, by property. */
export type Properties = Readonly<Record<string, readonly string[]>>;

type ByOption<T> = Readonly<Record<string, T>>;

/** The property of which an option has to have every value that is needed. */
const ALL_OF = "capabilities";
const NONE: readonly string[] = [];

/**
 * The learned order as the call wants it: `order` comes first as it stands, then what is preferred and then the rest, each
 * as learned, where an affinity makes its option better by what it saves. An option without a figure is not passed over for its cost or latency; one without a property does not
 * meet a need of it.
 */
export function arrange(
  queue: readonly string[],
  asked: Preferences,
  figures: ByOption<Figures> = {},
  properties: ByOption<Properties> = {},
): Arranged {
  const skipped = new Map<string, string>();
  const admitted = new Set<string>();
  for (const option of asked.affinity ? staying(queue, asked.affinity, figures) : queue) {
    const reason = reasonOf(option, asked, own(figures, option) ?? {}, own(properties, option) ?? {});
    if (reason === null) admitted.add(option);
    else skipped.set(option, reason);
  }
  const named = [asked.only, asked.order, asked.prefer].flatMap((names) => names ?? []);
  for (const option of named) if (!admitted.has(option) && !skipped.has(option)) skipped.set(option, "gated");
  const first = new Set((asked.order ?? []).filter((option) => admitted.has(option)));
  const preferred = new Set(asked.prefer);
  const rest = [...admitted].filter((option) => !first.has(option));
  const liked = rest.filter((option) => preferred.has(option));
  return { queue: [...first, ...liked, ...rest.filter((option) => !preferred.has(option))], skipped };
}

/**
 * The option of the affinity before all whose scores are no lower than its own less what it saves. Without scores it goes
 * first: nothing says that it is worse.
 */
function staying(queue: readonly string[], { option, saves }: Place, figures: ByOption<Figures>): readonly string[] {
  if (!queue.includes(option)) return queue;
  const scoreOf = (each: string): number | undefined => own(figures, each)?.score;
  const [score, others] = [scoreOf(option), queue.filter((each) => each !== option)];
  const better = (each: string): boolean => score !== undefined && (scoreOf(each) ?? Infinity) < score - saves;
  const at = others.findLastIndex(better) + 1;
  return at > queue.indexOf(option) ? queue : [...others.slice(0, at), option, ...others.slice(at)];
}

function reasonOf(option: string, asked: Preferences, figures: Figures, properties: Properties): string | null {
  if (asked.ignore?.includes(option)) return "ignored";
  if (asked.only && !asked.only.includes(option)) return "not-only";
  for (const [name, wanted] of Object.entries(asked.needs ?? {}))
    if (!meets(name, wanted, own(properties, name) ?? NONE)) return `needs:${name}`;
  if ((figures.cost ?? -Infinity) > (asked.max_cost ?? Infinity)) return "max-cost";
  if ((figures.latency ?? -Infinity) > (asked.max_latency ?? Infinity)) return "max-latency";
  return null;
}

/**
 * True if an option's declared values meet a need. Of `capabilities` it needs every one that is wanted; of any other
 * property each value that it declares has to be among the wanted ones: an option in two regions may answer from either.
 */
function meets(name: string, wanted: readonly string[], has: readonly string[]): boolean {
  if (name === ALL_OF) return wanted.every((each) => has.includes(each));
  return has.length > 0 && has.every((each) => wanted.includes(each));
}

/**
 * The cost and latency that are expected of a call with so many tokens, and so many at most in its answer; what is not
 * known is left out. The cost that is believed, but at least what this request's own tokens cost. `hasScores`: the scores
 * as well, by which an affinity is judged.
 */
export function figuresFor(figures: ByOption<Figures>, tokens: TokenCount, hasScores = false): Record<string, Figures> {
  const found = Object.entries(figures).map(([option, known]) => {
    const { latency, score } = known;
    const cost = costOf(known, tokens);
    const believed = { ...(cost === null ? {} : { cost }), ...(latency === undefined ? {} : { latency }) };
    return [option, { ...believed, ...(hasScores && score !== undefined ? { score } : {}) }] as const;
  });
  return Object.fromEntries(found.filter(([, each]) => Object.keys(each).length > 0));
}

function costOf({ cost, price_in, price_out }: Figures, tokens: TokenCount): number | null {
  const sent = price_in === undefined ? null : (tokens.in * price_in) / 1e6;
  if (cost !== undefined) return Math.max(cost, sent ?? 0);
  if (sent === null || price_out === undefined || tokens.out === null) return sent;
  return sent + (tokens.out * price_out) / 1e6;
}

/** The reason for people, with its numbers. */
export function whySkipped(option: string, reason: string, asked: Preferences, figures: ByOption<Figures>): string {
  const { cost, latency } = own(figures, option) ?? {};
  if (reason === "max-cost") return `${reason}: ${short(cost)} USD expected, ${short(asked.max_cost)} allowed`;
  if (reason === "max-latency") return `${reason}: ${short(latency)} s expected, ${short(asked.max_latency)} allowed`;
  return reason;
}

function short(number = 0): string {
  return String(Number(number.toPrecision(6)));
}

/** Names are any text: "constructor" is something that every object has. */
function own<T>(table: ByOption<T>, name: string): T | undefined {
  return Object.hasOwn(table, name) ? table[name] : undefined;
}
