/** How long a refusal's text is waited for, over real HTTP servers, and what of it the caller gets. */
import { describe, expect, it } from "vitest";
import { RoutedFetch } from "../../src/call/fetch";
import type { Limits } from "../../src/generated/calls";
import { PLAN } from "../../src/generated/plan";
import { contextOf } from "../context";
import { pairForEach, type TestUpstream } from "../upstream";

let alpha: TestUpstream;
let beta: TestUpstream;

pairForEach((...pair) => {
  [alpha, beta] = pair;
});

function limited(limits: Partial<Limits>): RoutedFetch {
  const plan = { ...PLAN, limits: { ...PLAN.limits, ...limits } };
  return new RoutedFetch(contextOf({ alpha: { url: alpha.url }, beta: { url: beta.url } }, { plan }));
}

/** It comes piece by piece; `then`: never, with the connection's end, or whole. */
function refuses(status: number, pieces: readonly string[], then: "stays" | "breaks" | "ends" = "stays"): void {
  alpha.answer = async (response) => {
    response.writeHead(status);
    for (const piece of pieces) {
      response.write(piece);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    if (then === "breaks") response.socket?.resetAndDestroy();
    if (then === "ends") response.end();
  };
}

describe("a refusal", () => {
  it.each(["stays", "breaks"] as const)("whose connection %s is what has come of it", async (then) => {
    refuses(400, ["content", "_filter"], then);
    const routed = limited({ error_s: 0.3 });
    const response = await routed.fetch("/v1/x");
    expect([response.status, response.url, await response.text()]).toEqual([
      400,
      `${alpha.url}/v1/x`,
      "content_filter",
    ]);
    expect(routed.receipt(response)?.attempts).toMatchObject([{ outcome: "content_filter" }]);
    if (then === "stays") await expect.poll(() => alpha.cutOff).toBe(1);
  });

  it("is waited for no longer than the attempt itself", async () => {
    refuses(404, ["not here"]);
    const response = await limited({ error_s: 9, deadline_s: 0.3 }).fetch("/v1/x");
    expect([response.status, await response.text()]).toEqual([404, "not here"]);
  });

  it("is not waited for where its text decides nothing, but where it is the caller's", async () => {
    refuses(503, ["down for ", "an hour"]);
    const limits = { error_s: 0.3, deadline_s: 0.25 };
    expect(await (await limited(limits).fetch("/v1/x")).text()).toBe("beta");
    const response = await limited(limits).fetch("/v1/x", { method: "POST", retry: "safe" });
    expect([response.status, await response.text()]).toEqual([503, "down for an hour"]);
  });

  it("that does not end is read for a moment, by a request that may not be sent twice as well", async () => {
    refuses(429, ["too many"]);
    expect(
      await (await limited({ deadline_s: 0.5, error_s: 0.1 }).fetch("/v1/x", { method: "POST", retry: "safe" })).text(),
    ).toBe("beta");
  });

  it("that is kept in case nobody answers is let go once somebody has, upstream as well", async () => {
    refuses(400, ["maximum context length ", "x".repeat(4000)]);
    const upstreams = { alpha: { url: alpha.url, window: 1 }, beta: { url: beta.url, window: 2 } };
    const plan = { ...PLAN, limits: { ...PLAN.limits, hold_bytes: 1000 } };
    const response = await new RoutedFetch(contextOf(upstreams, { plan })).fetch("/v1/x");
    expect(await response.text()).toBe("beta");
    await expect.poll(() => alpha.cutOff).toBe(1);
  });

  it("that is longer than may be held is the caller's as it comes", async () => {
    refuses(400, ["x".repeat(600), "x".repeat(600), "x".repeat(600)], "ends");
    const response = await limited({ hold_bytes: 1000 }).fetch("/v1/x");
    expect(await response.text()).toBe("x".repeat(1800));
  });

  it("leaves nothing under way where its reader gives up meanwhile", async () => {
    refuses(400, ["not yet"]);
    const given = new AbortController();
    const asked = limited({}).fetch("/v1/x", { signal: given.signal });
    setTimeout(() => {
      given.abort(new Error("enough"));
    }, 100);
    await expect(asked).rejects.toThrow("enough");
    await expect.poll(() => alpha.cutOff).toBe(1);
  });
});
