/** What the bytes of a provider's answer say, as typed events by its dialect's rows; streams and whole answers alike. */
import { Frames } from "./frames";
import type { ChatPart, Usage } from "./chat-types";
import type { DialectRow, Ended, Reading, Where } from "./generated/calls";
import { joined } from "./pieces";
import { reach, reachAll, saysSomething } from "./sse";

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
      const events = this.#frames.feed(piece).flatMap((data) => this.#event(data));
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

  #event(data: string, cut = false): ChatPart[] {
    if (this.done) return [];
    if (data.trim() === this.#dialect.end) {
      this.done = true;
      return [];
    }
    let body: unknown;
    try {
      body = JSON.parse(data);
    } catch {
      this.malformed ||= !cut;
      return [];
    }
    return this.#says(body);
  }

  #says(data: unknown): ChatPart[] {
    const said: Said[] = [];
    let [typed, quiet] = [false, false];
    for (const row of this.#dialect.readings) {
      for (const [choice, item] of items(data, row)) {
        if (row.says === "quiet") quiet ||= saysSomething(reach(item, row.take ?? []));
        else typed = this.#take(row, choice, item, said) || typed;
      }
    }
    this.lively += typed ? said.length : quiet ? 0 : 1;
    if (said.length === 0) said.push({ type: "other" });
    return said.map((one) => ({ ...one, data }));
  }

  /** Whether it says something. */
  #take(row: Reading, choice: number, item: unknown, said: Said[]): boolean {
    const [found, says] = [reach(item, row.take ?? []), row.says];
    if (says === "text" || says === "reasoning") {
      if (!isWord(found)) return false;
      this.#speaks(choice);
      said.push({ type: says, choice, text: found });
    } else if (says === "tool") {
      const call = this.#call(row, found);
      if (!call) return false;
      this.#speaks(choice);
      said.push({ type: "tool", choice, ...call });
    } else if (says === "finish") {
      if (!isWord(found)) return false;
      const { finish } = this.#dialect;
      this.#finish.set(choice, (Object.hasOwn(finish, found) ? finish[found] : undefined) ?? found);
    } else if (says === "usage") {
      if (!isObject(found)) return false;
      this.#said = { ...this.#said, ...found };
    } else if (!saysSomething(found)) return false;
    else if (says === "error") this.error = found;
    else this.done = true;
    return true;
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

/** What the row is about, with the number of its choice. */
function items(body: unknown, row: Reading): [number, unknown][] {
  if (row.event && !holds(row.event, body)) return [];
  return choicesOf(body, row).flatMap(([choice, element]) =>
    reachAll(element, row.at)
      .filter((item) => !row.where || holds(row.where, item))
      .map((item) => [choice, item] as [number, unknown]),
  );
}

function choicesOf(body: unknown, { each }: Reading): [number, unknown][] {
  if (!each) return [[0, body]];
  const found = reach(body, each);
  return (Array.isArray(found) ? (found as unknown[]) : []).map((element, number) => {
    const index = reach(element, ["index"]);
    return [isCount(index) ? index : number, element];
  });
}

function holds({ path, equals }: Where, item: unknown): boolean {
  const found = reach(item, path);
  if (equals === undefined) return saysSomething(found);
  return equals === null ? !saysSomething(found) : found === equals;
}

function isCount(found: unknown): found is number {
  return Number.isSafeInteger(found) && (found as number) >= 0;
}

function isWord(found: unknown): found is string {
  return typeof found === "string" && found !== "";
}

function isObject(found: unknown): found is Record<string, unknown> {
  return typeof found === "object" && found !== null && !Array.isArray(found);
}
