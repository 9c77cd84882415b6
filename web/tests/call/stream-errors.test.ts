/** Streams through a routed fetch, over real HTTP servers: errors before any token, and signs of life. */
import { afterEach, beforeEach, expect, it } from "vitest";
import { RoutedFetch } from "../../src/call/fetch";
import type { Limits, OutcomeBody } from "../../src/generated/calls";
import { PLAN } from "../../src/generated/plan";
import { contextOf } from "../context";
import { TestUpstream } from "../upstream";

let one: TestUpstream;
let two: TestUpstream;
let learned: OutcomeBody[];

beforeEach(async () => {
  [one, two] = await Promise.all([TestUpstream.open("one"), TestUpstream.open("two")]);
  two.answer = streams([chunk({ content: "two" }, "stop"), "data: [DONE]\n\n"]);
  learned = [];
});

afterEach(async () => {
  await Promise.all([one.close(), two.close()]);
});

function chunk(delta: unknown, finish: string | null = null): string {
  return `data: ${JSON.stringify({ choices: [{ index: 0, delta, finish_reason: finish }] })}\n\n`;
}

function streams(pieces: readonly string[], pause = 0): TestUpstream["answer"] {
  return async (response) => {
    response.writeHead(200, { "content-type": "text/event-stream" });
    for (const piece of pieces) {
      response.write(piece);
      await new Promise((resolve) => setTimeout(resolve, pause));
    }
    response.end();
  };
}

async function asked(limits: Partial<Limits> = {}): Promise<string> {
  const plan = { ...PLAN, limits: { ...PLAN.limits, ...limits } };
  const upstreams = { one: { url: one.url }, two: { url: two.url } };
  const context = contextOf(upstreams, { queue: () => ["one", "two"], plan, onOutcome: (body) => learned.push(body) });
  const body = JSON.stringify({ stream: true, messages: [] });
  const headers = { accept: "text/event-stream" };
  const response = await new RoutedFetch(context).fetch("/v1/chat/completions", { method: "POST", headers, body });
  return response.text();
}

it.each([
  ["an error as an object", 'data: {"object": "error", "message": "overloaded"}\n\ndata: [DONE]\n\n'],
  ["an event named error", 'event: error\ndata: {"detail": "overloaded"}\n\n'],
  ["an event named error, in plain text", "event: error\ndata: overloaded\n\n"],
  ["the end mark alone", "data: [DONE]\n\n"],
  ["an error of the Responses API", 'data: {"type": "error", "code": "server_error", "message": "overloaded"}\n\n'],
  ["a choice that ends with an error", chunk({ content: "" }, "error")],
])("%s before any token goes on to the next option", async (_name, stream) => {
  one.answer = streams([stream]);
  expect(await asked()).toContain("two");
  expect(learned.map(({ option, outcome }) => [option, outcome === "ok"])).toEqual([
    ["one", false],
    ["two", true],
  ]);
});

it.each([
  ["reasoning", { role: "assistant", content: "", reasoning: "Let me" }],
  ["encrypted reasoning", { role: "assistant", content: "", reasoning_details: [{ data: "gAAA" }] }],
  ["a refusal", { refusal: "I" }],
])("%s is a sign of life: who goes on with it is not left", async (_name, delta) => {
  const slow = Array.from({ length: 8 }, () => chunk(delta));
  one.answer = streams([...slow, chunk({ content: "one" }, "stop"), "data: [DONE]\n\n"], 150);
  expect(await asked({ first_token_s: 0.8, inter_token_s: 0.8 })).toContain("one");
  expect(two.seen).toEqual([]);
});

it("a finish reason in each piece, and a pause, is one answer", async () => {
  one.answer = streams(
    [chunk({ content: "one " }, "stop"), chunk({ content: "more" }, "stop"), "data: [DONE]\n\n"],
    1200,
  );
  expect(await asked()).toMatch(/one .*more/s);
});
