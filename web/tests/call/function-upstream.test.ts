/** Upstreams that are a function of the page: called, judged, aborted and learned of like any other. */
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { RoutedFetch } from "../../src/call/fetch";
import { Chat } from "../../src/chat/chat";
import type { SporewrightError } from "../../src/errors";
import type { Limits, OutcomeBody } from "../../src/generated/calls";
import { PLAN } from "../../src/generated/plan";
import { replayed } from "../replayed";
import type { Receipt, RoutedInit, RunFunction, Upstream } from "../../src/types";
import { contextOf } from "../context";
import { pairForEach, type TestUpstream } from "../upstream";

const SECRET = "sk-canary-0123456789";
const never = (): Promise<Response> => new Promise(() => undefined);
const rejecting = (reason: Error): Promise<Response> => Promise.reject(reason);
const whole = (content: string): object => ({
  choices: [{ index: 0, message: { role: "assistant", content }, finish_reason: "stop" }],
});

let server: TestUpstream;
let learned: OutcomeBody[];
let receipts: Receipt[];

pairForEach((first) => {
  server = first;
});

beforeEach(() => {
  [learned, receipts] = [[], []];
});

afterEach(() => {
  vi.unstubAllGlobals();
});

function routerOf(upstreams: Record<string, Upstream>, limits: Partial<Limits> = {}): RoutedFetch {
  const context = contextOf(upstreams, {
    plan: { ...PLAN, limits: { ...PLAN.limits, retries: 0, ...limits } },
    onOutcome: (body) => learned.push(body),
    onReceipt: (receipt) => receipts.push(receipt),
    known: () => null,
  });
  return new RoutedFetch(context);
}

/** A router over the function, then a server. */
function routed(run: RunFunction, limits: Partial<Limits> = {}, more: object = {}): RoutedFetch {
  return routerOf({ mine: { run, ...more }, server: { url: server.url } }, limits);
}

function chatOf(router: RoutedFetch, stream: boolean): Chat {
  return new Chat(router, { messages: [{ role: "user", content: "hi" }], stream }, {});
}

/** A stream of these pieces, which says when it is cancelled. */
function streamOf(pieces: unknown[], { fails = false, open = false, cancelled = (): void => undefined } = {}) {
  return new ReadableStream({
    pull(controller) {
      const [piece] = pieces.splice(0, 1);
      if (piece !== undefined) controller.enqueue(piece);
      else if (fails) controller.error(new Error(SECRET));
      else if (!open) controller.close();
    },
    cancel: cancelled,
  });
}

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

describe("a function that answers", () => {
  it("is handed the request, and its Response is the caller's, with a receipt", async () => {
    const router = routed(async (request) => {
      const said = `${request.method} ${new URL(request.url).pathname} ${await request.text()}`;
      return new Response(said, { status: 201, headers: { "x-model": "tiny" } });
    });
    const response = await router.fetch("/v1/say?n=1", { method: "POST", body: "hello" });
    expect([response.status, response.headers.get("x-model")]).toEqual([201, "tiny"]);
    expect(await response.text()).toBe("POST /v1/say hello");
    expect(router.receipt(response)).toMatchObject({ option: "mine", facts: { mine: { local: true } } });
    expect(learned).toMatchObject([{ option: "mine", outcome: "ok" }]);
    expect(server.seen).toEqual([]);
  });

  it("streams piece by piece", async () => {
    const router = routed(() => new Response(streamOf([bytes("one "), bytes("two")])));
    const reader = (await router.fetch("/x")).body?.getReader();
    expect(new TextDecoder().decode((await reader?.read())?.value)).toBe("one ");
    expect(new TextDecoder().decode((await reader?.read())?.value)).toBe("two");
    expect((await reader?.read())?.done).toBe(true);
  });

  it.each([{ restart: "buffer" }, { expects: (answer: Response) => answer.ok }] as RoutedInit[])(
    "is held back where the call says so: %o",
    async (init) => {
      const router = routed(() => new Response(streamOf([bytes("one "), bytes("two")])));
      expect(await (await router.fetch("/x", init)).text()).toBe("one two");
    },
  );

  it("is asked a chat in its dialect, whole and streamed", async () => {
    const asked: unknown[] = [];
    const run: RunFunction = async (request) => {
      const body = (await request.json()) as { stream: boolean };
      asked.push([new URL(request.url).pathname, body]);
      if (!body.stream) return Response.json(whole("whole"));
      const told = { choices: [{ index: 0, delta: { content: "streamed" }, finish_reason: "stop" }] };
      const events = `data: ${JSON.stringify(told)}\n\ndata: [DONE]\n\n`;
      return new Response(events, { headers: { "content-type": "text/event-stream" } });
    };
    const router = routed(run, {}, { model: "tiny" });
    expect(await chatOf(router, false).text()).toBe("whole");
    expect(await chatOf(router, true).text()).toBe("streamed");
    const messages = [{ role: "user", content: "hi" }];
    expect(asked).toEqual([
      ["/v1/chat/completions", { messages, stream: false, model: "tiny" }],
      ["/v1/chat/completions", { messages, stream: true, model: "tiny", stream_options: { include_usage: true } }],
    ]);
    const anthropic = routed(async (request) => {
      asked.push(new URL(request.url).pathname);
      await request.text();
      return Response.json({ type: "message", content: [{ type: "text", text: "bonjour" }], stop_reason: "end_turn" });
    }, {}, { dialect: "anthropic", model: "tiny" }); // prettier-ignore
    expect(await chatOf(anthropic, false).text()).toBe("bonjour");
    expect(asked.at(-1)).toBe("/v1/messages");
  });

  it("gets the caller's credentials only where it is declared to", async () => {
    const seen: (string | null)[] = [];
    const run: RunFunction = ({ headers }) => {
      seen.push(headers.get("authorization"));
      return new Response("ok");
    };
    await routed(run).fetch("/x", { headers: { authorization: "Bearer mine" } });
    await routed(run, {}, { callerCredentials: true }).fetch("/x", { headers: { authorization: "Bearer mine" } });
    expect(seen).toEqual([null, "Bearer mine"]);
  });

  it("has no address that a call could be for", async () => {
    await expect(routed(() => new Response("ok")).fetch("http://sporewright.invalid/x")).rejects.toThrow(TypeError);
    expect(learned).toEqual([]);
  });

  it("answers what an address cannot", async () => {
    vi.stubGlobal("location", new URL("https://here.example/"));
    vi.stubGlobal("fetch", () => Promise.reject(new TypeError("Failed to fetch")));
    const router = routerOf({ server: { url: server.url }, mine: { run: () => new Response("mine") } });
    const response = await router.fetch("/x", { mode: "same-origin" });
    expect(await response.text()).toBe("mine");
  });

  it("is asked without a network, unless it is declared to need one", async () => {
    vi.stubGlobal("navigator", { onLine: false });
    expect(await (await routed(() => new Response("mine")).fetch("/x")).text()).toBe("mine");
    const fails = routerOf({ mine: { run: () => Promise.reject(new Error(SECRET)) } });
    await expect(fails.fetch("/x")).rejects.toMatchObject({
      code: "offline",
      attempts: [{ outcome: "network_error" }],
    });
    expect(learned).toMatchObject([{ outcome: "ok" }, { outcome: "network_error" }]);
    const remote = routerOf({ mine: { run: () => new Response("mine"), local: false } }, { deadline_s: 0.2 });
    await expect(remote.fetch("/x")).rejects.toMatchObject({ code: "offline", attempts: [] });
  });

  it("that needs a network is not blamed for losing it", async () => {
    const run: RunFunction = () => {
      vi.stubGlobal("navigator", { onLine: false });
      throw new Error(SECRET);
    };
    const router = routerOf({ mine: { run, local: false } }, { deadline_s: 0.2 });
    await expect(router.fetch("/x")).rejects.toMatchObject({ attempts: [{ outcome: "offline" }] });
    expect(learned).toEqual([]);
  });
});

describe("a function that fails", () => {
  const fails: [string, RunFunction, string][] = [
    ["throws", () => { throw new RangeError(SECRET); }, "run threw RangeError"],
    ["rejects", () => Promise.reject(new Error(SECRET)), "run threw Error"],
    ["rejects with a text", () => rejecting(SECRET as unknown as Error), "run threw Error"],
    ["rejects with nothing", () => rejecting(undefined as unknown as Error), "run threw Error"],
    ["gives up by itself", () => Promise.reject(new DOMException(SECRET, "AbortError")), "run threw AbortError"],
    ["gives a text", () => SECRET as unknown as Response, "run gave string, not a Response"],
    ["gives nothing", () => undefined as unknown as Response, "run gave undefined, not a Response"],
    ["gives a network error", () => Response.error(), "run gave a Response that is a network error"],
    ["gives a Response that was read", async () => {
      const used = new Response("x");
      await used.text();
      return used;
    }, "run gave a Response that was read already"],
    ["gives a Response that is being read", () => {
      const locked = new Response("x");
      locked.body?.getReader();
      return locked;
    }, "run gave a Response that was read already"],
    ["never settles", never, "nothing for"],
  ]; // prettier-ignore

  it.each(fails)("%s: the next option is asked, and the failure is learned", async (_name, run, reason) => {
    const router = routed(run, { attempt_timeout_s: 0.1 });
    const response = await router.fetch("/x");
    expect(await response.text()).toBe("alpha");
    const [first] = router.receipt(response)?.attempts ?? [];
    expect(first).toMatchObject({ option: "mine" });
    expect(first?.reason).toContain(reason);
    expect(learned.map(({ option, outcome }) => [option, outcome === "ok"])).toEqual([["mine", false], ["server", true]]); // prettier-ignore
  });

  it.each(fails)("%s: alone, the error is ours and quotes none of its words", async (_name, run, reason) => {
    const error = await routerOf({ mine: { run } }, { attempt_timeout_s: 0.1, deadline_s: 1 })
      .fetch("/x")
      .catch((thrown: unknown) => thrown as SporewrightError);
    expect(error).toMatchObject({ name: "SporewrightError", code: "exhausted" });
    expect((error as SporewrightError).message).toContain(reason);
    expect(JSON.stringify([(error as SporewrightError).message, receipts, learned])).not.toContain(SECRET);
  });

  it.each([
    ["breaks off", [bytes("one ")], true, "its answer broke off: Error"],
    ["says what is no bytes", [bytes("one "), "two"], false, "the body from run gave string, not bytes"],
  ])("%s: the reader gets an error of ours", async (_name, pieces, fails, reason) => {
    const router = routed(() => new Response(streamOf(pieces, { fails })));
    const response = await router.fetch("/x");
    const error = await response.text().catch((thrown: unknown) => thrown as SporewrightError);
    expect(error).toMatchObject({ name: "SporewrightError", code: "broken" });
    expect((error as SporewrightError).message).toContain(reason);
    expect(JSON.stringify([(error as SporewrightError).message, router.receipt(response)])).not.toContain(SECRET);
  });

  it("is passed over while its breaker is open", async () => {
    let calls = 0;
    const router = routed(() => {
      calls += 1;
      throw new Error(SECRET);
    });
    for (let call = 0; call < 8; call += 1) await (await router.fetch("/x")).text();
    expect(calls).toBeLessThan(8);
    expect(receipts.at(-1)?.skipped).toEqual([{ option: "mine", reason: "open" }]);
    expect((await replayed(receipts)).at(-1)?.skipped).toEqual({ mine: "open" });
  });
});

describe("the signal of a function", () => {
  it("is aborted by the caller, with his reason", async () => {
    let seen: AbortSignal | undefined;
    const control = new AbortController();
    const router = routed((_request, { signal }) => {
      seen = signal;
      control.abort(new Error("enough"));
      return never();
    });
    await expect(router.fetch("/x", { signal: control.signal })).rejects.toThrow("enough");
    expect(seen?.aborted).toBe(true);
    expect(learned).toEqual([]);
  });

  it("is aborted by a time limit", async () => {
    let reason: unknown;
    const run: RunFunction = (_request, { signal }) =>
      new Promise((_, reject) => {
        signal.addEventListener("abort", () => {
          reason = signal.reason;
          reject(new Error(SECRET));
        });
      });
    expect(await (await routed(run, { attempt_timeout_s: 0.05 }).fetch("/x")).text()).toBe("alpha");
    expect(reason).toMatchObject({ name: "TimeoutError" });
  });

  it("is aborted where another option was faster, and ends the body of an answer that comes too late", async () => {
    let cancelled: unknown;
    let late: ((response: Response) => void) | undefined;
    let seen: AbortSignal | undefined;
    const run: RunFunction = (_request, { signal }) => {
      seen = signal;
      return new Promise((resolve) => (late = resolve));
    };
    const router = routed(run, { deadline_s: 0.3 });
    expect(await (await router.fetch("/x")).text()).toBe("alpha");
    expect([seen?.aborted, receipts[0]?.attempts.map(({ outcome }) => outcome)]).toEqual([true, ["deadline", "ok"]]);
    late?.(new Response(streamOf([], { open: true, cancelled: () => (cancelled = true) })));
    await expect.poll(() => cancelled).toBe(true);
  });

  it("ends the body that a caller does not read on", async () => {
    let cancelled = false;
    const control = new AbortController();
    const router = routed(() =>
      new Response(streamOf([bytes("one ")], { open: true, cancelled: () => { cancelled = true; } })),
    ); // prettier-ignore
    const response = await router.fetch("/x", { signal: control.signal });
    await response.body?.getReader().read();
    control.abort();
    await expect.poll(() => cancelled).toBe(true);
  });
});
