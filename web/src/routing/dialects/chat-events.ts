/** The bytes of a provider's answer as typed events, by its dialect's rows; streams and whole answers alike. */
import type { ChatPart, Usage } from "./chat-parts";
import { Frames, type Frame } from "./sse-frames";
import type { DialectRow } from "../../generated/calls";
import { SUFFICES } from "../../generated/dialects";
import { jsonOf, readJson, stripped } from "./read-json";
import { joined } from "../../streams";
import { isCount, lifeIn, reach, saysSomething, sayings, type Saying } from "./rows";
import { reasonOf, type Kind } from "./sse-events";
import { ToolCalls } from "./tool-calls";

/** A part without what the provider said. */
type Said = ChatPart extends infer P ? (P extends ChatPart ? Omit<P, "data"> : never) : never;

const BLANK = [0xef, 0xbb, 0xbf, 0x20, 0x09, 0x0d, 0x0a];
const OPENS = [0x7b, 0x5b];

/** Fed with the bytes of one answer in any pieces; the same rules as `sporewright/routing/dialects/chat_events.py`. */
export class ChatEvents {
  /** The number of events that were a sign of life. */
  lively = 0;
  error: unknown;
  done = false;
  malformed = false;
  readonly #dialect: DialectRow;
  readonly #most: number;
  readonly #choices: number;
  readonly #frames: Frames;
  #head: Uint8Array[] = [];
  #json: Uint8Array[] | null = null;
  #length = 0;
  #begun = false;
  #hasSaid = false;
  readonly #seen = new Set<number>();
  readonly #finish = new Map<number, string>();
  readonly #tools = new ToolCalls();
  #said: Record<string, unknown> = {};

  /** `most`: bytes of one event, or of a whole answer; `choices`: how many were asked for. */
  constructor(dialect: DialectRow, { most, choices = 1 }: { most: number; choices?: number }) {
    [this.#dialect, this.#most, this.#choices, this.#frames] = [dialect, most, choices, new Frames(most)];
  }

  /**
   * Choice → why it ended, in OpenAI's words where the dialect's are known. A `stop` of one that calls tools is `tool_calls`: a
   * dialect may have one word for both.
   */
  get finishReasons(): ReadonlyMap<number, string> {
    const calls = (choice: number, why: string): boolean => why === "stop" && this.#tools.hasCalled(choice);
    return new Map([...this.#finish].map(([choice, why]) => [choice, calls(choice, why) ? "tool_calls" : why]));
  }

  /** As the provider said it, later words over earlier ones. */
  get rawUsage(): Readonly<Record<string, unknown>> | undefined {
    return Object.keys(this.#said).length === 0 ? undefined : this.#said;
  }

  get usage(): Usage | undefined {
    const counts: Usage = {};
    for (const [name, paths] of Object.entries(this.#dialect.usage) as [keyof Usage, readonly string[][]][]) {
      const found = paths.map((path) => reach(this.#said, path)).filter(isCount);
      if (found.length > 0) counts[name] = found.reduce((sum, count) => sum + count, 0);
    }
    const { input, output } = counts;
    if (counts.total === undefined && input !== undefined && output !== undefined) counts.total = input + output;
    return Object.keys(counts).length === 0 ? undefined : counts;
  }

  /** Every choice has said why it ended. */
  get finished(): boolean {
    return this.#isFinished(this.#choices);
  }

  /** True if there is an answer in it, or a reason why there is none (cut short, filtered). */
  get hasSaidAnything(): boolean {
    return this.#hasSaid || [...this.#finish.values()].some((why) => SUFFICES.includes(why));
  }

  /** The kind of end that it is if the answer ends here. */
  get ending(): Kind {
    if (saysSomething(this.error)) return "failed";
    if (this.malformed) return "malformed";
    // A provider that says that nothing follows may have given fewer choices than were asked for.
    return this.#isFinished(this.done || this.#json ? 1 : this.#choices) ? "complete" : "truncated";
  }

  /** The events in these bytes. */
  feed(bytes: Uint8Array): ChatPart[] {
    this.#length += bytes.byteLength;
    const piece = this.#begun ? bytes : this.#begin(bytes);
    if (!piece) return [];
    if (!this.#json) {
      const events = this.#frames.feed(piece).flatMap((frame) => this.#event(frame));
      this.malformed ||= this.#frames.tooLong;
      return events;
    }
    this.#json.push(piece.slice()); // the memory of a piece is the caller's once it is handed over
    if (this.#length > this.#most) [this.#json, this.malformed] = [[], true];
    this.lively += 1;
    return [];
  }

  /** The events in the rest, now that nothing follows. */
  end(): ChatPart[] {
    const parts = this.#json ? this.#whole(this.#json) : this.#rest();
    return [...parts, ...(this.ending === "complete" ? this.#tools.withoutArguments() : [])];
  }

  #rest(): ChatPart[] {
    const rest = this.#frames.tooLong ? null : this.#frames.rest();
    return rest === null ? [] : this.#event(rest, true);
  }

  #whole(pieces: readonly Uint8Array[]): ChatPart[] {
    let body: unknown;
    try {
      body = readJson(new TextDecoder("utf-8", { fatal: true }).decode(joined(pieces)));
    } catch {
      return []; // part of it is missing, as a rule; what is no UTF-8 is no JSON
    }
    // What streams without server-sent events comes as a list.
    return (Array.isArray(body) ? (body as unknown[]) : [body]).flatMap((one) => this.#says(one));
  }

  /** An answer that begins like JSON is one whole answer. Null as long as it has not begun. */
  #begin(piece: Uint8Array): Uint8Array | null {
    this.#head.push(piece.slice());
    const head = joined(this.#head);
    const first = head.find((byte) => !BLANK.includes(byte));
    this.malformed = head.byteLength > this.#most;
    if (first === undefined || this.malformed) return null;
    [this.#begun, this.#head, this.#json] = [true, [], OPENS.includes(first) ? [] : null];
    return head;
  }

  #event(frame: Frame, cut = false): ChatPart[] {
    const { data, name } = frame;
    if (this.done) return [];
    if (stripped(data) === this.#dialect.end) {
      this.done = true;
      return [];
    }
    let body: unknown;
    try {
      body = jsonOf(frame);
    } catch {
      if (name === "error") this.error = data;
      this.malformed ||= !cut;
      return [];
    }
    const isError = name === "error";
    const parts = this.#says(body, isError);
    if (isError) this.error ??= body;
    return parts;
  }

  #says(data: unknown, isError = false): ChatPart[] {
    const found = sayings(data, this.#dialect.readings);
    const said = found.map((one) => this.#take(one, data)).filter((one) => one !== null);
    const life = isError ? 0 : lifeIn(found);
    this.lively += life;
    this.#hasSaid ||= life > 0;
    return (said.length > 0 ? said : [{ type: "other" } as const]).map((one) => ({ ...one, data }));
  }

  /** The part of the answer that it is, if it is one. */
  #take({ row, choice, found }: Saying, data: unknown): Said | null {
    const { says } = row;
    if (says === "text" || says === "reasoning") {
      this.#speaks(choice);
      return { type: says, choice, text: found as string };
    }
    if (says === "tool") {
      const call = this.#tools.part(choice, row.fields ?? {}, found, data);
      if (!call) return null;
      this.#speaks(choice);
      return { type: "tool", choice, ...call };
    }
    if (says === "finish") this.#finish.set(choice, reasonOf(this.#dialect, found as string));
    else if (says === "usage") this.#said = { ...this.#said, ...(found as Record<string, unknown>) };
    else if (says === "error") this.error = found;
    else if (says === "done") this.done = true;
    return null;
  }

  /** A finish reason before it was not this choice's last word. */
  #speaks(choice: number): void {
    this.#seen.add(choice);
    this.#finish.delete(choice);
  }

  #isFinished(least: number): boolean {
    return this.#finish.size >= Math.max(least, 1) && [...this.#seen].every((choice) => this.#finish.has(choice));
  }
}
