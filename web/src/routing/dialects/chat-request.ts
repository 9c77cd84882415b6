/** An OpenAI-shaped request in an option's own dialect: path, body and headers; the twin of `routing/dialects/chat_request.py`. */
import { SporewrightError } from "../../errors";
import type { DialectRow, Messages } from "../../generated/calls";
import { DIALECTS } from "../../generated/dialects";
import { readJson } from "./read-json";
import { holds, isObject, reach, saysSomething } from "./rows";
import type { Upstream } from "../../types";

type Json = Record<string, unknown>;

const VERSION = /^\/v\d\w*(?=\/)/;
const ENDS_WITH_VERSION = /\/v\d\w*\/*$/;
const DATA = /^data:([^;,]+);base64,([^]*)$/;
const SURROGATE = /\p{Surrogate}/gu;
const NOTHING = "messages: none of them says anything";
const PART = [["type"], ["image_url", "url"], ["image_url", "detail"], ["cache_control"]];
const SYSTEM: unknown[] = ["system", "developer"];

/** The dialect that this option speaks. */
export function dialectOf({ dialect = "openai" }: Pick<Upstream, "dialect">): DialectRow {
  return DIALECTS[dialect];
}

/** Path and query below an option's address whose path is `base`; code `config` where a model is wanted and missing. */
export function chatPath(
  dialect: DialectRow,
  base: string,
  { model, streaming, path }: { model: string | undefined; streaming: boolean; path?: string | undefined },
): string {
  let whole = streaming ? (dialect.stream_path ?? dialect.path) : dialect.path;
  if (path !== undefined) whole = path;
  else if (ENDS_WITH_VERSION.test(base)) whole = whole.replace(VERSION, "");
  if (!whole.includes("{model}")) return whole;
  if (typeof model !== "string") throw no(`a model is needed, in the upstream or in the request, not ${shown(model)}`);
  const name = encodeURIComponent(model.replace(SURROGATE, "\ufffd")).replaceAll("%2F", "/");
  return whole.replaceAll("{model}", name);
}

/** The headers of the dialect's every request, the key included. */
export function keyHeaders({ auth, headers }: DialectRow, key: string | undefined): Record<string, string> {
  const own = key === undefined ? {} : { [auth.header]: auth.prefix + key };
  return { ...(headers as Record<string, string>), ...own };
}

/** The request as this dialect says it; code `config` names what it has no words for. `stream` decides on streaming. */
export function chatBody(dialect: DialectRow, request: Readonly<Json>, model: string | undefined): Json {
  let body: Json = dialect.fields === null ? { ...request } : {};
  if ((model ?? null) !== null && dialect.model.length > 0) put(body, dialect.model, model);
  if (dialect.fields !== null) map(body, dialect, request);
  if (dialect.skips_empty) body["messages"] = spoken(body["messages"]);
  if (request["stream"] === true) body = { ...dialect.streamed, ...body };
  for (const [path, value] of dialect.defaults) if ((reach(body, path) ?? null) === null) put(body, path, value);
  return body;
}

function map(body: Json, dialect: DialectRow, request: Readonly<Json>): void {
  const { fields, ignores, only = [], messages, tools } = dialect;
  const sayable = new Set([...(fields ?? []).map(({ of }) => of[0]), ...ignores]);
  if (messages) sayable.add("messages");
  if (tools) sayable.add("tools").add("tool_choice");
  for (const [name, value] of Object.entries(request))
    if (saysSomething(value) && !sayable.has(name)) throw no(`this dialect has no ${JSON.stringify(name)}`);
  for (const { at, where, names } of only)
    for (const [place, item] of placed(request, at))
      if (isObject(item) && (!where || holds(where, item))) check(item, names, place);
  for (const { of, to, form, values } of fields ?? []) {
    let value: unknown = reach(request, of) ?? null;
    if (value === null) continue;
    if (values) {
      value = named(values, value, of.join("."));
    }
    put(body, to, form === "list" && !Array.isArray(value) ? [value] : value);
  }
  if (messages) new Speaker(messages).say(body, request["messages"]);
  if (tools) sayTools(body, tools, request);
}

/** Says messages by templates; consecutive ones of one role become one. */
class Speaker {
  readonly #words: Messages;
  readonly #names = new Map<string, unknown>();

  constructor(words: Messages) {
    this.#words = words;
  }

  say(body: Json, messages: unknown): void {
    const { system: place, system_as: as, roles, message: template, to } = this.#words;
    const system: string[] = [];
    const turns: ({ role: string; parts: unknown[] } | { alone: unknown })[] = [];
    for (const [number, message] of listOf(messages).entries()) {
      const [where, role] = [`messages[${number}]`, reach(message, ["role"])];
      if (SYSTEM.includes(role) && place) {
        system.push(textOf(reach(message, ["content"]), where));
        continue;
      }
      const said = named(roles, role, `${where}: role`) as string;
      const { parts, alone } = this.#parts(message as Json, where);
      const last = turns.at(-1);
      if (last && "role" in last && last.role === said) last.parts.push(...parts);
      else if (parts.length > 0) turns.push({ role: said, parts });
      turns.push(...alone.map((one) => ({ alone: one })));
    }
    const told = system.filter((text) => text !== "");
    if (told.length > 0 && place) put(body, place, filled(as, { text: told.join("\n\n") }));
    if (turns.length === 0) throw no(NOTHING);
    const said = turns.map((turn) => ("alone" in turn ? turn.alone : filled(template, { ...turn })));
    put(body, to, said);
  }

  /** The contents of the message, and the items beside it. */
  #parts(message: Json, place: string): { parts: unknown[]; alone: unknown[] } {
    const { content, refusal, tool_calls: asked, tool_call_id: id } = message;
    const { alone = [], answer } = this.#words;
    if (message["role"] === "tool") {
      const name = (typeof id === "string" ? this.#names.get(id) : null) ?? message["name"];
      const result = this.#as("result", { id, name, text: textOf(content, place) }, place);
      return alone.includes("result") ? { parts: [], alone: [result] } : { parts: [result], alone: [] };
    }
    const as = message["role"] === "assistant" && answer !== undefined ? "answer" : "text";
    const parts = partsOf(content, place).flatMap((part, n) =>
      isEmpty(part) ? [] : [this.#part(part, as, `${place}.content[${n}]`)],
    );
    if (typeof refusal === "string" && refusal !== "")
      parts.push(this.#part({ type: "refusal", refusal }, as, `${place}.refusal`));
    const calls = listOf(asked).map((call) => this.#call(call, place));
    return alone.includes("call") ? { parts, alone: calls } : { parts: [...parts, ...calls], alone: [] };
  }

  #part(part: unknown, as: "text" | "answer", place: string): unknown {
    const [kind, url, detail, cache] = PART.map((path) => reach(part, path));
    const text = kind === "text" || kind === "refusal" ? reach(part, [kind]) : undefined;
    const refuses = kind === "refusal" && this.#words.refusal !== undefined;
    if (typeof text === "string") return this.#as(refuses ? "refusal" : as, { text, cache_control: cache }, place);
    if (kind !== "image_url" || typeof url !== "string") throw no(`${place}: this dialect has no ${shown(kind)}`);
    const [, media, data] = DATA.exec(url) ?? [];
    const said = { url, detail, cache_control: cache };
    if (media === undefined) return this.#as("image_url", said, place);
    return this.#as("image_data", { ...said, media, data }, place);
  }

  #call(call: unknown, place: string): unknown {
    const [id, name, said] = [["id"], ["function", "name"], ["function", "arguments"]].map((path) => reach(call, path));
    const json = typeof said === "string" && said !== "" ? said : "{}";
    let args: unknown;
    try {
      args = readJson(json);
    } catch {
      throw no(`${place}.tool_calls: arguments that are no JSON`);
    }
    if (typeof id === "string") this.#names.set(id, name);
    const signature = reach(call, ["extra_content", "google", "thought_signature"]);
    return this.#as("call", { id, name, arguments: args, json, signature }, place);
  }

  #as(
    kind: "text" | "answer" | "refusal" | "image_data" | "image_url" | "call" | "result",
    said: Json,
    place: string,
  ): unknown {
    const template = this.#words[kind];
    if (template === undefined) throw no(`${place}: this dialect has no ${kind}`);
    return filled(template, said);
  }
}

function sayTools(body: Json, words: NonNullable<DialectRow["tools"]>, request: Readonly<Json>): void {
  const { tools, tool_choice: choice = null } = request;
  if (Array.isArray(tools) && tools.length > 0) {
    const functions = tools.map((tool) => reach(tool, ["function"]));
    if (!functions.every((one) => typeof one === "object" && one !== null && !Array.isArray(one)))
      throw no("tools: this dialect has functions alone");
    const said = functions.map((one, n) => {
      const own = { ...words.assumed, cache_control: reach(tools[n], ["cache_control"]) };
      return filled(words.tool, { ...own, ...(one as Json) });
    });
    put(body, words.to, filled(words.tools, { tools: said }));
  }
  if (choice === null) return;
  const kind = typeof choice === "string" ? choice : reach(choice, ["type"]);
  const template = named(words.choices, kind, "tool_choice");
  put(body, words.choice_to, filled(template, { name: reach(choice, ["function", "name"]) }));
}

function check(item: Json, names: readonly string[], place: string): void {
  for (const [name, value] of Object.entries(item))
    if (!names.includes(name) && saysSomething(value)) throw no(`${place}.${name}: this dialect has no ${shown(name)}`);
}

/** The items at this path, each with its place; `*` stands for each item of a list. */
function placed(body: unknown, path: readonly string[], place = ""): [string, unknown][] {
  const [step, ...rest] = path;
  if (step === undefined) return [[place, body]];
  if (step === "*") return listOf(body).flatMap((item, number) => placed(item, rest, `${place}[${number}]`));
  return placed(reach(body, [step]), rest, place === "" ? step : `${place}.${step}`);
}

/** Messages as they are, without those that say nothing, and without their empty texts; a tool may say nothing. */
function spoken(messages: unknown): unknown[] {
  const said = listOf(messages).map(withoutEmpty);
  const kept = said.filter((one) => !isObject(one) || one["role"] === "tool" || saysMore(one));
  if (kept.length === 0) throw no(NOTHING);
  return kept;
}

function withoutEmpty(message: unknown): unknown {
  const found = reach(message, ["content"]);
  if (!Array.isArray(found) || reach(message, ["role"]) === "tool") return message;
  const said = (found as unknown[]).filter((part) => !isEmpty(part));
  const { content, ...more } = { ...(message as Json), content: said };
  return said.length > 0 ? { ...more, content } : more;
}

function saysMore(message: Json): boolean {
  return Object.entries(message).some(([name, value]) => !["role", "name"].includes(name) && saysSomething(value));
}

function isEmpty(part: unknown): boolean {
  return reach(part, ["type"]) === "text" && reach(part, ["text"]) === "";
}

function named(table: Readonly<Partial<Record<string, unknown>>>, name: unknown, place: string): unknown {
  if (typeof name === "string" && Object.hasOwn(table, name)) return table[name];
  throw no(`${place}: this dialect has no ${shown(name)}`);
}

function partsOf(content: unknown, place: string): unknown[] {
  if (content === undefined || content === null || content === "") return [];
  if (typeof content === "string") return [{ type: "text", text: content }];
  if (Array.isArray(content)) return content;
  throw no(`${place}.content: ${shown(content)} is no text and no list of parts`);
}

function textOf(content: unknown, place: string): string {
  const texts = partsOf(content, place).map((part) => reach(part, ["text"]));
  if (texts.every((text) => typeof text === "string")) return texts.join("");
  throw no(`${place}.content: only text can be said here`);
}

/** The template with `$name` replaced; a field whose name says nothing is left out. */
function filled(template: unknown, said: Json): unknown {
  if (typeof template === "string") return template.startsWith("$") ? said[template.slice(1)] : template;
  if (Array.isArray(template)) return template.map((inner) => filled(inner, said));
  if (typeof template !== "object" || template === null) return template;
  const entries = Object.entries(template).map(([name, inner]) => [name, filled(inner, said)] as const);
  return Object.fromEntries(entries.filter(([, value]) => value !== undefined && value !== null));
}

function put(body: Json, path: readonly string[], value: unknown): void {
  const [last, ...before] = [...path].reverse();
  let here = body;
  for (const step of before.reverse()) here = (here[step] ??= {}) as Json;
  if (last !== undefined) here[last] = value;
}

function listOf(found: unknown): unknown[] {
  return Array.isArray(found) ? (found as unknown[]) : [];
}

function shown(value: unknown): string {
  return (value === undefined ? "nothing" : JSON.stringify(value)).slice(0, 60);
}

function no(why: string): SporewrightError {
  return new SporewrightError("config", `chat: ${why}`);
}
