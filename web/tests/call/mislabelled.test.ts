/** Answers that are labelled as something else, and what says nothing to a caller; the twin of `tests/device/test_unexplained.py`. */
import { beforeEach, expect, it } from "vitest";
import { RoutedFetch } from "../../src/call/fetch";
import { contextOf } from "../context";
import { pairForEach, type TestUpstream } from "../upstream";

const SAID = {
  choices: [{ index: 0, message: { role: "assistant", content: "hello" }, finish_reason: "stop" }],
};
const EVENTS =
  'data:{"choices": [{"index": 0, "delta": {"content": "hi"}}]}\r\n\r\n' +
  'data:{"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}\r\n\r\n';

let alpha: TestUpstream;
let beta: TestUpstream;

pairForEach((...pair) => {
  [alpha, beta] = pair;
});

beforeEach(() => {
  beta.answer = answers("application/json", JSON.stringify(SAID));
});

function answers(label: string, body: string): NonNullable<TestUpstream["answer"]> {
  return (response) => {
    response.writeHead(200, { "content-type": label });
    response.end(body);
    return Promise.resolve();
  };
}

async function asked(stream: boolean): Promise<[string, unknown]> {
  const router = new RoutedFetch(contextOf({ alpha: { url: alpha.url }, beta: { url: beta.url } }));
  const body = JSON.stringify({ messages: [], stream });
  const response = await router.fetch("/v1/chat/completions", { method: "POST", body });
  const text = await response.text();
  return [text, router.receipt(response)?.attempts.map(({ option, outcome }) => [option, outcome])];
}

it.each(
  ["text/event-stream", "application/x-ndjson", "text/plain", "image/png"].flatMap((label) =>
    [true, false].map((stream) => [label, stream] as const),
  ),
)("a label %s is no reason to refuse an answer (stream: %s)", async (label, stream) => {
  const body = stream ? EVENTS : JSON.stringify({ ...SAID, error: { code: null, message: null } });
  alpha.answer = answers(label, body);
  expect(await asked(stream)).toEqual([body, [["alpha", "ok"]]]);
});

it.each(["", 5, [], { text: "" }])("fields that nobody reads beside %j are no answer", async (content) => {
  const message = { role: "assistant", content, tool_calls: 5, more: "x" };
  alpha.answer = answers("application/json", JSON.stringify({ choices: [{ text: "x", message }] }));
  expect(await asked(false)).toEqual([
    JSON.stringify(SAID),
    [
      ["alpha", "invalid_answer"],
      ["beta", "ok"],
    ],
  ]);
});
