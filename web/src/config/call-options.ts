/** The options of one call, checked: a wrong word is named, with the word that was probably meant. */
import { meant, tableOf } from "../base";
import { SporewrightError } from "../errors";
import type { Preferences as Asked } from "../generated/calls";
import { checkCursor, checkExpects, checkTask, milliseconds, propertiesOf, refuse } from "./options";
import type { CallOptions, Cursor, Preferences, RoutedInit, Upstream } from "../types";

const LISTS = ["only", "ignore", "order", "prefer"] as const;
/** Each cap, and its name in a question to the engine. */
const CAPS = { maxCost: "max_cost", maxLatency: "max_latency" } as const;
const WORDS = [...LISTS, ...(Object.keys(CAPS) as (keyof typeof CAPS)[]), "needs"] as const;
/** Letters of an affinity's key: an identifier, not a prompt. */
const LONGEST_KEY = 256;
const CALL_WORDS = [
  "affinity",
  "cursor",
  "deadline",
  "rejected",
  "task",
  ...WORDS,
] as const satisfies readonly (keyof CallOptions)[];
const OWN_WORDS = ["restart", "onRestart", "idempotent", "retry", "hedge", "expects"] as const;
const CHAT_WORDS: readonly string[] = ["signal", "restart", "headers", "retry", "hedge", ...CALL_WORDS];
const FETCH_WORDS: readonly string[] = [...OWN_WORDS, ...CALL_WORDS] satisfies readonly (keyof RoutedInit)[];
/** The words of `fetch` itself: none of them is a misspelt one of ours. */
const NATIVE_WORDS: ReadonlySet<string> = new Set(
  "body cache credentials duplex headers integrity keepalive method mode priority redirect referrer referrerPolicy signal window".split(
    " ",
  ),
);
/** So many known names are listed in an error. */
const NAMED = 8;

/** Code `config` for a word that is nearly one of ours; what else `fetch` does not know it ignores, as it always does. */
export function checkFetchWords(init: object): void {
  for (const word of Object.keys(init)) {
    if (FETCH_WORDS.includes(word) || NATIVE_WORDS.has(word)) continue;
    const near = meant(word, FETCH_WORDS);
    if (near !== undefined) throw new SporewrightError("config", `fetch: ${word}: did you mean "${near}"?`);
  }
}

/** Code `config` for a word that a chat does not have. */
export function checkChatWords(init: object): void {
  for (const word of Object.keys(init)) {
    if (CHAT_WORDS.includes(word)) continue;
    throw new SporewrightError("config", `chat: ${word}: ${hintOf(word, CHAT_WORDS)}`);
  }
}

/** Code `config` for values that cannot be meant; whether the options named exist is checked by `preferencesOf`. */
export function checkCall(init: RoutedInit): void {
  checkExpects("expects", init.expects);
  placeOf(init);
  if (init.rejected !== undefined && !["best", "error"].includes(init.rejected))
    refuse("rejected", init.rejected, "best or error");
  milliseconds("deadline", init.deadline);
  const key: unknown = init.affinity;
  if (key !== undefined && (typeof key !== "string" || key === "" || key.length > LONGEST_KEY))
    refuse("affinity", key, `a text of 1 to ${LONGEST_KEY} letters`);
  preferencesOf(init, null);
}

/** The call's own part of the cursor, its kind of work included; code `config` for what is none. */
export function placeOf({ cursor, task }: CallOptions): Cursor | undefined {
  checkTask(task);
  if (cursor === undefined) return task === undefined ? undefined : { task };
  checkCursor(cursor);
  const { task: other = task } = cursor;
  if (task !== undefined && other !== task)
    throw new SporewrightError("config", `task: "${task}" and cursor.task: "${other}" are two kinds of work`);
  return Object.keys(cursor).length + Number(task !== undefined) === 0
    ? undefined
    : tableOf(Object.entries({ ...cursor, ...(task === undefined ? {} : { task }) }));
}

/** The preferences among these words, null if there are none; code `config` for a name that is not `known`. */
export function preferencesOf(init: CallOptions, known: ReadonlySet<string> | null): Asked | null {
  if (WORDS.every((word) => init[word] === undefined)) return null;
  const asked: Asked = {};
  for (const word of LISTS) {
    const names = namesOf(word, init[word]);
    if (known) for (const name of names) checkKnown(word, name, known);
    if (names.length > 0) asked[word] = names;
    else if (word === "only" && init.only !== undefined)
      throw new SporewrightError("config", "only: an empty list admits no option");
  }
  for (const [word, name] of Object.entries(CAPS) as [keyof typeof CAPS, (typeof CAPS)[keyof typeof CAPS]][]) {
    const cap: unknown = init[word];
    if (cap === undefined || cap === null) continue;
    if (typeof cap !== "number" || !(cap >= 0 && cap < Infinity)) refuse(word, cap, "a finite number, at least 0");
    else asked[name] = cap;
  }
  const needs = propertiesOf("needs", init.needs);
  if (Object.keys(needs).length > 0) asked.needs = needs;
  return Object.keys(asked).length > 0 ? asked : null;
}

/** The declared properties of each upstream. */
export function declaredProperties(
  upstreams: Readonly<Record<string, Upstream>>,
): Record<string, Record<string, string[]>> {
  const declared = Object.entries(upstreams).map(([option, { properties }]) => {
    return [option, propertiesOf("properties", properties)] as const;
  });
  return tableOf(declared);
}

/** The part of a question to the engine that holds these preferences; code `config` for what cannot be meant. */
export function askedFrom(
  preferences: Preferences,
  upstreams: Readonly<Record<string, Upstream>>,
): { preferences?: Asked; properties?: Record<string, Record<string, string[]>> } {
  for (const word of Object.keys(preferences)) {
    if ((WORDS as readonly string[]).includes(word)) continue;
    throw new SporewrightError("config", `preferences: ${word}: ${hintOf(word, WORDS)}`);
  }
  const asked = preferencesOf(preferences, null);
  return asked ? { preferences: asked, ...(asked.needs ? { properties: declaredProperties(upstreams) } : {}) } : {};
}

function hintOf(word: string, known: readonly string[]): string {
  const near = meant(word, known);
  return near === undefined ? `is none of ${known.join(", ")}` : `did you mean "${near}"?`;
}

function namesOf(word: string, value: unknown): string[] {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value)) return refuse(word, value, "a list of options");
  const odd = value.findIndex((name: unknown) => typeof name !== "string" || name === "");
  if (odd >= 0) return refuse(`${word}[${odd}]`, value[odd], "the name of an option");
  return [...new Set(value as string[])];
}

function checkKnown(word: string, name: string, known: ReadonlySet<string>): void {
  if (known.has(name)) return;
  const near = meant(name, known);
  const hint = near === undefined ? "" : `: did you mean "${near}"?`;
  const listed = [...known].sort().slice(0, NAMED).join(", ") + (known.size > NAMED ? ", …" : "");
  throw new SporewrightError("config", `${word}: "${name}" is no option${hint} (known: ${listed})`);
}
