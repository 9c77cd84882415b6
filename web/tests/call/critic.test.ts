/** A critic's word: learned, and an answer it rejects is asked for anew elsewhere. */
import { beforeEach, describe, expect, it } from "vitest";
import { RoutedFetch } from "../../src/call/fetch";
import type { Limits } from "../../src/generated/calls";
import { PLAN } from "../../src/generated/plan";
import type { Critic, Receipt } from "../../src/types";
import { contextOf } from "../context";
import { replayed } from "../replayed";
import { pairForEach, type TestUpstream } from "../upstream";

let alpha: TestUpstream;
let beta: TestUpstream;
let told: string[];
let receipts: Receipt[];

pairForEach((...pair) => {
  [alpha, beta] = pair;
});

beforeEach(() => {
  [told, receipts] = [[], []];
});

function routed(critic: Critic, limits: Partial<Limits> = {}): RoutedFetch {
  const context = contextOf(
    { alpha: { url: alpha.url }, beta: { url: beta.url } },
    {
      plan: { ...PLAN, limits: { ...PLAN.limits, ...limits } },
      onReceipt: (receipt) => receipts.push(receipt),
      onOutcome: ({ option, outcome, attempt }) => told.push(`${outcome} ${option}`, `${option} was number ${attempt}`),
      onBegan: (option, first) => told.push(`${first ? "chose" : "fell back to"} ${option}`),
      onEnded: (option) => told.push(`left ${option}`),
      onReport: (option, quality) => told.push(`${option} is worth ${quality}`),
      critic,
    },
  );
  return new RoutedFetch(context);
}

describe("a critic", () => {
  it("says how good an answer was, and the caller still reads it", async () => {
    const router = routed(async (answer) => ((await answer.text()).length > 0 ? 0.75 : 0));
    const response = await router.fetch("/x");

    expect((await response.text()).length).toBeGreaterThan(0);
    expect(told).toContain("alpha is worth 0.75");
    expect(told).toContain("chose alpha");
  });

  it("rejects an answer to what may not be sent twice: learned, and the caller's all the same", async () => {
    const router = routed(() => false);
    expect(await (await router.fetch("/x", { method: "POST" })).text()).toBe("alpha");
    expect(beta.seen).toEqual([]);
    expect(told).toContain("alpha is worth 0");
    const again = router.fetch("/x", { method: "POST", idempotent: true, rejected: "error" });
    await expect(again).rejects.toMatchObject({ code: "exhausted" });
    expect(beta.seen.length).toBe(1);
  });

  it("rejects an answer, and the next option is asked", async () => {
    const router = routed((_, { option }) => option !== "alpha");
    const response = await router.fetch("/x");
    const receipt = router.receipt(response);

    expect(receipt?.option).toBe("beta");
    expect(receipt?.attempts.map(({ option }) => option)).toEqual(["alpha", "beta"]);
    expect(receipt?.queue).toEqual(["alpha", "beta"]);
    expect(receipt?.skipped).toEqual([{ option: "alpha", reason: "rejected" }]);
    expect(told).toContain("alpha is worth 0");
    expect(told).toContain("beta was number 2");
    expect(told).toContain("fell back to beta");
    expect(await response.text()).toBe("beta");
    await expect.poll(() => receipts).toEqual([receipt]);
    expect(receipt?.end).toBe("answered");
  });

  it("may reject them all: the best one is the caller's, with its verdict", async () => {
    const seen: string[] = [];
    const router = routed(async (answer, { option }) => {
      seen.push(await answer.text());
      return { quality: option === "alpha" ? 0.4 : 0.2, reject: true };
    });
    const response = await router.fetch("/x");
    const receipt = router.receipt(response);
    expect(await response.text()).toBe("alpha");
    expect(seen).toEqual(["alpha", "beta"]);
    expect(receipt).toMatchObject({ option: "alpha", end: "answered", verdict: { rejected: true, quality: 0.4 } });
    expect(receipt?.skipped.map(({ option, reason }) => [option, reason])).toEqual([
      ["alpha", "rejected"],
      ["beta", "rejected"],
    ]);
    await expect.poll(() => receipts).toEqual([receipt]);
    expect((await replayed([receipt]))[0]?.attempts).toEqual(["alpha", "beta"]);
    const better = routed(async (answer, { option }) => {
      await answer.text();
      return { quality: option === "alpha" ? 0.1 : 0.2, reject: true };
    });
    expect(await (await better.fetch("/x")).text()).toBe("beta");
    await expect(better.fetch("/x", { rejected: "worst" as never })).rejects.toMatchObject({ code: "config" });
  }, 20_000);

  it("may reject them all: nobody answered, where the caller wants an error", async () => {
    await expect(routed(() => false).fetch("/x", { rejected: "error" })).rejects.toMatchObject({ code: "exhausted" });
    await expect.poll(() => receipts.map(({ end, error }) => [end, error])).toEqual([["failed", "exhausted"]]);
  });

  it("takes its time from the one deadline of the call, and its answers from the one number of attempts", async () => {
    const slow: Critic = async () => {
      await new Promise((resolve) => setTimeout(resolve, 300));
      return false;
    };
    const late = routed(slow, { deadline_s: 0.5 }).fetch("/x", { rejected: "error" });
    await expect(late).rejects.toMatchObject({ attempts: [{ option: "alpha" }, { option: "beta" }] });
    beta.mode = "silent";
    const began = performance.now();
    const cut = routed(slow, { deadline_s: 0.6 }).fetch("/x", { rejected: "error" });
    await expect(cut).rejects.toMatchObject({ attempts: [{ option: "alpha" }, { outcome: "deadline" }] });
    expect(performance.now() - began).toBeLessThan(900);
    await expect(routed(() => false, { max_attempts: 1 }).fetch("/x", { rejected: "error" })).rejects.toMatchObject({
      attempts: [{ option: "alpha" }],
      skipped: [
        { option: "alpha", reason: "rejected" },
        { option: "beta", reason: "not-reached" },
      ],
    });
  });

  it("has the retries of the one call, and what a fallback refuses is not the answer", async () => {
    alpha.mode = "reset";
    const router = routed(() => false, { retries: 0 });
    await expect(router.fetch("/x", { rejected: "error" })).rejects.toMatchObject({
      attempts: [{ option: "alpha" }, { option: "beta" }],
    });
    [alpha.mode, beta.status] = ["ok", 402];
    await expect(router.fetch("/x", { rejected: "error" })).rejects.toMatchObject({
      attempts: [{ option: "alpha" }, { outcome: "unsuited" }],
    });
  });

  it("is not waited for by a caller who gives up", async () => {
    const given = new AbortController();
    const call = routed(() => new Promise(() => undefined)).fetch("/x", { signal: given.signal });
    setTimeout(() => {
      given.abort(new Error("enough"));
    }, 100);
    await expect(call).rejects.toThrow("enough");
    await expect.poll(() => receipts.map(({ end }) => end)).toEqual(["aborted"]);
  });

  it("lets go of a body that it rejects before its end, upstream as well", async () => {
    alpha.mode = "drip";
    const response = await routed((_, { option }) => option === "beta").fetch("/x");
    expect(await response.text()).toBe("beta");
    await expect.poll(() => alpha.cutOff).toBe(1);
    await expect.poll(() => receipts.map(({ end, option }) => [end, option])).toEqual([["answered", "beta"]]);
    expect(receipts[0]?.attempts).toMatchObject([{ outcome: "aborted", reason: "its answer was rejected" }, {}]);
  });

  it("that throws has said nothing", async () => {
    const router = routed(() => {
      throw new Error("a defect of its own");
    });
    const response = await router.fetch("/x");

    expect(router.receipt(response)?.option).toBe("alpha");
    expect(told.filter((each) => each.includes("worth"))).toEqual([]);
  });

  it("is not asked about a failure, which moves on by itself", async () => {
    alpha.status = 503;
    const asked: string[] = [];
    await routed((_, { option }) => asked.push(option) > 0).fetch("/x");

    expect(asked).toEqual(["beta"]);
    expect(told.filter((each) => each.startsWith("fell back"))).not.toEqual([]);
  });
});

describe("what the engine is told", () => {
  it("every attempt that began is told to be over, once", async () => {
    alpha.mode = "silent";
    await expect(routed(() => true).fetch("/x", { signal: AbortSignal.timeout(100) })).rejects.toThrow();

    expect(told).toEqual(["chose alpha", "left alpha"]);
  });
});
