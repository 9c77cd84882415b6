/** The events in the bytes of a stream (server-sent events, WHATWG HTML §9.2), by the rows of whichever dialect. */
import { Frames, type Frame } from "./sse-frames";
import type { DialectRow, Plan } from "../../generated/calls";
import { ANY, DIALECTS, SUFFICES } from "../../generated/dialects";
import { jsonOf, looksLikeJson, stripped } from "./read-json";
import { choicesIn, isOf, lifeIn, saysAt, sayings, type Saying } from "./rows";
import type { Tokens } from "../../types";

/** The news in a piece of a stream; `error` and `usage` are the last ones told. */
export interface Heard {
  tokens: number;
  /** Events of no dialect that the plan knows. */
  others: number;
  /** An event is no JSON amid an answer, or longer than the plan allows. */
  malformed: boolean;
  /** The answer said that it is whole: a finish reason came, now or before. */
  finished: boolean;
  /** Nothing follows: the end mark came, now or before. */
  done: boolean;
  error?: unknown;
  usage?: unknown;
}

/** The kind of end of an answer, by its content. */
export type Kind = "complete" | "truncated" | "malformed" | "failed" | "invalid";

/** Whoever follows an answer while it comes. */
export interface Listening {
  /** The news in these bytes. */
  feed(piece: Uint8Array): Heard;
  /** The kind of its end, now that nothing follows. */
  ends(): Kind;
  /** True if there is an answer in it, or a reason why there is none. */
  readonly hasSaidAnything: boolean;
  /** The usage, once it has ended, if it says so. */
  readonly usage?: unknown;
  /** Its tokens, once it has ended, where its dialect says how they are counted. */
  readonly tokens?: Tokens | undefined;
}

/** In which an answer is: of these dialects, or something at one of these fields. */
export interface Words {
  dialects: readonly DialectRow[];
  /** Undefined: whatever is of no dialect counts. */
  fields?: readonly (readonly string[])[];
  /** The paths that count in a dialect's own events as well. */
  beside?: readonly (readonly string[])[];
}

/** Those of any dialect. */
export const EVERY: readonly DialectRow[] = Object.values(DIALECTS);

/**
 * Fed with the bytes of one stream in any pieces; the same rules as `sporewright/routing/dialects/sse_events.py`. Each event is read by the
 * rows of the dialect it is of, among these. Of none of them it may be anything, but no error; where fields are given it counts
 * only if something is said at one of them.
 */
export class Events implements Listening {
  readonly #end: string;
  readonly #words: Words;
  readonly #beside: readonly (readonly string[])[];
  readonly #frames: Frames;
  /** The choices that have begun, and why those ended that have said so. */
  readonly #parts = new Set<number>();
  readonly #finish = new Map<number, string>();
  #tokens = 0;
  #others = 0;
  #done = false;
  #known = false;
  /** It speaks of finish reasons. */
  #open = false;
  #usage: Record<string, unknown> = {};

  constructor(plan: Plan, words: Words = { dialects: EVERY }) {
    [this.#end, this.#words, this.#frames] = [plan.done, words, new Frames(plan.limits.event_bytes)];
    this.#beside = words.beside ?? plan.answers.beside;
  }

  /**
   * True if a stream that ends here is a whole answer: it said so, or it is of an unknown dialect. The end mark says so
   * where the answer speaks of no finish reasons; of one that does, only a finish reason. By itself the end mark is no answer.
   */
  get whole(): boolean {
    if (this.#done && !this.#open && this.#tokens + this.#others > 0) return true;
    return this.#isFinished || (this.#others > 0 && !this.#known);
  }

  /** True if there is an answer in it: a part, an event of an unknown dialect, or a reason why there is none. */
  get hasSaidAnything(): boolean {
    return this.#tokens + this.#others > 0 || [...this.#finish.values()].some((why) => SUFFICES.includes(why));
  }

  /** The end mark came. */
  get isDone(): boolean {
    return this.#done;
  }

  ends(): Kind {
    return this.whole ? "complete" : "truncated";
  }

  feed(piece: Uint8Array): Heard {
    const heard: Heard = { tokens: 0, others: 0, malformed: false, finished: false, done: false };
    for (const frame of this.#frames.feed(piece)) this.#event(frame, heard);
    heard.malformed ||= this.#frames.tooLong;
    [heard.finished, heard.done] = [this.#isFinished, this.#done];
    [this.#tokens, this.#others] = [this.#tokens + heard.tokens, this.#others + heard.others];
    return heard;
  }

  get #isFinished(): boolean {
    return this.#finish.size > 0 && [...this.#parts].every((part) => this.#finish.has(part));
  }

  #event(frame: Frame, heard: Heard): void {
    const { data, name } = frame;
    const { dialects, fields } = this.#words;
    if (stripped(data) === this.#end) {
      this.#done = true;
      return;
    }
    const isError = name === "error" && (this.#known || this.#others + heard.others === 0);
    let body: unknown;
    try {
      body = jsonOf(frame);
    } catch {
      if (isError) {
        heard.error = data;
        return;
      }
      // Plain text is some other service's; amid an answer it is a fault.
      heard.malformed ||= this.#known || looksLikeJson(data);
      heard.others += Number(fields === undefined);
      return;
    }
    const dialect = dialects.find((row) => isOf(row, body));
    const rows = dialect?.readings ?? ANY;
    // All rows of a dialect that speak of choices find them in one place.
    for (const [choice] of choicesIn(body, rows[0]?.each ?? [""])) this.#parts.add(choice);
    const said = sayings(body, rows);
    for (const one of said) this.#take(one, dialect, heard);
    if (isError) heard.error ??= body;
    else if (dialect) {
      this.#known = true;
      heard.tokens += lifeIn(said) || Number(saysAt(body, this.#beside));
    } else heard.others += Number(fields === undefined ? said.length === 0 : saysAt(body, fields));
  }

  #take({ row: { says }, choice, found }: Saying, dialect: DialectRow | undefined, heard: Heard): void {
    // A finish reason before it was not the last word.
    if (says === "text" || says === "reasoning" || says === "tool") this.#finish.delete(choice);
    else if (says === "open") this.#open = true;
    else if (says === "finish" && dialect) this.#finish.set(choice, reasonOf(dialect, found as string));
    else if (says === "done") this.#done = true;
    else if (says === "usage") {
      this.#usage = { ...this.#usage, ...(found as Record<string, unknown>) };
      heard.usage = this.#usage;
    } else if (says === "error") heard.error = found;
  }
}

/** In OpenAI's words where the dialect's are known. */
export function reasonOf({ finish }: DialectRow, found: string): string {
  return (Object.hasOwn(finish, found) ? finish[found] : undefined) ?? found;
}
