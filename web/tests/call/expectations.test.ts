/** Code of the caller's: `expects` as a function, a critic, keys and headers; bounded in time, never quoted. */
import { describe, expect, it } from "vitest";
import { RoutedFetch } from "../../src/call/fetch";
import type { Limits } from "../../src/generated/calls";
import { PLAN } from "../../src/generated/plan";
import type { Attempt, Critic, Upstream } from "../../src/types";
import { contextOf } from "../context";
import { pairForEach, type TestUpstream } from "../upstream";

const SECRET = "sk-live-0123456789abcdef";
let alpha: TestUpstream;
let beta: TestUpstream;

pairForEach((...pair) => {
  [alpha, beta] = pair;
});

function routed(own: Partial<Upstream> = {}, limits: Partial<Limits> = {}, critic?: Critic): RoutedFetch {
  const plan = { ...PLAN, limits: { ...PLAN.limits, retries: 0, ...limits } };
  return new RoutedFetch(contextOf({ alpha: { url: alpha.url, ...own }, beta: { url: beta.url } }, { plan, critic }));
}

const never = (): Promise<undefined> => new Promise(() => undefined);
const reasons = (attempts: readonly Attempt[] = []): string[] => attempts.map(({ reason }) => reason);

describe("a function of the caller's", () => {
  it.each([
    [204, "GET", "/x"],
    [304, "GET", "/x"],
    [205, "GET", "/x"],
    [200, "HEAD", "/x"],
    [204, "POST", "/v1/chat/completions"],
  ])("is shown %i to a %s of %s, which has no body", async (status, method, path) => {
    alpha.status = beta.status = status;
    const shown: number[] = [];
    const expects = (answer: Response): boolean => shown.push(answer.status) > 1;
    const router = routed();
    const response = await router.fetch(path, { method, expects });
    expect([response.status, shown]).toEqual([status, [status, status]]);
    const { attempts } = router.receipt(response) ?? {};
    expect(attempts?.map(({ outcome }) => outcome)).toEqual(["invalid_answer", "ok"]);
    expect(attempts?.[1]?.reason).toBe(`HTTP ${status}`);
  });

  it("is shown no refusal", async () => {
    alpha.status = 409;
    const expects = (): boolean => {
      throw new Error("it was shown a refusal");
    };
    const router = routed();
    const response = await router.fetch("/x", { expects });
    expect(response.status).toBe(409);
    expect(reasons(router.receipt(response)?.attempts)).toEqual(["HTTP 409"]);
  });

  it("that never settles is waited for until the deadline; the answer counts", async () => {
    const router = routed({}, { deadline_s: 0.4 });
    const began = performance.now();
    const response = await router.fetch("/x", { expects: never });
    expect(await response.text()).toBe("alpha");
    expect(performance.now() - began).toBeLessThan(3000);
    expect(reasons(router.receipt(response)?.attempts)[0]).toMatch(/^whole; expects said nothing within \d+ ms$/);
  });

  it("may think of a stream as long as an attempt may take, whatever the deadline", async () => {
    for (const one of [alpha, beta])
      one.answer = (response) => {
        response.writeHead(200, { "content-type": "text/event-stream" });
        response.end('data: {"choices":[{"delta":{"content":"w"},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n');
      };
    const expects = async (): Promise<boolean> => {
      await new Promise((resolve) => setTimeout(resolve, 600));
      return false;
    };
    const asked = routed({}, { deadline_s: 0.3, attempt_timeout_s: 20 }).fetch("/x", { expects });
    await expect(asked).rejects.toMatchObject({ attempts: [{ outcome: "invalid_answer" }] });
  });

  it("that throws is named by the kind of error, not quoted", async () => {
    const expects = (): boolean => {
      throw new RangeError(SECRET);
    };
    const router = routed();
    const response = await router.fetch("/x", { expects });
    expect(reasons(router.receipt(response)?.attempts)).toEqual(["whole; expects threw RangeError"]);
    const odd = await router.fetch("/x", {
      expects: () => Promise.reject(Object.assign(new Error(), { name: SECRET })),
    });
    expect(reasons(router.receipt(odd)?.attempts)).toEqual(["whole; expects threw Error"]);
  });

  it("as a critic is bounded as an attempt is, and the answer counts", async () => {
    const router = routed({}, { attempt_timeout_s: 0.5 }, never);
    const response = await router.fetch("/x");
    expect(await response.text()).toBe("alpha");
    expect(reasons(router.receipt(response)?.attempts)[0]).toMatch(/; critic said nothing within 500 ms$/);
  });
});

describe("what a caller's code throws", () => {
  const throws = (): never => {
    throw new RangeError(SECRET);
  };
  it.each<[string, Partial<Upstream>]>([
    ["headers threw RangeError", { headers: throws }],
    ["headers threw TypeError", { headers: () => ({ authorization: `Bearer ${SECRET}\n\u0000` }) }],
    ["key threw RangeError", { key: throws }],
    ["prepare threw RangeError", { prepare: throws }],
    ["prepare of alpha gave string, not a Request", { prepare: (() => SECRET) as unknown as () => Request }],
  ])("is told as: %s", async (told, own) => {
    const router = routed(own);
    const response = await router.fetch("/x");
    expect(reasons(router.receipt(response)?.attempts)[0]).toBe(`not callable: ${told}`);
    beta.status = 503;
    const error: unknown = await router.fetch("/x").catch((error: unknown) => error);
    expect(String(error)).toContain(told);
    expect(`${String(error)} ${JSON.stringify(error)}`).not.toContain(SECRET);
  });

  it("never stands in a reason, nor does what the request proved its sender by", async () => {
    const plain = globalThis.fetch;
    globalThis.fetch = (input) => {
      const { headers, url } = input as Request;
      return Promise.reject(new TypeError(`refused: ${headers.get("authorization") ?? ""} at ${url}`));
    };
    try {
      const router = routed({ url: `${alpha.url}/?key=${SECRET}-q`, key: SECRET });
      const error: unknown = await router.fetch("/x").catch((error: unknown) => error);
      expect(String(error)).toContain("refused: [redacted] at ");
      expect(`${String(error)} ${JSON.stringify(error)}`).not.toContain(SECRET);
    } finally {
      globalThis.fetch = plain;
    }
  });

  it("and a key that does not come, is not waited for where it was refused", async () => {
    alpha.status = 401;
    let asked = 0;
    const key = (): string | Promise<string> => (asked++ === 0 ? SECRET : new Promise<string>(() => undefined));
    const router = routed({ key }, { look_s: 0.2 });
    expect(await (await router.fetch("/x")).text()).toBe("beta");
    expect(router.context.health.asides.data("alpha")).toMatchObject({ reason: "key" });
    router.context.health.asides.sign("alpha", "another");
    expect(await (await router.fetch("/x")).text()).toBe("beta");
    expect(router.context.health.asides.data("alpha")).toMatchObject({ credential: "another" });
  });
});

describe("a 401", () => {
  it("that speaks of a user's password is the caller's, and sets nothing aside", async () => {
    alpha.answer = (response) => {
      response.writeHead(401, { "content-type": "application/json" });
      response.end('{"error":"Invalid username or password"}');
    };
    const router = routed();
    const response = await router.fetch("/login", { method: "POST", body: "{}" });
    expect([response.status, router.receipt(response)?.attempts.length]).toEqual([401, 1]);
    expect(router.context.health.asides.data("alpha")).toBeNull();
  });

  it.each([
    ["", SECRET, { reason: "key" }],
    ["", undefined, { reason: "key" }],
    ['{"error":"Your session has expired, please sign in again"}', SECRET, null],
    ['{"message":"Invalid API key"}', undefined, { reason: "key" }],
  ])(
    "that says %j is the option's own once another one answers, if it is of no user (%s)",
    async (said, key, aside) => {
      alpha.answer = (response) => {
        response.writeHead(401, { "content-type": "application/json" });
        response.end(said);
      };
      const router = routed(key === undefined ? {} : { key });
      expect(await (await router.fetch("/x")).text()).toBe("beta");
      const data = router.context.health.asides.data("alpha");
      if (aside) expect(data).toMatchObject(aside);
      else expect(data).toBeNull();
    },
  );
});
