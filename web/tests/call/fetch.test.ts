/** Routed fetch over real HTTP servers. */
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { SporewrightError } from "../../src/errors";
import { RoutedFetch } from "../../src/call/fetch";
import type { OutcomeBody } from "../../src/generated/calls";
import { PLAN } from "../../src/generated/plan";
import type { AttemptDetail, Receipt, RestartDetail, Upstream } from "../../src/types";
import { contextOf } from "../context";
import { TestUpstream } from "../upstream";

let fleet: { alpha: TestUpstream; beta: TestUpstream; gamma: TestUpstream };
let attempts: AttemptDetail[];
let learned: OutcomeBody[];
let restarts: RestartDetail[];
let receipts: Receipt[];

beforeEach(async () => {
  const [alpha, beta, gamma] = await Promise.all(["alpha", "beta", "gamma"].map((name) => TestUpstream.open(name)));
  if (!alpha || !beta || !gamma) throw new Error("three servers");
  fleet = { alpha, beta, gamma };
  [attempts, learned, restarts, receipts] = [[], [], [], []];
});

afterEach(async () => {
  await Promise.all(Object.values(fleet).map((upstream) => upstream.close()));
});

function routed(
  more: { queue?: string[]; upstreams?: Record<string, Upstream>; attemptTimeout?: number; deadline?: number } = {},
): RoutedFetch {
  const { attemptTimeout = 5000, deadline = 90_000 } = more;
  const limits = { ...PLAN.limits, attempt_timeout_s: attemptTimeout / 1000, deadline_s: deadline / 1000 };
  const plan = { ...PLAN, limits };
  const upstreams = more.upstreams ?? Object.fromEntries(Object.values(fleet).map(({ name, url }) => [name, { url }]));
  const context = contextOf(upstreams, {
    queue: () => more.queue ?? ["alpha", "beta", "gamma"],
    plan,
    onAttempt: (detail) => attempts.push(detail),
    onOutcome: (body) => learned.push(body),
    onRestart: (detail) => restarts.push(detail),
    known: () => null,
    onReceipt: (receipt) => receipts.push(receipt),
  });
  return new RoutedFetch(context);
}

async function errorOf(promise: Promise<unknown>): Promise<SporewrightError> {
  return promise.then(
    () => {
      throw new Error("it did not fail");
    },
    (error: unknown) => error as SporewrightError,
  );
}

describe("walking the queue", () => {
  it("calls the first option and hands over the native Response with its receipt", async () => {
    const router = routed();
    const response = await router.fetch("/v1/hello?x=1");
    expect(response).toBeInstanceOf(Response);
    expect(await response.text()).toBe("alpha");
    expect(fleet.alpha.seen[0]).toMatchObject({ method: "GET", path: "/v1/hello?x=1" });
    const receipt = router.receipt(response);
    expect(receipt).toMatchObject({ option: "alpha", queue: ["alpha", "beta", "gamma"], skipped: [] });
    expect(receipt?.attempts).toMatchObject([{ option: "alpha", outcome: "ok", status: 200 }]);
    expect(learned).toMatchObject([{ option: "alpha", outcome: "ok", status: 200 }]);
    expect(learned[0]?.latency_s).toBeGreaterThan(0);
  });

  it.each([
    [429, "rate_limited"],
    [502, "server_error"],
    [503, "server_error"],
  ])("falls through on %i", async (status, outcome) => {
    fleet.alpha.status = status;
    const router = routed();
    const response = await router.fetch("/");
    expect(await response.text()).toBe("beta");
    expect(attempts.map((attempt) => [attempt.option, attempt.outcome])).toEqual([
      ["alpha", outcome],
      ["beta", "ok"],
    ]);
    expect(new Set(attempts.map(({ call }) => call)).size).toBe(1);
  });

  it("falls through on a reset connection and sends the body whole again", async () => {
    fleet.alpha.mode = "reset";
    const response = await routed().fetch("/", { method: "POST", body: "whole", idempotent: true });
    expect(await response.text()).toBe("beta");
    expect(fleet.beta.seen[0]?.body).toBe("whole");
    expect(attempts[0]).toMatchObject({ option: "alpha", outcome: "network_error" });
  });

  it("does not repeat what may have been carried out: a fault's response is the caller's, silence and resets are errors", async () => {
    fleet.alpha.status = 500;
    const response = await routed().fetch("/orders", { method: "POST", body: "one" });
    expect(response.status).toBe(500);
    fleet.alpha.mode = "reset";
    const error = await errorOf(routed().fetch("/orders", { method: "POST", body: "two" }));
    expect(error.message).toContain("not-repeatable");
    expect([fleet.alpha.seen.length, fleet.beta.seen.length]).toEqual([2, 0]);
  });

  it("repeats it where it was refused unread, or has a key, which is kept, or an upstream says so", async () => {
    const post = { method: "POST", body: "one" };
    fleet.alpha.status = 429;
    expect(await (await routed().fetch("/orders", post)).text()).toBe("beta");
    fleet.alpha.status = 503;
    const headers = { "idempotency-key": "k1" };
    expect(await (await routed().fetch("/orders", { ...post, headers })).text()).toBe("beta");
    expect(fleet.beta.seen.at(-1)?.headers["idempotency-key"]).toBe("k1");
    const upstreams = { alpha: { url: fleet.alpha.url, retry: "always" as const }, beta: { url: fleet.beta.url } };
    expect(await (await routed({ upstreams }).fetch("/orders", post)).text()).toBe("beta");
    expect((await routed().fetch("/chat/completions", { ...post, retry: "safe" })).status).toBe(503);
  });

  it.each([400, 409, 422])("hands %i to the caller, and says only that somebody answered", async (status) => {
    fleet.alpha.status = status;
    const response = await routed().fetch("/");
    expect(response.status).toBe(status);
    expect(fleet.beta.seen).toEqual([]);
    expect(learned.map(({ outcome }) => outcome)).toEqual(["refused"]);
  });

  it("gives a silent option its time-out only", async () => {
    fleet.alpha.mode = "silent";
    const response = await routed({ attemptTimeout: 150 }).fetch("/");
    expect(await response.text()).toBe("beta");
    expect(attempts[0]).toMatchObject({ option: "alpha", outcome: "timed_out" });
    expect(attempts[0]?.latency).toBeGreaterThan(0.1);
    // Nor do headers without an answer teach less than the whole wait.
    fleet.alpha.answer = (silent) => {
      silent.writeHead(200).flushHeaders();
    };
    await expect(routed({ attemptTimeout: 300 }).fetch("/", { expects: "json" })).rejects.toThrow("timed_out");
    expect(learned.filter(({ option }) => option === "alpha")[1]?.latency_s).toBeGreaterThan(0.25);
  });

  it("says of an attempt that the call's deadline cuts that it was the call's, and tells of no failure", async () => {
    fleet.alpha.mode = fleet.beta.mode = fleet.gamma.mode = "silent";
    await expect(routed({ attemptTimeout: 150, deadline: 250 }).fetch("/")).rejects.toThrow("beta: deadline");
    expect(attempts[1]?.reason).toMatch(/^the call's deadline passed \d+ ms into this attempt$/);
    expect(learned.map(({ outcome }) => outcome)).toEqual(["timed_out", "deadline", "deadline"]);
  });

  it.each([
    ['{"a": [1, "x', "beta"],
    ['{"a": [1, "x"]}', "alpha"],
    ["", "alpha"],
  ])("takes JSON that ends cleanly in the middle for what it is: %s", async (text, option) => {
    fleet.alpha.answer = (response) => {
      response.writeHead(200, { "content-type": "application/json" });
      response.write(text);
      response.end();
    };
    const router = routed();
    const response = await router.fetch("/");
    expect(await response.text()).toBe(option === "alpha" ? text : "beta");
    expect(router.receipt(response)?.option).toBe(option);
    expect(attempts[0]?.outcome).toBe(option === "alpha" ? "ok" : "truncated");
  });

  it("skips options without an upstream and says so", async () => {
    const router = routed({ queue: ["nobody", "beta"] });
    const response = await router.fetch("/");
    expect(router.receipt(response)?.skipped).toEqual([{ option: "nobody", reason: "no-upstream" }]);
  });

  it("leaves an option alone for as long as Retry-After asks", async () => {
    fleet.alpha.status = 429;
    fleet.alpha.headers = { "retry-after": "30" };
    const router = routed();
    await router.fetch("/");
    fleet.alpha.status = 200;
    const response = await router.fetch("/");
    expect(await response.text()).toBe("beta");
    expect(router.receipt(response)?.skipped).toEqual([{ option: "alpha", reason: "cooling-down" }]);
    expect(fleet.alpha.seen).toHaveLength(1);
    expect(learned[0]).toMatchObject({ outcome: "rate_limited", retry_after_s: 30 });
  });

  it("says every reason when nobody answers", async () => {
    fleet.alpha.status = 501;
    fleet.beta.mode = "reset";
    const even = vi.spyOn(Math, "random").mockReturnValue(0.5); // or else one of them may have both retries
    const error = await errorOf(routed({ queue: ["alpha", "beta", "nobody"] }).fetch("/path"));
    even.mockRestore();
    expect(error).toBeInstanceOf(SporewrightError);
    expect(error.code).toBe("exhausted");
    for (const word of ["/path", "alpha", "501", "beta", "network_error", "nobody", "no-upstream"]) {
      expect(error.message).toContain(word);
    }
    expect(error.attempts.map(({ option }) => option).toSorted()).toEqual(["alpha", "alpha", "beta", "beta"]);
    expect(error.skipped).toEqual([{ option: "nobody", reason: "no-upstream" }]);
  });

  it("says that the queue is empty", async () => {
    expect((await errorOf(routed({ queue: [] }).fetch("/"))).message).toContain("the queue is empty");
  });

  it("lets go of the body of a response that it does not hand over", async () => {
    fleet.alpha.status = 503;
    fleet.alpha.mode = "drip";
    await routed().fetch("/");
    await expect.poll(() => fleet.alpha.cutOff).toBe(1);
  });
});

describe("the caller's signal", () => {
  it("ends a silent call at once, asks nobody else and teaches nothing", async () => {
    fleet.alpha.mode = "silent";
    const control = new AbortController();
    setTimeout(() => {
      control.abort();
    }, 50);
    const began = performance.now();
    const error = await errorOf(routed().fetch("/", { signal: control.signal }));
    expect(error.name).toBe("AbortError");
    expect(performance.now() - began).toBeLessThan(1000);
    expect(fleet.beta.seen).toEqual([]);
    expect(learned).toEqual([]);
    expect(attempts).toMatchObject([{ option: "alpha", outcome: "aborted" }]);
  });

  it("calls nobody when it was aborted before, and keeps the caller's reason", async () => {
    const reason = new Error("mine");
    expect(await errorOf(routed().fetch("/", { signal: AbortSignal.abort(reason) }))).toBe(reason);
    expect(fleet.alpha.seen).toEqual([]);
  });

  it("is heard while prepare is still at work", async () => {
    const never = (): Promise<Request> => new Promise(() => undefined);
    const upstreams = { alpha: { url: fleet.alpha.url, prepare: never } };
    const signal = AbortSignal.timeout(50);
    const error = await errorOf(routed({ upstreams }).fetch("/", { signal }));
    expect(error.name).toBe("TimeoutError");
  });

  it("is heard while a stream is being buffered", async () => {
    const endless = new ReadableStream({ pull: () => new Promise(() => undefined) });
    const init = { method: "POST", body: endless, signal: AbortSignal.timeout(50) };
    expect((await errorOf(routed().fetch("/", init))).name).toBe("TimeoutError");
    expect(fleet.alpha.seen).toEqual([]);
  });

  it("cancels the caller's stream that is being buffered", async () => {
    let cancelled: unknown = null;
    const endless = new ReadableStream({
      pull: () => new Promise(() => undefined),
      cancel: (reason) => {
        cancelled = reason;
      },
    });
    const reason = new Error("mine");
    const control = new AbortController();
    const called = routed().fetch("/", { method: "POST", body: endless, signal: control.signal });
    control.abort(reason);
    expect(await errorOf(called)).toBe(reason);
    await expect.poll(() => cancelled).toBe(reason);
  });

  it("ends the reading of a body that was already handed over", async () => {
    fleet.alpha.mode = "drip";
    const control = new AbortController();
    const response = await routed().fetch("/", { signal: control.signal });
    const reading = errorOf(response.text());
    control.abort();
    expect((await reading).name).toBe("AbortError");
    await expect.poll(() => fleet.alpha.cutOff).toBe(1);
  });
});

describe("closing", () => {
  const closed = new SporewrightError("closed", "the router is closed");

  it("rejects what is under way, aborts it upstream and teaches nothing", async () => {
    fleet.alpha.mode = "silent";
    const router = routed();
    const called = errorOf(router.fetch("/"));
    await expect.poll(() => fleet.alpha.seen.length).toBe(1);
    router.close(closed);
    expect(await called).toBe(closed);
    expect([fleet.beta.seen, learned]).toEqual([[], []]);
  });

  it("leaves a body that was handed over to its reader", async () => {
    fleet.alpha.mode = "drip";
    const router = routed();
    const response = await router.fetch("/");
    router.close(closed);
    const { value } = (await response.body?.getReader().read()) ?? {};
    expect(new TextDecoder().decode(value)).toBe("first");
    expect(fleet.alpha.cutOff).toBe(0);
  });
});

describe("the request", () => {
  it("merges headers: the upstream's win over the caller's", async () => {
    const headers = { authorization: "Bearer upstream", "x-own": "1" };
    const upstreams = { alpha: { url: fleet.alpha.url, headers } };
    await routed({ upstreams }).fetch("/", { headers: { authorization: "Bearer caller", "x-caller": "2" } });
    const seen = fleet.alpha.seen[0]?.headers;
    expect(seen).toMatchObject({ authorization: "Bearer upstream", "x-own": "1", "x-caller": "2" });
  });

  it("asks a headers function before every attempt", async () => {
    let asked = 0;
    const headers = (): HeadersInit => ({ "x-asked": String(++asked) });
    const router = routed({ upstreams: { alpha: { url: fleet.alpha.url, headers } } });
    await router.fetch("/");
    await router.fetch("/");
    expect(fleet.alpha.seen.map((seen) => seen.headers["x-asked"])).toEqual(["1", "2"]);
  });

  it("gives prepare the last word", async () => {
    const prepare = (request: Request, option: string): Request =>
      new Request(`${request.url}?signed=${option}`, { headers: { "x-prepared": "yes" } });
    await routed({ upstreams: { alpha: { url: fleet.alpha.url, prepare } } }).fetch("/a");
    expect(fleet.alpha.seen[0]).toMatchObject({ path: "/a?signed=alpha", headers: { "x-prepared": "yes" } });
  });

  it("passes over an option whose prepare throws, and does not blame the option", async () => {
    const prepare = (): Request => {
      throw new RangeError("no key like sk-1234");
    };
    const upstreams = { alpha: { url: fleet.alpha.url, prepare }, beta: { url: fleet.beta.url } };
    await routed({ upstreams }).fetch("/");
    expect(attempts[0]).toMatchObject({ option: "alpha", outcome: "unusable" });
    expect(attempts[0]?.reason).toBe("not callable: prepare threw RangeError");
    expect(learned.map(({ option }) => option)).toEqual(["beta"]);
  });

  it("reads a stream once and sends it to every option", async () => {
    fleet.alpha.status = 500;
    const body = new Blob(["streamed"]).stream();
    await routed().fetch("/", { method: "POST", body, idempotent: true });
    expect([fleet.alpha.seen[0]?.body, fleet.beta.seen[0]?.body]).toEqual(["streamed", "streamed"]);
  });

  it("takes a Request for an address under an upstream and uses it up, as fetch does", async () => {
    fleet.alpha.status = 500;
    const request = new Request(`${fleet.alpha.url}/v1/x?y=2`, {
      method: "PUT",
      body: "once",
      headers: { "x-a": "b" },
    });
    await routed().fetch(request);
    expect(request.bodyUsed).toBe(true);
    expect(fleet.beta.seen[0]).toMatchObject({
      method: "PUT",
      path: "/v1/x?y=2",
      body: "once",
      headers: { "x-a": "b" },
    });
  });

  it("keeps a form's boundary and its bytes in step", async () => {
    fleet.alpha.status = 500;
    const body = new FormData();
    body.set("field", "value");
    await routed().fetch("/", { method: "POST", body, idempotent: true });
    const [first, second] = [fleet.alpha.seen[0], fleet.beta.seen[0]];
    expect(first?.body).toBe(second?.body);
    const boundary = /boundary=(.*)/.exec(String(second?.headers["content-type"]))?.[1] ?? "none";
    expect(second?.body).toContain(boundary);
  });

  it("shows the caller's own credentials only to the option that the caller addressed", async () => {
    fleet.alpha.status = 500;
    await routed().fetch(`${fleet.alpha.url}/x`, { headers: { authorization: "Bearer alpha-key" } });
    expect(fleet.alpha.seen[0]?.headers.authorization).toBe("Bearer alpha-key");
    expect(fleet.beta.seen[0]?.headers.authorization).toBeUndefined();
  });

  it("shows the credentials of a call by path to nobody, but to whom the author says", async () => {
    [fleet.alpha.status, fleet.beta.status] = [500, 500];
    const upstreams = {
      alpha: { url: fleet.alpha.url },
      beta: { url: fleet.beta.url, callerCredentials: true },
      gamma: { url: fleet.gamma.url, headers: { authorization: "Bearer gamma-key" } },
    };
    await routed({ upstreams }).fetch("/x", { headers: { authorization: "Bearer caller", "x-api-key": "k" } });
    expect(fleet.alpha.seen[0]?.headers).not.toHaveProperty("authorization");
    expect(fleet.alpha.seen[0]?.headers).not.toHaveProperty("x-api-key");
    expect(fleet.beta.seen[0]?.headers).toMatchObject({ authorization: "Bearer caller", "x-api-key": "k" });
    expect(fleet.gamma.seen[0]?.headers.authorization).toBe("Bearer gamma-key");
  });

  it("lets an address under nobody's base straight through", async () => {
    const router = routed({ upstreams: { alpha: { url: `${fleet.alpha.url}/api` } } });
    const response = await router.fetch(`${fleet.alpha.url}/apiary`);
    expect(router.receipt(response)).toBeUndefined();
    expect(fleet.alpha.seen[0]?.path).toBe("/apiary");
    expect(attempts).toEqual([]);
  });

  it("names the option whose address is none", () => {
    expect(() => routed({ upstreams: { alpha: { url: "http://" } } })).toThrow(/alpha.*http:\/\//);
  });
});
