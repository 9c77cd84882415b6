/** The judge of whether a response is an answer; the twin of `sporewright/routing/dialects/judge.py`. */
import type { Expects, Plan } from "../../generated/calls";
import { DIALECTS, SUFFICES } from "../../generated/dialects";
import { readJson } from "./read-json";
import { joined } from "../../streams";
import { isError as saysError, isObject, reach, sayings, saysAt } from "./rows";
import { EVERY, Events, reasonOf, type Heard, type Kind, type Listening, type Words } from "./sse-events";

/** A stream of events, a stream of lines of JSON, JSON in one piece. */
export type Form = "events" | "lines" | "json";

const FIELD = /^(data|event|id|retry)?:/;
const LONGEST_FIELD = 6;
const LF = 0x0a;
/** The bytes that Python strips. */
const BLANK = [0x20, 0x09, LF, 0x0d, 0x0b, 0x0c];
type AnswerWords = Required<Words> & {
  /** Places of a list that is an answer, empty or not. */
  lists: readonly (readonly string[])[];
};

const LINES = [
  "application/x-ndjson",
  "application/ndjson",
  "application/jsonl",
  "application/jsonlines",
  "application/stream+json",
];
const NAMES: Record<Form, string> = {
  events: "a stream of events",
  lines: "lines of JSON",
  json: "JSON in one piece",
};
const PARTS = ["text", "reasoning", "tool", "life"];
/** The characters with which JSON may begin, besides objects and lists. */
const SCALARS = '"-0123456789tfn';

/** The answer expected of a call that does not say: of inference, by the end of its path, one; else anything. */
export function expectsOf(method: string, path: string, { repeatable }: Plan): Expects {
  return method.toUpperCase() === "POST" && endsAs(path, repeatable.paths) ? "answer" : "any";
}

/** The facts by which a response is looked at. */
export interface Expected {
  expects: Expects;
  mediaType: string;
  path: string;
  /** True if a stream was asked for; undefined: that is not known. */
  streaming: boolean | undefined;
  /** Its reader takes streams of events and whole answers alike, whatever was asked for. */
  anyForm?: boolean;
}

/** Fed with the bytes of one response of good status, until its `form` is known; `invalid` says why it is no answer. */
export class Judge {
  form: Form | undefined;
  invalid: string | undefined;
  readonly #plan: Plan;
  readonly #expects: Expects;
  readonly #words: AnswerWords;
  readonly #takes: ReadonlySet<Form>;
  #head = "";

  constructor({ expects, mediaType, path, streaming, anyForm = false }: Expected, plan: Plan) {
    [this.#plan, this.#expects, this.#words] = [plan, expects, wordsOf(path, plan)];
    const [lines, lists] = [endsAs(path, plan.answers.lines), endsAs(path, plan.answers.lists)];
    if (expects === "events") this.#takes = new Set(["events"]);
    else if (expects === "json") this.#takes = new Set(["json"]);
    else if (lines) this.#takes = new Set(["json", "lines", "events"]);
    else if (anyForm || streaming === undefined || (lists && streaming)) this.#takes = new Set(["json", "events"]);
    else this.#takes = new Set<Form>([streaming ? "events" : "json"]);
    const kind = mediaType.split(";", 1)[0]?.trim().toLowerCase() ?? "";
    // What it is decides, not what it is called; but a stream that is asked for is one before its first byte.
    if (kind === "text/event-stream" && (anyForm || streaming || !this.#takes.has("json"))) this.#found("events");
    else if (LINES.includes(kind) && this.#takes.has("lines")) this.#found("lines");
  }

  /** The next bytes, as long as neither `form` nor `invalid` is known. */
  feed(piece: Uint8Array): void {
    // Only its first characters matter, and those of all forms are ASCII.
    this.#head = (this.#head + new TextDecoder("latin1").decode(piece)).replace(/^[\xef\xbb\xbf \t\r\n]+/, "");
    const begin = this.#head.slice(0, 1);
    if (begin === "{" || begin === "[") this.#found(begin === "{" && this.#takes.has("lines") ? "lines" : "json");
    else if (begin !== "" && this.#expects === "json" && SCALARS.includes(begin)) this.#found("json");
    else if (begin === "<") this.invalid = "a page of HTML";
    else if (FIELD.test(this.#head)) this.#found("events");
    else if (this.#head.length >= LONGEST_FIELD || this.#head.includes("\n"))
      this.invalid = "text that is neither JSON nor a stream of events";
  }

  /** Nothing follows, and `form` is not known yet. */
  ends(): void {
    this.invalid = this.#head === "" ? "nothing in it" : "text that is neither JSON nor a stream of events";
  }

  /** The listener that follows an answer of this form, where there is no other. */
  listener(): Listening {
    if (this.form !== "events") return new Whole(this.#plan, this.#expects, this.#words, this.form === "lines");
    return this.#expects === "events" ? new Stream(this.#plan) : new Answer(this.#plan, this.#words);
  }

  #found(form: Form): void {
    if (this.#takes.has(form)) this.form = form;
    else {
      const wanted = [...this.#takes].sort().map((one) => NAMES[one]);
      this.invalid = `${NAMES[form]}, where ${wanted.join(" or ")} was expected`;
    }
  }
}

/** A stream of events that has to say something: where nothing was said it is none, however well it ended. */
class Stream extends Events {
  override feed(piece: Uint8Array): Heard {
    const heard = super.feed(piece);
    // Its end is no reason to hand it over.
    heard.finished &&= this.hasSaidAnything;
    return heard;
  }

  override ends(): Kind {
    const kind = super.ends();
    return kind === "complete" && !this.hasSaidAnything ? "invalid" : kind;
  }
}

/** A stream of events that has to be an answer, in these words. */
class Answer extends Stream {
  override ends(): Kind {
    const kind = super.ends();
    return this.isDone && !this.hasSaidAnything ? "invalid" : kind;
  }
}

/** JSON in one piece, or in lines that are handed on as they come: the first decides. */
class Whole implements Listening {
  usage: unknown;
  invalid: string | undefined;
  readonly #plan: Plan;
  readonly #expects: Expects;
  readonly #words: AnswerWords;
  readonly #lines: boolean;
  readonly #held: Uint8Array[] = [];
  #length = 0;
  #hasFirst = false;

  constructor(plan: Plan, expects: Expects, words: AnswerWords, lines: boolean) {
    [this.#plan, this.#expects, this.#words, this.#lines] = [plan, expects, words, lines];
  }

  get hasSaidAnything(): boolean {
    return this.invalid === undefined;
  }

  feed(piece: Uint8Array): Heard {
    const heard: Heard = { tokens: 1, others: 0, malformed: false, finished: false, done: false };
    this.#length += piece.byteLength;
    if (this.#length <= this.#plan.limits.buffer_bytes) this.#held.push(piece);
    if (!this.#lines || this.#hasFirst) return heard;
    const begun = joined(this.#held);
    const end = begun.indexOf(LF);
    if (end < 0) return { ...heard, tokens: 0 };
    this.#hasFirst = true;
    const why = this.#judged(begun.subarray(0, end));
    return why === undefined ? heard : { ...heard, tokens: 0, error: why };
  }

  ends(): Kind {
    if (this.#length > this.#plan.limits.buffer_bytes) return "complete";
    const whole = joined(this.#held);
    this.invalid = this.#judged(this.#lines ? lastLine(whole) : whole);
    return this.invalid === undefined ? "complete" : "invalid";
  }

  /** The reason why JSON is no answer; undefined if it is one. */
  #judged(bytes: Uint8Array): string | undefined {
    let body: unknown;
    try {
      const text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
      body = readJson(text.replace(/^[\ufeff \t\r\n]+/, ""));
    } catch {
      return "no JSON";
    }
    this.usage = reach(body, ["usage"]) ?? reach(body, ["usageMetadata"]);
    if (this.#expects === "json") return isError(body) ? "an error object" : undefined;
    const bodies: unknown[] = Array.isArray(body) ? body : [body];
    if (bodies.some(isError)) return "an error object";
    if (this.#words.lists.some((path) => isList(body, path))) return undefined;
    // A line of a stream may say nothing itself.
    const isEnd = this.#lines && isObject(body) && Object.hasOwn(body, "done");
    if (isEnd || bodies.some((one) => says(one, this.#words))) return undefined;
    const choices = reach(body, ["choices"]);
    return choices === undefined || choices === null ? "no answer in it" : "no choice that says anything";
  }
}

function isList(body: unknown, path: readonly string[]): boolean {
  const found = reach(body, path);
  // Objects in a list that is the whole of it say what they are.
  return Array.isArray(found) && (path.length > 0 || !found.some(isObject));
}

function isError(body: unknown): boolean {
  if (!isObject(body)) return false;
  const [error, type, object] = ["error", "type", "object"].map((name) => reach(body, [name]));
  if (saysError(error) || type === "error" || object === "error") return true;
  return sayings(body, DIALECTS.openai.readings).some(({ row }) => row.says === "error");
}

function says(body: unknown, { dialects, fields, beside }: AnswerWords): boolean {
  if (!isObject(body)) return false;
  if (saysAt(body, [...fields, ...beside])) return true;
  return dialects.some((dialect) =>
    sayings(body, dialect.readings).some(({ row, found }) =>
      row.says === "finish" ? SUFFICES.includes(reasonOf(dialect, found as string)) : PARTS.includes(row.says),
    ),
  );
}

function lastLine(bytes: Uint8Array): Uint8Array {
  let end = bytes.length;
  while (end > 0 && BLANK.includes(bytes[end - 1] ?? 0)) end -= 1;
  return bytes.subarray(bytes.lastIndexOf(LF, end - 1) + 1, end);
}

/** True if the path ends as one of these, whatever its query is. */
function endsAs(path: string, ends: readonly string[]): boolean {
  const bare = path.split("?", 1)[0]?.replace(/\/+$/, "") ?? "";
  return ends.some((end) => bare.endsWith(end));
}

function wordsOf(path: string, { answers }: Plan): AnswerWords {
  const row = answers.paths.find(({ end }) => endsAs(path, [end]));
  if (!row) return { dialects: EVERY, fields: answers.fields, beside: answers.beside, lists: [] };
  const { fields, beside = [], lists = [] } = row;
  return { dialects: row.dialects.map((name) => DIALECTS[name]), fields, beside, lists };
}
