/** The page's readers of answers, requests, refusals and headers; the twin of `tests/differential/readers.py`. */
import { ChatEvents } from "../../src/routing/dialects/chat-events";
import { chatBody, chatPath, keyHeaders } from "../../src/routing/dialects/chat-request";
import { isRepeatable, says } from "../../src/routing/classify";
import { Brackets } from "../../src/streams/json-truncation";
import { AnswerReader, type Effect } from "../../src/routing/answer-reader";
import { AttemptChain } from "../../src/routing/attempt-chain";
import { Health } from "../../src/routing/health";
import type { DialectName, Expects, Restart } from "../../src/generated/calls";
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

interface Body extends Judged {
  judged: boolean;
  body: "whole" | "events" | "bytes";
  is_json: boolean;
  asks: boolean;
  restart: Restart;
  hold: number;
  buffer: number;
  hands_over: number;
}

/** The answer of a call's only attempt: what is to be done for each piece, the chain's state after it, its counts. */
export function body(asked: Body): unknown {
  const { judged, restart, streaming, type, expects, path, any_form, asks } = asked;
  const limits = { ...PLAN.limits, event_bytes: asked.most, hold_bytes: asked.hold, buffer_bytes: asked.buffer };
  const plan = { ...PLAN, limits };
  const traits = { streaming: streaming ?? false, judged, restart };
  const chain = new AttemptChain(["a"], new Set(["a"]), { plan, health: new Health(plan), now: 0, ...traits });
  chain.pick(0);
  const about = { expects, mediaType: type, path, streaming: streaming ?? undefined, anyForm: any_form };
  const reader = new AnswerReader(chain, 0, plan, {
    ...{ body: asked.body, isJson: asked.is_json, asks, isHeld: restart === "buffer" },
    judge: judged ? new Judge(about, plan) : null,
    listen: () => undefined,
  });
  const said: [unknown[], string][] = [];
  const says = (effects: readonly Effect[]): boolean => {
    said.push([effects.map(effectOf), chain.state]);
    return effects.some((one) => one.do === "over");
  };
  let isOver = says(reader.begins(0));
  for (const [at, piece] of asked.pieces.entries()) {
    if (isOver) break;
    isOver = says(reader.feed(at, bytesOf(piece)));
    if (at === asked.hands_over && chain.state === "HOLDING") says(reader.handsOver(at));
  }
  if (!isOver) says(reader.ends(9));
  return [said, reader.length, reader.usage ?? null, reader.tokens ?? {}];
}

function effectOf(one: Effect): unknown[] {
  if (one.do === "keep") return ["keep", Buffer.from(one.piece).toString("base64"), one.handed];
  if (one.do === "over") return ["over", one.ending.kind, one.reason, one.shown];
  if (one.do === "known") return ["known"];
  const { outcome, stage, actions, firstToken } = one.step;
  return ["step", outcome, stage, actions, firstToken ?? null];
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
