/** What the bytes of an event stream mean (server-sent events, WHATWG HTML §9.2), by the plan's marks, without I/O. */
import { Frames } from "./frames";
import type { Ended, Mark, Plan } from "./generated/calls";
import type { Tokens } from "./types";

/** What a piece of a stream brought; `error` and `usage` are the last ones told. */
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

/** Whoever follows an answer while it comes. */
export interface Listening {
  /** What these bytes brought. */
  feed(piece: Uint8Array): Heard;
  /** How the answer ended, now that nothing follows. */
  ends(): Ended;
  /** What it cost, once it has ended, if it says so. */
  readonly usage?: unknown;
  /** Its tokens, once it has ended, where its dialect says how they are counted. */
  readonly tokens?: Tokens | undefined;
}

/** Fed with the bytes of one stream in any pieces; the same rules as `sporewright/routing/events.py`. */
export class Events implements Listening {
  readonly #plan: Plan;
  readonly #frames: Frames;
  /** The choices that have begun, and those that have said why they ended; the one that the event is about. */
  readonly #parts = new Set<number>();
  readonly #finished = new Set<number>();
  #part = 0;
  #events = 0;
  #done = false;
  #known = false;
  /** It speaks of finish reasons. */
  #open = false;

  constructor(plan: Plan) {
    [this.#plan, this.#frames] = [plan, new Frames(plan.limits.event_bytes)];
  }

  /**
   * Whether a stream that ends here is a whole answer: it said so, or it is of nobody's known dialect. The end mark says so
   * where the answer speaks of no finish reasons; of one that does, only a finish reason.
   */
  get whole(): boolean {
    return (this.#done && !this.#open) || this.#isFinished || (this.#events > 0 && !this.#known);
  }

  ends(): Ended {
    return this.whole ? "complete" : "truncated";
  }

  feed(piece: Uint8Array): Heard {
    const heard: Heard = { tokens: 0, others: 0, malformed: false, finished: false, done: false };
    for (const data of this.#frames.feed(piece)) this.#event(data, heard);
    heard.malformed ||= this.#frames.tooLong;
    [heard.finished, heard.done] = [this.#isFinished, this.#done];
    return heard;
  }

  get #isFinished(): boolean {
    return this.#finished.size > 0 && [...this.#parts].every((part) => this.#finished.has(part));
  }

  #event(data: string, heard: Heard): void {
    this.#events += 1;
    if (data.trim() === this.#plan.done) {
      this.#done = true;
      return;
    }
    let body: unknown;
    try {
      body = JSON.parse(data);
    } catch {
      // Plain text is some other service's; amid an answer it is a fault.
      heard.malformed ||= this.#known || /^\s*[{[]/.test(data);
      heard.others += 1;
      return;
    }
    let known = false;
    this.#part = 0;
    for (const row of this.#plan.marks) {
      const found = reach(body, row.path);
      if (!means(found, row)) continue;
      known = true;
      this.#mark(row.mark, found, heard);
    }
    heard.others += known ? 0 : 1;
    this.#known ||= known;
  }

  #mark(mark: Mark["mark"], found: unknown, heard: Heard): void {
    if (mark === "token") {
      heard.tokens += 1;
      this.#finished.delete(this.#part); // a finish reason before it was not the last word
    } else if (mark === "part") this.#parts.add((this.#part = Number.isInteger(found) ? (found as number) : 0));
    else if (mark === "open") this.#open = true;
    else if (mark === "finish") this.#finished.add(this.#part);
    else if (mark === "done") this.#done = true;
    else if (mark === "usage") heard.usage = found;
    else if (mark === "error") heard.error = found;
  }
}

function means(found: unknown, { equals, has }: Mark): boolean {
  if (has !== undefined) return typeof found === "object" && found !== null && Object.hasOwn(found, has);
  return equals === undefined ? saysSomething(found) : found === equals;
}

/** What is at this path of JSON data, list positions as digits; undefined if nothing is. */
export function reach(body: unknown, path: readonly string[]): unknown {
  let here = body;
  for (const step of path) {
    if (typeof here !== "object" || here === null || !Object.hasOwn(here, step)) return undefined;
    here = (here as Record<string, unknown>)[step];
  }
  return here;
}

/** What is at this path, of a list each item; `*` stands for each item of a list. */
export function reachAll(body: unknown, path: readonly string[]): unknown[] {
  const star = path.indexOf("*");
  const found = reach(body, star < 0 ? path : path.slice(0, star));
  if (star < 0) return Array.isArray(found) ? (found as unknown[]) : [found];
  return (Array.isArray(found) ? (found as unknown[]) : []).flatMap((item) => reachAll(item, path.slice(star + 1)));
}

/** Neither absent nor empty. */
export function saysSomething(found: unknown): boolean {
  if (found === undefined || found === null || found === "") return false;
  return typeof found !== "object" || Object.keys(found).length > 0;
}
