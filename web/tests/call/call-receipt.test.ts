/** Receipts of routed calls over real HTTP servers: what is in them, and what never is. */
import { beforeEach, describe, expect, it } from "vitest";
import { SporewrightError } from "../../src/errors";
import { RoutedFetch } from "../../src/call/fetch";
import { PLAN } from "../../src/generated/plan";
import { Health } from "../../src/routing/health";
import { Reasons } from "../../src/call/decision-context";
import { countsOf } from "../../src/call/call-receipt";
import type { Critic, Receipt, Resolution, Upstream } from "../../src/types";
import { contextOf } from "../context";
import { replayed } from "../replayed";
import { pairForEach, type TestUpstream } from "../upstream";

const CANARY = "sk-canary-4711";
let alpha: TestUpstream;
let beta: TestUpstream;
let receipts: Receipt[];

pairForEach((...pair) => {
  [alpha, beta] = pair;
});

beforeEach(() => {
  receipts = [];
});

function routed(more: Record<string, Partial<Upstream>> = {}, health = new Health(PLAN), critic?: Critic): RoutedFetch {
  const upstreams = { alpha: { url: alpha.url, ...more["alpha"] }, beta: { url: beta.url, ...more["beta"] } };
  return new RoutedFetch(
    contextOf(upstreams, { health, critic, known: () => null, onReceipt: (receipt) => receipts.push(receipt) }),
  );
}

const settled = (): Promise<void> => expect.poll(() => receipts.length).toBe(1);

describe("receipts", () => {
  it("say what was known, what was tried and why it ended, and that it has ended", async () => {
    alpha.status = 503;
    const router = routed({ alpha: { model: "m", window: 8 } });
    const response = await router.fetch("/v1/models");
    const receipt = router.receipt(response);
    expect(await response.text()).toBe("beta");
    await settled();
    expect(receipts[0]).toBe(receipt);
    expect(receipt).toMatchObject({ version: 1, call: 1, plan: 5, end: "answered", option: "beta", known: null });
    expect(receipt?.attempts.map(({ option, outcome }) => [option, outcome])).toEqual([
      ["alpha", "server_error"],
      ["beta", "ok"],
    ]);
    expect(receipt?.facts["alpha"]).toEqual({ model: "m", window: 8, local: true, any: true });
    expect(receipt?.attempts[1]?.bytes).toBe(4);
  });

  it("say of a caller's own reason to give up nothing", async () => {
    alpha.mode = "silent";
    const own = new AbortController();
    const call = routed().fetch("/x", { signal: own.signal });
    await expect.poll(() => alpha.seen.length).toBe(1);
    own.abort(Object.assign(new Error("enough"), { code: CANARY }));
    await expect(call).rejects.toThrow("enough");
    await settled();
    expect(receipts[0]).toMatchObject({ end: "aborted" });
    expect(JSON.stringify(receipts[0])).not.toContain(CANARY);
  });

  it("are found by the error of a call that nobody answered", async () => {
    alpha.mode = beta.mode = "reset";
    const router = routed();
    const error: unknown = await router.fetch("/x", { method: "POST", retry: "safe" }).catch((why: unknown) => why);
    await settled();
    expect(error).toBeInstanceOf(SporewrightError);
    expect(router.receipt(error as SporewrightError)).toMatchObject({ end: "failed", error: "exhausted", option: "" });
  });

  it("never hold a key, an address, a prompt or an answer", async () => {
    beta.answer = (response) => {
      response.writeHead(200, { "x-secret": CANARY, "content-type": "application/json" });
      response.end(JSON.stringify({ choices: [{ text: CANARY, finish_reason: "stop" }] }));
    };
    const router = routed({
      alpha: {
        url: `${alpha.url}/${CANARY}?key=${CANARY}`,
        headers: () => {
          throw new Error(`no such key: ${CANARY}`);
        },
      },
      beta: { headers: { authorization: `Bearer ${CANARY}` } },
    });
    const init = { method: "POST", body: CANARY, headers: { "x-api-key": CANARY } };
    const response = await router.fetch(`/v1/completions?key=${CANARY}`, init);
    await response.text();
    await settled();
    expect(beta.seen[0]?.body).toBe(CANARY);
    expect(beta.seen[0]?.headers.authorization).toContain(CANARY);
    expect(JSON.stringify(receipts)).not.toContain(CANARY);
    expect(JSON.stringify(receipts)).toContain('"reason":"not callable: headers threw Error"');
  });

  it("keep the numbers of a usage and none of its words", () => {
    expect(countsOf({ in: 3, more: { cached: 1, said: CANARY }, [`a ${CANARY}`]: 1, deep: [[[[1]]]] })).toEqual({
      in: 3,
      more: { cached: 1 },
      deep: { "0": { "0": {} } },
    });
    expect(countsOf(CANARY)).toBeUndefined();
  });

  it("are decided again by Python, with the same order", async () => {
    const health = new Health(PLAN);
    alpha.status = 500;
    const router = routed({}, health);
    for (let call = 0; call < 4; call += 1) await (await router.fetch("/v1/models")).text();
    beta.mode = "reset";
    await router.fetch("/v1/models").catch(() => undefined);
    [alpha.status, beta.mode] = [200, "ok"];
    await (await routed({}, new Health(PLAN), (_, { option }) => option === "beta").fetch("/v1/models")).text();
    await expect.poll(() => receipts.length, { timeout: 15_000 }).toBe(6);
    expect(receipts[5]?.skipped).toEqual([{ option: "alpha", reason: "rejected" }]);
    const decided = await replayed(receipts);
    expect(decided.map(({ order }) => order)).toEqual(receipts.map(({ queue }) => queue));
    expect(decided.map(({ attempts }) => attempts)).toEqual(
      receipts.map(({ attempts }) => attempts.map(({ option }) => option)),
    );
  }, 40_000);
});

describe("reasons", () => {
  const resolution = {
    ranked: ["alpha", "gamma", "beta"].map((option) => ({ option, score: 1, terms: [] })),
    dropped: [],
  } satisfies Resolution;
  const head = { total: 3, revision: 4 };

  it("are asked for once for the calls of one moment", async () => {
    let asked = 0;
    const reasons = new Reasons(() => {
      asked += 1;
      return Promise.resolve(resolution);
    });
    const both = await Promise.all([
      reasons.of(["alpha", "beta"], head, { task: "x" }),
      reasons.of(["beta"], head, {}),
    ]);
    expect(asked).toBe(1);
    expect(both[0]).toMatchObject({ revision: "4", address: { task: "x" }, selection: ["alpha", "beta"] });
  });

  it("are none where the engine's order has moved on, or is too long to be written down", async () => {
    const reasons = new Reasons(() => Promise.resolve(resolution));
    expect(await reasons.of(["beta", "alpha"], head, {})).toBeNull();
    expect(await reasons.of(["alpha", "delta"], head, {})).toBeNull();
    expect(await reasons.of(["alpha"], { ...head, total: 33 }, {})).toBeNull();
  });
});
