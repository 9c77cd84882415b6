/** The tool call to which a part of an answer belongs; the twin of `sporewright/routing/dialects/tool_calls.py`. */
import type { ChatPart } from "./chat-parts";
import type { ToolFields } from "../../generated/calls";
import { readJson, stripped } from "./read-json";
import { isCount, isObject, reach } from "./rows";

type ToolPart = Extract<ChatPart, { type: "tool" }>;
/** The part of a call in an item, with the call's number. */
export type Call = Omit<ToolPart, "type" | "choice" | "data">;

interface Known {
  number: number;
  index: number | undefined;
  id: string | undefined;
  named: boolean;
  /** The event that it began in. */
  begunBy: unknown;
  text: string;
}

/** The calls of one answer, numbered within their choice: by the provider's index while that is free. */
export class ToolCalls {
  readonly #calls = new Map<number, Known[]>();

  /** Null where an item says nothing of a call. */
  part(choice: number, fields: ToolFields, item: unknown, data: unknown): Call | null {
    const at = (path: readonly string[] | undefined): unknown => (path ? reach(item, path) : undefined);
    const [id, name, found, signature] = [fields.id, fields.name, fields.arguments, fields.signature].map(at);
    const said = { ...(isWord(id) ? { id } : {}), ...(isWord(name) ? { name } : {}) };
    const text = isObject(found) ? JSON.stringify(found) : typeof found === "string" ? found : null;
    if (Object.keys(said).length === 0 && text === null) return null;
    const place = at(fields.call);
    const index = isCount(place) ? place : undefined;
    const call = this.#of(choice, index, said, text ?? "") ?? this.#begin(choice, index, data);
    call.id ??= said.id;
    call.named ||= said.name !== undefined;
    call.text += text ?? "";
    const extra = typeof signature === "string" ? { google: { thought_signature: signature } } : at(fields.extra);
    const more = isObject(extra) && Object.keys(extra).length > 0 ? { extra_content: extra } : {};
    return { call: call.number, ...said, arguments: text ?? "", ...more };
  }

  /** True if this choice calls any. */
  hasCalled(choice: number): boolean {
    return this.#calls.has(choice);
  }

  /** The rest of the calls whose arguments nothing was said of: whole answers spell that as an empty object. */
  withoutArguments(): ToolPart[] {
    return [...this.#calls].flatMap(([choice, calls]) =>
      calls
        .filter(({ text }) => stripped(text) === "")
        .map(({ number, begunBy: data }) => ({ type: "tool", choice, call: number, arguments: "{}", data }) as const),
    );
  }

  /** The call that goes on; undefined: another one begins. */
  #of(
    choice: number,
    index: number | undefined,
    { id, name }: Pick<Call, "id" | "name">,
    text: string,
  ): Known | undefined {
    const named = name !== undefined;
    const calls = this.#calls.get(choice) ?? [];
    const last = calls.at(-1);
    if (id !== undefined) {
      const same = calls.find((call) => call.id === id);
      return same ?? (last && last.id === undefined && last.index === index && !last.named ? last : undefined);
    }
    // A name without an id begins a call: who says neither id nor index says a call at once.
    const same = index !== undefined ? calls.findLast((call) => call.index === index) : named ? undefined : last;
    return same && named && text !== "" && same.named && isWhole(same.text) ? undefined : same;
  }

  #begin(choice: number, index: number | undefined, begunBy: unknown): Known {
    const calls = this.#calls.get(choice) ?? [];
    this.#calls.set(choice, calls);
    const taken = calls.map((call) => call.number);
    const number = index !== undefined && !taken.includes(index) ? index : Math.max(-1, ...taken) + 1;
    const call: Known = { number, index, id: undefined, named: false, begunBy, text: "" };
    calls.push(call);
    return call;
  }
}

/** True if these are arguments to which nothing can be added. */
function isWhole(text: string): boolean {
  try {
    return isObject(readJson(text));
  } catch {
    return false;
  }
}

function isWord(found: unknown): found is string {
  return typeof found === "string" && found !== "";
}
