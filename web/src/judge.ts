/** Whether what an option sent is an answer; the twin of `sporewright/routing/judge.py`. */
import type { Ended, Expects, Plan } from "./generated/calls";
import { DIALECTS, SUFFICES } from "./generated/dialects";
import { joined } from "./pieces";
import { reach, sayings, saysSomething } from "./rows";
import { Events, reasonOf, type Heard, type Listening } from "./sse";

/** A stream of events, a stream of lines of JSON, JSON in one piece. */
export type Form = "events" | "lines" | "json";

const FIELD = /^(data|event|id|retry)?:/;
const LONGEST_FIELD = 6;
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
/** What JSON may begin with, besides objects and lists. */
const SCALARS = '"-0123456789tfn';

/** What a call takes for an answer where nobody says: of inference, by the end of its path, one; else anything. */
export function expectsOf(method: string, path: string, { repeatable }: Plan): Expects {
  const bare = bareOf(path);
  return method.toUpperCase() === "POST" && repeatable.paths.some((end) => bare.endsWith(end)) ? "answer" : "any";
}

/** What a response is looked at for. */
export interface Expected {
  expects: Expects;
  mediaType: string;
  path: string;
  /** Whether a stream was asked for; undefined: that is not known. */
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
  readonly #takes: ReadonlySet<Form>;
  #head = "";

  constructor({ expects, mediaType, path, streaming, anyForm = false }: Expected, plan: Plan) {
    [this.#plan, this.#expects] = [plan, expects];
    const bare = bareOf(path);
    const [lines, lists] = [plan.answers.lines, plan.answers.lists].map((ends) =>
      ends.some((end) => bare.endsWith(end)),
    );
    if (expects === "events") this.#takes = new Set(["events"]);
    else if (expects === "json") this.#takes = new Set(["json"]);
    else if (lines) this.#takes = new Set(["json", "lines", "events"]);
    else if (anyForm || streaming === undefined || (lists && streaming)) this.#takes = new Set(["json", "events"]);
    else this.#takes = new Set<Form>([streaming ? "events" : "json"]);
    const kind = mediaType.split(";", 1)[0]?.trim().toLowerCase() ?? "";
    if (kind === "text/event-stream") this.#found("events");
    else if (LINES.includes(kind)) this.#found("lines");
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

  /** Who follows an answer of this form, where nobody else does. */
  listener(): Listening {
    if (this.form === "events") return new Stream(this.#plan, this.#expects);
    return new Whole(this.#plan, this.#expects, this.form === "lines");
  }

  #found(form: Form): void {
    if (this.#takes.has(form)) this.form = form;
    else {
      const wanted = [...this.#takes].sort().map((one) => NAMES[one]);
      this.invalid = `${NAMES[form]}, where ${wanted.join(" or ")} was expected`;
    }
  }
}

/** A stream of events that has to be an answer: where nothing was said there is none, however well it ended. */
class Stream extends Events {
  readonly #any: boolean;

  constructor(plan: Plan, expects: Expects) {
    super(plan);
    this.#any = expects === "events";
  }

  override ends(): Ended {
    const kind = super.ends();
    if (kind === "truncated" && !this.#any && this.isDone && !this.hasSaidAnything) return "invalid";
    return kind === "complete" && !this.hasSaidAnything ? "invalid" : kind;
  }
}

/** JSON in one piece, or in lines that are handed on as they come: the first decides. */
class Whole implements Listening {
  usage: unknown;
  invalid: string | undefined;
  readonly #plan: Plan;
  readonly #expects: Expects;
  readonly #lines: boolean;
  readonly #held: Uint8Array[] = [];
  #length = 0;
  #hasFirst = false;

  constructor(plan: Plan, expects: Expects, lines: boolean) {
    [this.#plan, this.#expects, this.#lines] = [plan, expects, lines];
  }

  get hasSaidAnything(): boolean {
    return this.invalid === undefined;
  }

  feed(piece: Uint8Array): Heard {
    const heard: Heard = { tokens: 1, others: 0, malformed: false, finished: false, done: false };
    this.#length += piece.byteLength;
    if (this.#length <= this.#plan.limits.buffer_bytes) this.#held.push(piece);
    if (!this.#lines || this.#hasFirst) return heard;
    const [line, ...rest] = textOf(this.#held).split("\n");
    if (rest.length === 0) return { ...heard, tokens: 0 };
    this.#hasFirst = true;
    const why = this.#judged(line ?? "");
    return why === undefined ? heard : { ...heard, tokens: 0, error: why };
  }

  ends(): Ended {
    if (this.#length > this.#plan.limits.buffer_bytes) return "complete";
    const text = textOf(this.#held);
    this.invalid = this.#judged(this.#lines ? (text.trim().split("\n").at(-1) ?? "") : text);
    return this.invalid === undefined ? "complete" : "invalid";
  }

  #judged(text: string): string | undefined {
    let body: unknown;
    try {
      body = JSON.parse(text.replace(/^[\ufeff \t\r\n]+/, ""));
    } catch {
      return "no JSON";
    }
    this.usage = reach(body, ["usage"]) ?? reach(body, ["usageMetadata"]);
    return whyNoAnswer(body, this.#expects, this.#plan, this.#lines);
  }
}

/** Why JSON in one piece is no answer; undefined if it is one. `isLine`: a line of a stream may say nothing itself. */
export function whyNoAnswer(body: unknown, expects: Expects, plan: Plan, isLine = false): string | undefined {
  if (expects === "json") return isError(body) ? "an error object" : undefined;
  const bodies: unknown[] = Array.isArray(body) ? body : [body];
  if (bodies.some(isError)) return "an error object";
  if (bodies.some((one) => says(one, plan)) || (isLine && isTable(body) && Object.hasOwn(body, "done")))
    return undefined;
  const hasChoices = reach(body, ["choices"]) !== undefined && reach(body, ["choices"]) !== null;
  return hasChoices ? "no choice that says anything" : "no answer in it";
}

function isError(body: unknown): boolean {
  if (!isTable(body)) return false;
  const [error, type, object] = ["error", "type", "object"].map((name) => reach(body, [name]));
  if (saysSomething(error) || type === "error" || object === "error") return true;
  return sayings(body, DIALECTS.openai.readings).some(({ row }) => row.says === "error");
}

function says(body: unknown, { answers }: Plan): boolean {
  if (!isTable(body)) return false;
  if (answers.fields.some((path) => saysSomething(reach(body, path)))) return true;
  return Object.values(DIALECTS).some((dialect) =>
    sayings(body, dialect.readings).some(({ row, found }) =>
      row.says === "finish" ? SUFFICES.includes(reasonOf(dialect, found as string)) : PARTS.includes(row.says),
    ),
  );
}

function isTable(body: unknown): body is Record<string, unknown> {
  return typeof body === "object" && body !== null && !Array.isArray(body);
}

function textOf(pieces: readonly Uint8Array[]): string {
  return new TextDecoder().decode(joined(pieces));
}

function bareOf(path: string): string {
  return path.split("?", 1)[0]?.replace(/\/+$/, "") ?? "";
}
