/** What the bytes of a provider's answer say, as typed events by its dialect's rows; streams and whole answers alike. */
import type { ChatPart, Usage } from "./chat-types";
import { Frames, type Frame } from "./frames";
import type { DialectRow, Ended, Reading } from "./generated/calls";
import { SUFFICES } from "./generated/dialects";
import { joined } from "./pieces";
import { isCount, isObject, lifeIn, reach, saysSomething, sayings, type Saying } from "./rows";
import { reasonOf } from "./sse";

/** A part without what the provider said. */
type Said = ChatPart extends infer P ? (P extends ChatPart ? Omit<P, "data"> : never) : never;
type Call = Omit<Extract<ChatPart, { type: "tool" }>, "type" | "choice" | "data">;

const BLANK = [0xef, 0xbb, 0xbf, 0x20, 0x09, 0x0d, 0x0a];
const OPENS = [0x7b, 0x5b];

/** Fed with the bytes of one answer in any pieces; the same rules as `sporewright/routing/chat_events.py`. */
export class ChatEvents {
  /** How many events were a sign of life. */
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
  #calls = 0;
  #said: Record<string, unknown> = {};

  /** `most`: bytes of one event, or of a whole answer; `choices`: how many were asked for. */
  constructor(dialect: DialectRow, { most, choices = 1 }: { most: number; choices?: number }) {
    [this.#dialect, this.#most, this.#choices, this.#frames] = [dialect, most, choices, new Frames(most)];
  }

  /** Choice → why it ended, in OpenAI's words where the dialect's are known. */
  get finishReasons(): ReadonlyMap<number, string> {
    return this.#finish;
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

  /** Whether there is an answer in it, or a reason why there is none (cut short, filtered). */
  get hasSaidAnything(): boolean {
    return this.#hasSaid || [...this.#finish.values()].some((why) => SUFFICES.includes(why));
  }

  /** What it means if the answer ends here. */
  get ending(): Ended {
    if (saysSomething(this.error)) return "failed";
    if (this.malformed) return "malformed";
    // A provider that says that nothing follows may have given fewer choices than were asked for.
    return this.#isFinished(this.done || this.#json ? 1 : this.#choices) ? "complete" : "truncated";
  }

  /** What these bytes say. */
  feed(bytes: Uint8Array): ChatPart[] {
    this.#length += bytes.byteLength;
    const piece = this.#begun ? bytes : this.#begin(bytes);
    if (!piece) return [];
    if (!this.#json) {
      const events = this.#frames.feed(piece).flatMap((frame) => this.#event(frame));
      this.malformed ||= this.#frames.tooLong;
      return events;
    }
    this.#json.push(piece);
    if (this.#length > this.#most) [this.#json, this.malformed] = [[], true];
    this.lively += 1;
    return [];
  }

  /** What the rest says, now that nothing follows. */
  end(): ChatPart[] {
    if (!this.#json) {
      const rest = this.#frames.tooLong ? null : this.#frames.rest();
      return rest === null ? [] : this.#event(rest, true);
    }
    let body: unknown;
    try {
      body = JSON.parse(new TextDecoder().decode(joined(this.#json)));
    } catch {
      return []; // part of it is missing, as a rule
    }
    // What streams without server-sent events comes as a list.
    return (Array.isArray(body) ? (body as unknown[]) : [body]).flatMap((one) => this.#says(one));
  }

  /** An answer that begins like JSON is one whole answer. Null as long as it has not begun. */
  #begin(piece: Uint8Array): Uint8Array | null {
    this.#head.push(piece);
    const head = joined(this.#head);
    const first = head.find((byte) => !BLANK.includes(byte));
    this.malformed = head.byteLength > this.#most;
    if (first === undefined || this.malformed) return null;
    [this.#begun, this.#head, this.#json] = [true, [], OPENS.includes(first) ? [] : null];
    return head;
  }

  #event({ data, name }: Frame, cut = false): ChatPart[] {
    if (this.done) return [];
    if (data.trim() === this.#dialect.end) {
      this.done = true;
      return [];
    }
    let body: unknown;
    try {
      body = JSON.parse(data);
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
    const said = found.map((one) => this.#take(one)).filter((one) => one !== null);
    const life = isError ? 0 : lifeIn(found);
    this.lively += life;
    this.#hasSaid ||= life > 0;
    return (said.length > 0 ? said : [{ type: "other" } as const]).map((one) => ({ ...one, data }));
  }

  /** The part of the answer that it is, if it is one. */
  #take({ row, choice, found }: Saying): Said | null {
    const { says } = row;
    if (says === "text" || says === "reasoning") {
      this.#speaks(choice);
      return { type: says, choice, text: found as string };
    }
    if (says === "tool") {
      const call = this.#call(row, found);
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

  #call(row: Reading, item: unknown): Call | null {
    const { fields = {} } = row;
    const at = (path: readonly string[] | undefined): unknown => (path ? reach(item, path) : undefined);
    const [number, id, name, found] = [fields.call, fields.id, fields.name, fields.arguments].map(at);
    const said = { ...(isWord(id) ? { id } : {}), ...(isWord(name) ? { name } : {}) };
    const text = isObject(found) ? JSON.stringify(found) : typeof found === "string" ? found : null;
    if (Object.keys(said).length === 0 && text === null) return null;
    const call = isCount(number) ? number : this.#calls++;
    return { call, ...said, arguments: text ?? "" };
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

function isWord(found: unknown): found is string {
  return typeof found === "string" && found !== "";
}
