/** Kinds of statements in a refusal's text, by a noun and its state; the twin of `sporewright/routing/phrase_matching.py`. */
import type { Phrase, Phrases } from "../generated/calls";

const FIELD = /^(?:[A-Za-z_]+=)+/;
/** So many words at most stand between the two, unless the phrase says otherwise. */
const WITHIN = 6;
/** Characters of a field that are read: what is longer is a page, or repeats the request. */
const MOST = 2000;
const QUOTED = /(^|[^a-z0-9])(["'`])([^"'`\n]{0,200})\2(?![a-z0-9])/gu;
const HUMP = /([a-z])([A-Z])/g;
const TAG = /<[^<>]{1,200}>/gu;
const KEY = /-?api[ _-]?key/g;
const END = /[.!?;](?=[ \t\r\n]|$)|\n/;
const BREAK = /[^a-z0-9"'./:_-]+/u;
const EDGES = "'./:_-";
const NAME = /[0-9/:"-]/;
const PARTS = /[._]+/;
const ALL_PARTS = /[./:_-]+/;
const DIGITS = /^[0-9]+$/;
/** One compiled expression each: a plan has few. */
const compiled = new Map<string, RegExp>();

/**
 * The sentences of these fields of an error, as words with one space between. A quoted text is one word, `"`, and so is what
 * looks like a model's name. With `names` what stands between dots and dashes is read, and each sentence twice: with what is
 * quoted, and without.
 */
export function sentences(lines: readonly string[], names: boolean): string[] {
  const readings = names ? ['$1 " ', "$1 $3 "] : ['$1 " '];
  return lines.flatMap((line) => {
    const begin = Array.from(line.slice(0, 2 * MOST))
      .slice(0, MOST)
      .join("");
    const plain = begin.replace(FIELD, "").replace(TAG, "\n").replace(HUMP, "$1 $2").toLowerCase();
    const spoken = plain.replaceAll("\u2019", "'").replaceAll("can't", "cannot").replaceAll("n't", " not");
    const text = spoken.replace(KEY, " api key");
    return readings.flatMap((quoted) =>
      text
        .replace(QUOTED, quoted)
        .split(END)
        .map((part) => wordsOf(part, names))
        .filter((words) => words !== ""),
    );
  });
}

function wordsOf(sentence: string, names: boolean): string {
  const words = sentence.split(BREAK).flatMap((token) => {
    const bare = stripped(token);
    if (bare === "") return token.includes('"') ? ['"'] : [];
    if (!names && NAME.test(bare)) return ['"'];
    const parts = bare.split(names ? ALL_PARTS : PARTS).filter((part) => part !== "");
    return names ? parts.map((part) => (DIGITS.test(part) ? '"' : part)) : parts;
  });
  return words.join(" ");
}

function stripped(token: string): string {
  let [begin, end] = [0, token.length];
  while (begin < end && EDGES.includes(token.charAt(begin))) begin += 1;
  while (end > begin && EDGES.includes(token.charAt(end - 1))) end -= 1;
  return token.slice(begin, end);
}

/** True if this sentence makes the statement. */
export function holdsOf(phrase: Phrase, sentence: string, { fillers, requests, persons }: Phrases): boolean {
  const { first, then = [], within = WITHIN, names = false, either = false, beside } = phrase;
  if (!names && any(requests).test(sentence)) return false;
  if (beside && (!any(beside).test(sentence) || any(persons).test(sentence))) return false;
  if (between(first, then, fillers, within).test(sentence)) return true;
  return either && between(then, first, fillers, within).test(sentence);
}

function any(words: readonly string[]): RegExp {
  return expression(`(?:^| )(?:${words.join("|")})(?= |$)`);
}

function between(first: readonly string[], then: readonly string[], fillers: readonly string[], gap: number): RegExp {
  if (then.length === 0) return any(first);
  const few = `(?: (?:${fillers.join("|")})){0,${String(gap)}}`;
  return expression(`(?:^| )(?:${first.join("|")})${few} (?:${then.join("|")})(?= |$)`);
}

function expression(source: string): RegExp {
  const known = compiled.get(source) ?? new RegExp(source, "u");
  compiled.set(source, known);
  return known;
}
