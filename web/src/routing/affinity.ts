/** Affinity of calls that belong together: what it is worth to stay where their prompt is cached; as affinity.py. */
import type { Figures, Place } from "../generated/calls";

/** Seconds for which a prompt is kept after its last use; the numbers' sources stand in affinity.py. */
const CACHE_S = 300;
const MOST = 1000;
const NEAR = 0.02;
const SHARE = 0.9;
const STEP = 0.3;
const FADE = 0.98;
const TOLD = 8;

/** The words of an answer of itself: its tokens, how many were cached, and the seconds to its first token. */
export interface Turn {
  tokens: number;
  sent: number;
  cached?: number | undefined;
  firstS?: number | undefined;
}

const MOST_TOKENS = 1e9;
const SENT = ["prompt_tokens", "input_tokens", "promptTokenCount"];
const ANSWERED = ["completion_tokens", "output_tokens", "candidatesTokenCount"];
const CACHED = [
  "prompt_tokens_details.cached_tokens",
  "input_tokens_details.cached_tokens",
  "cache_read_input_tokens",
  "cachedContentTokenCount",
];

interface Warm {
  option: string;
  at: number;
  tokens: number;
  /** Answers so far: as many may be still to come, each of which would gain by a better option. */
  turns: number;
}

/** The slope of first-token seconds over tokens that were read anew, by weighted least squares. */
class Speed {
  #count = 0;
  #tokens = 0;
  #seconds = 0;
  #spread = 0;
  #together = 0;

  add(tokens: number, seconds: number): void {
    this.#count = this.#count * FADE + 1;
    const off = tokens - this.#tokens;
    this.#tokens += off / this.#count;
    this.#seconds += (seconds - this.#seconds) / this.#count;
    this.#spread = this.#spread * FADE + off * (tokens - this.#tokens);
    this.#together = this.#together * FADE + off * (seconds - this.#seconds);
  }

  get perToken(): number {
    const isTold = this.#count >= TOLD * 0.9 && this.#spread > 0;
    return isTold ? Math.max(0, this.#together / this.#spread) : 0;
  }
}

type Table = Readonly<Record<string, unknown>>;
type ByOption = Readonly<Record<string, Figures>>;

/** The options at which the prompts of keys are warm, and what is known of their caches. Time in seconds. */
export class Affinity {
  readonly #warm = new Map<string, Warm>();
  readonly #shares = new Map<string, number>();
  readonly #speeds = new Map<string, Speed>();

  /**
   * The option that the call stays with, and what that is worth in units of the score; null for no other order. A key
   * that is nowhere warm goes to one of the options that are as good as the best, always to the same.
   */
  place(key: string, now: number, queue: readonly string[], figures: ByOption): Place | null {
    const warm = this.#warm.get(key);
    const of = (option: string): Figures => (Object.hasOwn(figures, option) ? (figures[option] ?? {}) : {});
    const scores = queue.flatMap((option) => of(option).score ?? []);
    const best = Math.min(...scores);
    const near = scores.length > 0 ? NEAR * Math.abs(best) : 0;
    if (warm && queue.includes(warm.option) && isFresh(warm, now))
      return { option: warm.option, saves: Math.max(this.#saves(warm, now, of(warm.option)), near) };
    if (scores.length === 0) return null;
    const alike = queue.filter((option) => (of(option).score ?? Infinity) <= best + near);
    const hashes = alike.map((option) => hashOf(`${key}\0${option}`));
    const option = alike[hashes.indexOf(Math.max(...hashes))];
    return option === undefined ? null : { option, saves: near };
  }

  /** A call with this key was answered. */
  heard(key: string, option: string, now: number, { tokens, sent, cached, firstS }: Turn): void {
    const before = this.#warm.get(key);
    this.#warm.delete(key);
    if (cached !== undefined && cached >= 0) {
      if (before?.option === option && isFresh(before, now) && before.tokens > 0) {
        const known = this.#shares.get(option) ?? SHARE;
        this.#shares.set(option, known + STEP * (Math.min(1, cached / before.tokens) - known));
      }
      if (firstS !== undefined) {
        const speed = this.#speeds.get(option) ?? new Speed();
        this.#speeds.set(option, speed);
        speed.add(Math.max(0, sent - cached), firstS);
      }
    }
    const turns = before && isFresh(before, now) ? before.turns + 1 : 1;
    this.#warm.set(key, { option, at: now, tokens, turns });
    for (const [oldest] of this.#warm) if (this.#warm.size > MOST) this.#warm.delete(oldest);
  }

  /**
   * Money and seconds that the cached tokens save, as the order weighs them; less as the cache grows old. They are saved
   * once, by not moving now, and are shared by the turns to come.
   */
  #saves({ option, at, tokens: warm, turns }: Warm, now: number, figures: Figures): number {
    const { price_in: price = 0, dollar = 0, second = 0 } = figures;
    const age = (now - at) / CACHE_S;
    const tokens = warm * (this.#shares.get(option) ?? SHARE) * (1 - age * age * age * age);
    const usd = (tokens * Math.max(0, price - (figures.price_cached ?? price))) / 1e6;
    const seconds = tokens * (this.#speeds.get(option)?.perToken ?? 0);
    return (usd * Math.max(0, dollar) + seconds * Math.max(0, second)) / turns;
  }
}

/** The words of an answer's usage, whoever's; `sent`: the request's tokens where it says none. */
export function turnOf(usage: unknown, sent: number, firstS: number | undefined): Turn {
  const said = isTable(usage) ? usage : {};
  let read = count(said, SENT);
  // Anthropic counts what was cached apart.
  if (read !== undefined && Object.hasOwn(said, "cache_read_input_tokens"))
    read += (count(said, ["cache_read_input_tokens"]) ?? 0) + (count(said, ["cache_creation_input_tokens"]) ?? 0);
  const all = read ?? sent;
  return { tokens: all + (count(said, ANSWERED) ?? 0), sent: all, cached: count(said, CACHED), firstS };
}

/** The first of these that is a number; a dot leads into an object. */
function count(usage: Table, names: readonly string[]): number | undefined {
  for (const name of names) {
    const [outer = "", inner] = name.split(".");
    const at = Object.hasOwn(usage, outer) ? usage[outer] : undefined;
    const found = inner !== undefined && isTable(at) && Object.hasOwn(at, inner) ? at[inner] : at;
    if (typeof found === "number" && found >= 0 && found <= MOST_TOKENS) return found;
  }
  return undefined;
}

function isTable(value: unknown): value is Table {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isFresh({ at }: Warm, now: number): boolean {
  return now >= at && now - at < CACHE_S;
}

/** FNV-1a with a finisher, 32 bits: the same for the same text, and as good as random. */
function hashOf(text: string): number {
  let found = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(text)) found = Math.imul(found ^ byte, 0x01000193);
  found = Math.imul(found ^ (found >>> 16), 0x85ebca6b);
  return (found ^ (found >>> 13)) >>> 0;
}
