/** The one probe of an option whose breaker is open: whoever rations it is told of its end, however it ends. */
import { beforeEach, expect, it } from "vitest";
import { RoutedFetch } from "../../src/call/fetch";
import type { OutcomeBody, Permit } from "../../src/generated/calls";
import { PLAN } from "../../src/generated/plan";
import { Health } from "../../src/routing/health";
import { permit } from "../../src/engine/permit";
import type { Session } from "../../src/engine/engine-client";
import { contextOf } from "../context";
import { pairForEach, type TestUpstream } from "../upstream";

let alpha: TestUpstream;
let beta: TestUpstream;
let health: Health;
let learned: OutcomeBody[];

pairForEach((...pair) => {
  [alpha, beta] = pair;
});

beforeEach(() => {
  [health, learned] = [new Health(PLAN), []];
  health.breaker("alpha").told({ state: "open", until: 1, since: 0 });
});

function routed(permit: (kind: Permit, option: string) => boolean | Promise<boolean>): RoutedFetch {
  const upstreams = { alpha: { url: alpha.url }, beta: { url: beta.url } };
  return new RoutedFetch(contextOf(upstreams, { health, onOutcome: (body) => learned.push(body), permit }));
}

it("a probe that loses a race is over, and has neither answered nor failed", async () => {
  alpha.mode = "silent";
  health.history("alpha", false).told(0.05);
  expect(await (await routed(() => true).fetch("/x")).text()).toBe("beta");
  expect(learned).toMatchObject([
    { option: "beta", outcome: "ok", probe: false },
    { option: "alpha", outcome: "lost", probe: true },
  ]);
});

it("a hedge waits for the p95 as it is by then: what others teach of the late option moves it", async () => {
  alpha.mode = "silent";
  health.breaker("alpha").told({ state: "closed", until: 0, since: 0 });
  health.history("alpha", false).told(0.1);
  const began = performance.now();
  const call = routed(() => true).fetch("/x");
  await new Promise((resolve) => setTimeout(resolve, 50));
  health.history("alpha", false).told(0.4);
  expect(await (await call).text()).toBe("beta");
  expect(performance.now() - began).toBeGreaterThan(390);
});

it("a probe that is granted to a caller who has left is the next one's", async () => {
  let answer = (): void => undefined;
  const asked = new Promise<void>((resolve) => (answer = resolve));
  const own = new AbortController();
  const router = routed(async (kind, option) => {
    await asked;
    return health.permit(kind, option, Date.now() / 1000);
  });
  const call = router.fetch("/x", { signal: own.signal });
  await new Promise((resolve) => setTimeout(resolve, 20));
  own.abort(new Error("enough"));
  await expect(call).rejects.toThrow("enough");
  answer();
  await expect.poll(() => learned).toMatchObject([{ option: "alpha", outcome: "aborted", probe: true }]);
  expect(alpha.seen).toEqual([]);
  expect(await (await router.fetch("/x")).text()).toBe("alpha");
});

/** An engine that answers so late. */
function engine(ms: number, granted = true): Pick<Session, "call"> {
  const call = async (): Promise<{ granted: boolean }> => {
    await new Promise((resolve) => setTimeout(resolve, ms));
    return { granted };
  };
  return { call };
}

it("a busy engine holds up no call, and a probe that it grants too late is the next one's", async () => {
  const context = { health, onOutcome: (body: OutcomeBody) => learned.push(body) };
  const began = performance.now();
  expect(await permit("probe", "alpha", context, engine(700))).toBe(false);
  expect(await permit("retry", "alpha", context, engine(700))).toBe(false);
  expect(performance.now() - began).toBeLessThan(1300);
  await expect.poll(() => learned).toEqual([{ option: "alpha", outcome: "aborted", attempt: 2, probe: true }]);
});

it("a hedge holds up nothing, so it waits for its permit however busy the engine is", async () => {
  const context = { health, onOutcome: (body: OutcomeBody) => learned.push(body) };
  expect(await permit("hedge", "alpha", context, engine(700))).toBe(true);
  expect(await permit("hedge", "alpha", context, engine(700, false))).toBe(false);
  expect(learned).toEqual([]);
});
