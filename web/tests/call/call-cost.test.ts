/** What a routed call asks of the browser beside its one request: counted, as times on a busy machine say little. */
import { afterEach, expect, it, vi } from "vitest";
import { RoutedFetch } from "../../src/call/fetch";
import { contextOf } from "../context";

const OPTIONS = Array.from({ length: 10 }, (_, at) => `option-${at}`);
const upstreams = Object.fromEntries(OPTIONS.map((option) => [option, { url: `https://${option}.example` }]));
const JSON_TYPE = { "content-type": "application/json" };

afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
});

/** How often each was called by one routed call that is answered so, the text read. */
async function counted(answer: () => Response): Promise<Record<string, number>> {
  const router = new RoutedFetch(contextOf(upstreams));
  vi.stubGlobal("fetch", () => Promise.resolve(answer()));
  await (await router.fetch("/v1/x")).text(); // the first call of a page finds nothing made before
  const timers = vi.spyOn(globalThis, "setTimeout");
  const listeners = vi.spyOn(EventTarget.prototype, "addEventListener");
  const header = vi.spyOn(Headers.prototype, "has");
  await (await router.fetch("/v1/x")).text();
  const counts = { timers, listeners, header };
  return Object.fromEntries(Object.entries(counts).map(([name, { mock }]) => [name, mock.calls.length]));
}

it("sets two timers, listens to few signals, and looks at its own headers once for ten options", async () => {
  const found = await counted(() => new Response('{"ok":true}', { headers: JSON_TYPE }));
  expect(found["timers"]).toBeLessThanOrEqual(2);
  expect(found["listeners"]).toBeLessThanOrEqual(5);
  expect(found["header"]).toBeLessThanOrEqual(12);
});

it("sets no timer for each piece of an answer", async () => {
  const piece = new TextEncoder().encode("data: 1\n\n");
  const many = (): ReadableStream => {
    let left = 500;
    return new ReadableStream({
      pull: (control) => {
        if (left-- > 0) control.enqueue(piece);
        else control.close();
      },
    });
  };
  const found = await counted(() => new Response(many(), { headers: { "content-type": "application/x-ndjson" } }));
  expect(found["timers"]).toBeLessThanOrEqual(2);
  expect(found["listeners"]).toBeLessThanOrEqual(5);
});
