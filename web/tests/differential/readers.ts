/** The page's readers of answers, requests, refusals and headers; the twin of `tests/differential/readers.py`. */
import { ChatEvents } from "../../src/routing/dialects/chat-events";
import { chatBody, chatPath, keyHeaders } from "../../src/routing/dialects/chat-request";
import { isRepeatable, says } from "../../src/routing/classify";
import { Brackets } from "../../src/streams/json-truncation";
import type { DialectName, Expects } from "../../src/generated/calls";
import { DIALECTS } from "../../src/generated/dialects";
import { PLAN } from "../../src/generated/plan";
import { Judge } from "../../src/routing/dialects/judge";
import { paceSeconds } from "../../src/routing/retry-after";
import { joined } from "../../src/streams/bytes";
import { retryAfterSeconds } from "../../src/routing/retry-after-header";
import { Events } from "../../src/routing/dialects/sse-events";

interface Bytes {
  /** Base64. */
  pieces: string[];
  most: number;
}

interface Judged extends Bytes {
  type: string;
  expects: Expects;
  path: string;
  streaming: boolean | null;
  any_form: boolean;
}

interface Request {
  dialect: DialectName;
  request: Record<string, unknown>;
  option: { model?: string; key?: string; base?: string; path?: string };
}

const bytesOf = (piece: string): Uint8Array => Uint8Array.from(Buffer.from(piece, "base64"));

export function stream({ pieces, most }: Bytes): unknown {
  const events = new Events({ ...PLAN, limits: { ...PLAN.limits, event_bytes: most } });
  const heard = pieces.map((piece) => {
    const { tokens, others, malformed, finished, done, error = null, usage = null } = events.feed(bytesOf(piece));
    return [tokens, others, malformed, finished, done, error, usage];
  });
  return [heard, events.whole, events.ends(), events.hasSaidAnything];
}

export function judge({ pieces, most, type, expects, path, streaming, any_form }: Judged): unknown {
  const plan = { ...PLAN, limits: { ...PLAN.limits, event_bytes: most } };
  const about = { expects, mediaType: type, path, streaming: streaming ?? undefined, anyForm: any_form };
  const [asked, began, rest] = [new Judge(about, plan), [] as Uint8Array[], pieces.map(bytesOf)];
  while (rest.length > 0 && asked.form === undefined && asked.invalid === undefined) {
    const piece = rest.shift() ?? new Uint8Array();
    began.push(piece);
    asked.feed(piece);
  }
  if (asked.form === undefined && asked.invalid === undefined) asked.ends();
  if (asked.form === undefined) return asked.invalid ?? null;
  const listener = asked.listener();
  const heard = [joined(began), ...rest].map((piece) => {
    const { tokens, others, malformed, finished, done, error = null } = listener.feed(piece);
    return [tokens, others, malformed, finished, done, error];
  });
  return [asked.form, heard, listener.ends(), listener.hasSaidAnything];
}

export function chat({ dialect, choices, pieces, most }: Bytes & { dialect: DialectName; choices: number }): unknown {
  const events = new ChatEvents(DIALECTS[dialect], { most, choices });
  const seen = (said: unknown): unknown[] => [said, events.lively, events.malformed, events.finished, events.done];
  const steps = pieces.map((piece) => seen(events.feed(bytesOf(piece))));
  steps.push(seen(events.end()));
  const { ending, finishReasons, usage = null, rawUsage = null, error = null } = events;
  return [steps, ending, Object.fromEntries(finishReasons), usage, rawUsage, error, events.hasSaidAnything];
}

export function brackets({ pieces }: Bytes): unknown {
  const read = new Brackets();
  return pieces.map((piece) => {
    read.feed(bytesOf(piece));
    return read.isOpen;
  });
}

export function request({ dialect, request: asked, option }: Request): unknown {
  const [row, model, streaming] = [DIALECTS[dialect], option.model ?? asked["model"], asked["stream"] === true];
  const about = { model: model as string | undefined, streaming, path: option.path };
  const path = chatPath(row, option.base ?? "", about);
  return [path, keyHeaders(row, option.key), chatBody(row, asked, model as string | undefined)];
}

export function refusal({ text }: { text: string }): unknown {
  return says(text, PLAN);
}

export function pace({ headers, now }: { headers: Record<string, string>; now: number }): unknown {
  const get = (name: string): string | null => (Object.hasOwn(headers, name) ? (headers[name] ?? null) : null);
  return [paceSeconds({ get }, now, PLAN) ?? null, retryAfterSeconds(get("retry-after"), now) ?? null];
}

export function repeatable({ method, path, headers }: { method: string; path: string; headers: string[] }): unknown {
  return isRepeatable(method, path, new Headers(headers.map((name) => [name, "x"] as [string, string])), PLAN);
}
