/** A critic's word: learned, and an answer it rejects is asked for anew elsewhere. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { RoutedFetch } from "../src/fetch";
import type { Critic } from "../src/types";
import { contextOf } from "./context";
import { TestUpstream } from "./upstream";

let alpha: TestUpstream;
let beta: TestUpstream;
let told: string[];

beforeEach(async () => {
  [alpha, beta] = await Promise.all([TestUpstream.open("alpha"), TestUpstream.open("beta")]);
  told = [];
});

afterEach(async () => {
  await Promise.all([alpha.close(), beta.close()]);
});

function routed(critic: Critic): RoutedFetch {
  const context = contextOf(
    { alpha: { url: alpha.url }, beta: { url: beta.url } },
    {
      onOutcome: ({ option, outcome }) => told.push(`${outcome} ${option}`),
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
    const again = router.fetch("/x", { method: "POST", idempotent: true });
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
    expect(receipt?.skipped).toEqual([{ option: "alpha", reason: "its answer was rejected by the critic" }]);
    expect(told).toContain("alpha is worth 0");
  });

  it("may reject them all: nobody answered", async () => {
    await expect(routed(() => false).fetch("/x")).rejects.toMatchObject({ code: "exhausted" });
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
