/** Routed chats over real HTTP servers that speak the providers' dialects, and break off. */
import type { ServerResponse } from "node:http";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Chat } from "../../src/chat/chat";
import type { ChatEvent, ChatInit, ChatRequest } from "../../src/chat/chat-types";
import type { SporewrightError } from "../../src/errors";
import { RoutedFetch } from "../../src/call/fetch";
import type { Limits, OutcomeBody } from "../../src/generated/calls";
import { PLAN } from "../../src/generated/plan";
import { reportBody } from "../../src/call/report";
import type { Receipt, Upstream } from "../../src/types";
import { contextOf } from "../context";
import { TestUpstream } from "../upstream";

const REQUEST: ChatRequest = { messages: [{ role: "user", content: "Say Hé" }] };
const USAGE = { prompt_tokens: 3, completion_tokens: 2, total_tokens: 5 };
const PAUSE_MS = 15;

let one: TestUpstream;
let two: TestUpstream;
let learned: OutcomeBody[];

beforeEach(async () => {
  [one, two] = await Promise.all([TestUpstream.open("one"), TestUpstream.open("two")]);
  learned = [];
});

afterEach(async () => {
  await Promise.all([one.close(), two.close()]);
});

function routed(more: Record<string, Partial<Upstream>> = {}, limits: Partial<Limits> = {}): RoutedFetch {
  const plan = { ...PLAN, limits: { ...PLAN.limits, ...limits } };
  const upstreams = Object.fromEntries([one, two].map(({ name, url }) => [name, { url, ...more[name] }]));
  return new RoutedFetch(contextOf(upstreams, { plan, onOutcome: (body) => learned.push(body) }));
}

function chat(request: Partial<ChatRequest> = {}, init: ChatInit = {}, fetch = routed()): Chat {
  return new Chat(fetch, { ...REQUEST, ...request }, init);
}

async function all(events: AsyncIterable<ChatEvent>): Promise<unknown[]> {
  const seen: unknown[] = [];
  for await (const event of events)
    if (event.type !== "other") seen.push("data" in event ? { ...event, data: undefined } : event);
  return seen;
}

async function errorOf(promise: Promise<unknown>): Promise<SporewrightError> {
  return promise.then(
    () => {
      throw new Error("it did not fail");
    },
    (error: unknown) => error as SporewrightError,
  );
}

const chunk = (delta: unknown, finish: string | null = null): string =>
  `data: ${JSON.stringify({ choices: [{ index: 0, delta, finish_reason: finish }] })}\n\n`;
const END = [`data: ${JSON.stringify({ choices: [], usage: USAGE })}\n\n`, "data: [DONE]\n\n"];
const text = (word: string): unknown => ({ type: "text", choice: 0, text: word, data: undefined });
const DONE = (option: string): unknown[] => [
  { type: "usage", usage: { input: 3, output: 2, total: 5 }, data: undefined },
  { type: "done", option, finishReason: "stop", finishReasons: ["stop"] },
];

/** A stream of these pieces; then its end, a cut, or nothing. */
function streams(pieces: (string | Uint8Array)[], then: "end" | "cut" | "stall" = "end") {
  return async (response: ServerResponse): Promise<void> => {
    response.writeHead(200, { "content-type": "text/event-stream" });
    for (const piece of pieces) {
      response.write(piece);
      await new Promise((next) => setTimeout(next, PAUSE_MS));
    }
    if (then === "end") response.end();
    else if (then === "cut") response.socket?.resetAndDestroy();
  };
}

function says(body: unknown, status = 200) {
  return (response: ServerResponse): void => {
    response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
  };
}

const whole = (...words: string[]): string[] => [
  ...words.map((word) => chunk({ content: word })),
  chunk({}, "stop"),
  ...END,
];

describe("a chat", () => {
  it("is typed events, ends with usage and done, and says who answered", async () => {
    one.answer = streams(whole("Hé", "llo"));
    const answer = chat();
    expect([one.seen.length, answer.option]).toEqual([0, ""]);
    expect(await all(answer)).toEqual([text("Hé"), text("llo"), ...DONE("one")]);
    expect(await answer.text()).toBe("Héllo");
    expect(answer).toMatchObject({ option: "one", finishReason: "stop", usage: { total: 5 } });
    expect(answer.receipt).toMatchObject({ option: "one", end: "answered" });
    expect(answer.receipt?.attempts).toMatchObject([{ outcome: "ok", usage: USAGE, tokens: { in: 3, out: 2 } }]);
    expect(learned).toMatchObject([{ outcome: "ok", stage: "RESTARTABLE", tokens_in: 3, tokens_out: 2 }]);
    const said = { option: "one", task: "draft", quality: 1, cost_usd: 0.5 };
    const report = { quality: 1, cost: 0.5 };
    expect(reportBody(answer.receipt as Receipt, "draft", report)).toEqual({ ...said, counted: true });
    expect(reportBody({ option: "one" }, "draft", report)).toEqual(said);
    expect(reportBody({ option: "one", task: "sum" }, "draft", report)).toEqual({ ...said, task: "sum" });
    expect(reportBody({ option: "one", task: "sum" }, "draft", { ...report, task: "own" }).task).toBe("own");
    expect(one.seen[0]).toMatchObject({ method: "POST", path: "/v1/chat/completions" });
    const body = { ...REQUEST, stream: true, stream_options: { include_usage: true } };
    expect(JSON.parse(one.seen[0]?.body ?? "")).toEqual(body);
  });

  it("is its text, cut anywhere", async () => {
    const bytes = new TextEncoder().encode(whole("Hé", "llo").join(""));
    const at = bytes.indexOf(0xc3) + 1;
    one.answer = streams([bytes.slice(0, at), bytes.slice(at, at + 40), bytes.slice(at + 40)]);
    const answer = chat();
    expect(await Promise.all([answer.text(), answer.text()])).toEqual(["Héllo", "Héllo"]);
    expect(await answer.text()).toBe("Héllo");
  });

  it("begins anew where a stream is cut, and is whole", async () => {
    one.answer = streams([chunk({ content: "Hé" })], "cut");
    two.answer = streams(whole("Hé", "llo"));
    const answer = chat();
    const restart = { type: "restart", option: "two" };
    expect(await all(answer)).toEqual([text("Hé"), restart, text("Hé"), text("llo"), ...DONE("two")]);
    expect([await answer.text(), answer.option]).toEqual(["Héllo", "two"]);
  });

  it.each(["an end mark without a reason", "an end", "nonsense"])("begins anew after %s", async (what) => {
    const then = what.startsWith("an end mark") ? ["data: [DONE]\n\n"] : what === "nonsense" ? ["data: {\n\n"] : [];
    one.answer = streams([chunk({ content: "Hé" }), ...then]);
    two.answer = says({ choices: [{ message: { content: "whole" }, finish_reason: "stop" }] });
    const answer = chat();
    expect(await answer.text()).toBe("whole");
    expect(learned.map(({ option, outcome }) => [option, outcome])).toContainEqual([
      "one",
      what === "nonsense" ? "malformed" : "truncated",
    ]);
  });

  it("is cut before its completion in the dialect of OpenAI's responses, and is whole in it", async () => {
    const event = (type: string, more: object): string => `data: ${JSON.stringify({ type, ...more })}\n\n`;
    const said = event("response.output_text.delta", { output_index: 0, delta: "Hé" });
    const usage = { input_tokens: 3, output_tokens: 2, total_tokens: 5 };
    one.answer = streams([said], "end");
    two.answer = streams([said, event("response.completed", { response: { status: "completed", output: [], usage } })]);
    const dialect = { dialect: "openai-responses", model: "gpt" } as const;
    const seen = await all(chat({}, {}, routed({ one: dialect, two: { ...dialect, key: "k" } })));
    expect(seen).toEqual([text("Hé"), { type: "restart", option: "two" }, text("Hé"), ...DONE("two")]);
    expect(two.seen[0]).toMatchObject({ path: "/v1/responses", headers: { authorization: "Bearer k" } });
    const input = [{ role: "user", content: [{ type: "input_text", text: "Say Hé" }] }];
    expect(JSON.parse(two.seen[0]?.body ?? "")).toEqual({ stream: true, model: "gpt", input, store: false });
    expect(learned.at(-1)).toMatchObject({ option: "two", outcome: "ok", tokens_in: 3, tokens_out: 2 });
  });

  it("begins anew in another dialect, each option with its own key, model and path", async () => {
    one.answer = streams(['data: {"candidates":[{"content":{"parts":[{"text":"H"}]}}]}\n\n'], "cut");
    const said = {
      content: [{ type: "text", text: "Hello" }],
      stop_reason: "end_turn",
      usage: { input_tokens: 1, output_tokens: 2 },
    };
    two.answer = says({ type: "message", ...said });
    const router = routed({
      one: { dialect: "gemini", model: "flash", key: "k1" },
      two: { dialect: "anthropic", model: "claude", key: () => Promise.resolve("k2") },
    });
    const events = await all(chat({ max_tokens: 7 }, {}, router));
    expect(events).toEqual([
      text("H"),
      { type: "restart", option: "two" },
      text("Hello"),
      { type: "usage", usage: { input: 1, output: 2, total: 3 }, data: undefined },
      { type: "done", option: "two", finishReason: "stop", finishReasons: ["stop"] },
    ]);
    const [first, second] = [one.seen[0], two.seen[0]];
    expect([first?.path, first?.headers["x-goog-api-key"], first?.headers["x-api-key"]]).toEqual([
      "/v1beta/models/flash:streamGenerateContent?alt=sse",
      "k1",
      undefined,
    ]);
    expect([second?.path, second?.headers["x-api-key"], second?.headers["x-goog-api-key"]]).toEqual([
      "/v1/messages",
      "k2",
      undefined,
    ]);
    expect(JSON.parse(second?.body ?? "")).toMatchObject({ model: "claude", max_tokens: 7, stream: true });
  });

  it("is held back where it asks for that, and fails where it asks for that", async () => {
    one.answer = streams([chunk({ content: "Hé" })], "cut");
    two.answer = streams(whole("Hello"));
    expect(await all(chat({}, { restart: "buffer" }))).toEqual([text("Hello"), ...DONE("two")]);
    const answer = chat({}, { restart: "error" });
    expect(await errorOf(all(answer))).toMatchObject({ code: "broken", partial: "Hé" });
    expect(await errorOf(answer.text())).toMatchObject({ code: "broken" });
    expect(answer.receipt?.end).toBe("failed");
  });

  it("is as whole without a stream; 200 with an error, half an answer and a missing reason go on", async () => {
    two.answer = says({ choices: [{ message: { content: "Hello" }, finish_reason: "stop" }], usage: USAGE });
    const bad = [{ error: { message: "no credit" } }, { choices: [{ message: { content: "Hal" } }] }, {}];
    for (const body of bad) {
      one.answer = says(body);
      const answer = chat({ stream: false });
      expect(await all(answer)).toEqual([text("Hello"), ...DONE("two")]);
      expect(answer.receipt?.attempts).toMatchObject([{ option: "one" }, { option: "two", usage: USAGE }]);
    }
    expect(JSON.parse(two.seen[0]?.body ?? "")).toEqual({ ...REQUEST, stream: false });
    expect(learned.filter(({ option }) => option === "one").map(({ outcome }) => outcome)).toEqual([
      "server_error",
      "truncated",
      "truncated",
    ]);
  });

  it("passes over an option whose dialect cannot say it, and says so where that is all", async () => {
    two.answer = streams(whole("Hello"));
    const router = routed({ one: { dialect: "anthropic", model: "claude" } });
    const answer = chat({ logprobs: true }, {}, router);
    expect([await answer.text(), one.seen.length]).toEqual(["Hello", 0]);
    expect(answer.receipt?.attempts[0]).toMatchObject({ option: "one", outcome: "unusable" });
    const both = routed({ one: { dialect: "gemini" }, two: { dialect: "anthropic" } });
    const error = await errorOf(chat({ logprobs: true }, {}, both).text());
    expect([error.code, error.message]).toEqual(["exhausted", expect.stringContaining("logprobs")]);
  });

  it("ends with the provider's reason where that is the caller's", async () => {
    one.answer = says({ error: { message: "the prompt was filtered", code: "content_filter" } }, 400);
    const answer = chat();
    const error = await errorOf(all(answer));
    expect(error).toMatchObject({ code: "refused", status: 400, refusal: { error: { code: "content_filter" } } });
    expect(error.message).toContain("the prompt was filtered");
    expect([answer.option, two.seen.length]).toEqual(["one", 0]);
  });

  it.each([
    (key: string) => ({ error: { message: `${"x".repeat(490)} ${key}`, [key]: [key] } }),
    (key: string) => ({ detail: [{ why: key, at: `/v1?key=${encodeURIComponent(key)}` }] }),
    (key: string) => `{"reason": "${key.replaceAll("/", "\\/")} is none"}`,
    (key: string) => `No: ${key}, application/json`,
    (key: string) => `No: ${key.toUpperCase()}, and ${key.slice(0, 15)}***`,
  ])("ends with the provider's reason without the key that it quotes (%#)", async (quoting) => {
    const key = "sk/live+0123456789";
    one.answer = (response) => {
      const body = quoting(key);
      response.writeHead(400);
      response.end(typeof body === "string" ? body : JSON.stringify(body));
      return Promise.resolve();
    };
    const error = await errorOf(all(chat({}, {}, routed({ one: { key }, two: { key } }))));
    const told = error.message + JSON.stringify(error.refusal) + JSON.stringify(error.attempts);
    expect([error.code, error.status]).toEqual(["refused", 400]);
    expect(told).toMatch(/\[redacted\]/);
    expect(told).not.toMatch(/0123456789|sk.{1,3}live/);
    if (typeof error.refusal === "string")
      expect(error.refusal).toMatch(/^No: \[redacted\], (application\/json|and \[redacted\]\*\*\*)$/);
  });

  it("ends with a reason that never ends as far as it may be held", async () => {
    one.answer = (response) => {
      response.writeHead(400);
      const beat = setInterval(() => response.write("no, ".repeat(1 << 16)), 1);
      response.on("close", () => {
        clearInterval(beat);
      });
    };
    const error = await errorOf(all(chat()));
    expect([error.code, error.message.length < 1000]).toEqual(["refused", true]);
    expect(String(error.refusal).length).toBeLessThan(PLAN.limits.hold_bytes * 2);
    await expect.poll(() => one.cutOff).toBe(1);
  });
});

describe("whoever leaves a chat", () => {
  it("by break aborts it upstream, and teaches nothing; its text is nobody's", async () => {
    one.answer = streams([chunk({ content: "Hé" })], "stall");
    const answer = chat();
    for await (const event of answer) if (event.type === "text") break;
    await expect.poll(() => one.cutOff).toBe(1);
    expect((await errorOf(answer.text())).name).toBe("AbortError");
    expect([answer.receipt?.end, learned, two.seen.length]).toEqual(["aborted", [], 0]);
  });

  it("by return ends what waits for the next event", async () => {
    one.answer = streams([], "stall");
    const iterator = chat()[Symbol.asyncIterator]();
    const next = iterator.next();
    await expect.poll(() => one.seen.length).toBe(1);
    await iterator.return?.();
    expect(await next).toEqual({ done: true, value: undefined });
    await expect.poll(() => one.cutOff).toBe(1);
    expect(await iterator.next()).toEqual({ done: true, value: undefined });
  });

  it("by the signal gets its reason, before the start and in the middle", async () => {
    expect((await errorOf(chat({}, { signal: AbortSignal.abort(new Error("early")) }).text())).message).toBe("early");
    expect(one.seen).toEqual([]);
    one.answer = streams([chunk({ content: "Hé" })], "stall");
    const control = new AbortController();
    const answer = chat({}, { signal: control.signal });
    const reading = (async () => {
      for await (const event of answer) if (event.type === "text") control.abort(new Error("late"));
    })();
    expect((await errorOf(reading)).message).toBe("late");
    await expect.poll(() => one.cutOff).toBe(1);
  });

  it("may break at the end; reading a second time is an error", async () => {
    one.answer = streams(whole("Hello"));
    const answer = chat();
    for await (const event of answer) if (event.type === "done") break;
    expect(await answer.text()).toBe("Hello");
    expect(await errorOf(all(answer))).toMatchObject({ code: "closed" });
    expect(one.seen.length).toBe(1);
  });

  it("gets an error for what is no request, and from a closed router", async () => {
    expect(await errorOf(chat({ messages: "Hello" as never }).text())).toMatchObject({ code: "config" });
    expect(await errorOf(new Chat(routed(), undefined as never, {}).text())).toMatchObject({ code: "config" });
    const router = routed();
    const { SporewrightError } = await import("../../src/errors");
    router.close(new SporewrightError("closed", "the router is closed"));
    expect(await errorOf(chat({}, {}, router).text())).toMatchObject({ code: "closed" });
  });
});

describe("a chat's limits", () => {
  it("move on from a stall, and from a line that never ends", async () => {
    one.answer = streams([chunk({ content: "Hé" })], "stall");
    two.answer = streams(whole("Hello"));
    const router = routed({}, { inter_token_s: 0.3, event_bytes: 2000 });
    expect(await chat({}, {}, router).text()).toBe("Hello");
    one.answer = streams([chunk({ content: "Hé" }), `data: ${"x".repeat(3000)}`], "stall");
    expect(await chat({}, {}, router).text()).toBe("Hello");
    expect(learned.filter(({ option }) => option === "one").map(({ outcome }) => outcome)).toEqual([
      "stalled",
      "malformed",
    ]);
  });
});
