/** Options that decline for a reason of their own, over real HTTP servers: the next one is asked, they are set aside. */
import { beforeEach, describe, expect, it } from "vitest";
import { RoutedFetch } from "../../src/call/fetch";
import type { OutcomeBody } from "../../src/generated/calls";
import type { Upstream } from "../../src/types";
import { contextOf } from "../context";
import { pairForEach, type TestUpstream } from "../upstream";

let alpha: TestUpstream;
let beta: TestUpstream;
let learned: OutcomeBody[];

pairForEach((...pair) => {
  [alpha, beta] = pair;
});

beforeEach(() => {
  learned = [];
});

function routed(
  upstreams: Record<string, Upstream> = { alpha: { url: alpha.url }, beta: { url: beta.url } },
): RoutedFetch {
  return new RoutedFetch(contextOf(upstreams, { onOutcome: (body) => learned.push(body) }));
}

describe("an option that declines", () => {
  it.each([401, 402, 403, 404, 413])(
    "with %i is passed over; where all refuse, the first is the caller's",
    async (status) => {
      alpha.status = status;
      expect(await (await routed().fetch("/")).text()).toBe("beta");
      beta.status = 409;
      expect((await routed().fetch("/")).status).toBe(409);
      beta.status = 403;
      expect((await routed().fetch("/")).status).toBe(status);
      const known = ["ok", "declined", "unexplained", "unsuited", "refused"];
      expect(learned.every(({ outcome }) => known.includes(outcome))).toBe(true);
    },
  );

  it("without a reason that anybody knows has failed once another one has answered", async () => {
    alpha.status = 418;
    const body = JSON.stringify({ messages: [] });
    const ask = async (): Promise<number> =>
      (await routed().fetch("/v1/chat/completions", { method: "POST", body })).status;
    beta.status = 418;
    expect(await ask()).toBe(418);
    expect(learned.map(({ option, outcome, stage }) => [option, outcome, stage])).toEqual([
      ["alpha", "unexplained", "CALLING"],
      ["beta", "unsuited", "CALLING"],
    ]);
    learned = [];
    beta.status = 200;
    beta.answer = (response) => {
      response.writeHead(200, { "content-type": "application/json" });
      response.end(JSON.stringify({ choices: [{ message: { content: "hello" }, finish_reason: "stop" }] }));
      return Promise.resolve();
    };
    expect(await ask()).toBe(200);
    expect(learned.map(({ option, outcome, stage, attempt }) => [option, outcome, stage, attempt])).toEqual([
      ["alpha", "unexplained", "CALLING", 1],
      ["beta", "ok", "HOLDING", 2],
      ["alpha", "unexplained", "PICKING", 1],
    ]);
  });

  it.each([
    [401, "key"],
    [402, "credit"],
  ])("with %i and without a word has declined once another one has answered", async (status, reason) => {
    [alpha.status, beta.status] = [status, status];
    const attention: string[] = [];
    const upstreams = { alpha: { url: alpha.url }, beta: { url: beta.url } };
    const context = contextOf(upstreams, {
      onOutcome: (body) => learned.push(body),
      onAttention: (option) => attention.push(option),
    });
    const router = new RoutedFetch(context);
    expect((await router.fetch("/")).status).toBe(status);
    expect([attention, context.health.asides.data("alpha")]).toEqual([[], null]);
    beta.status = 200;
    expect(await (await router.fetch("/")).text()).toBe("beta");
    expect([attention, context.health.asides.data("alpha")?.reason]).toEqual([["alpha"], reason]);
    expect(learned.at(-1)).toMatchObject({ option: "alpha", outcome: "declined", stage: "PICKING", reason });
  });

  it("is asked last from then on, and its refusal is the caller's where nobody answers", async () => {
    alpha.status = 401;
    const router = routed({ alpha: { url: alpha.url, key: "sk-alpha" }, beta: { url: beta.url } });
    expect(await (await router.fetch("/")).text()).toBe("beta");
    expect(await (await router.fetch("/")).text()).toBe("beta");
    expect(alpha.seen).toHaveLength(1);
    beta.status = 402;
    const response = await router.fetch("/");
    expect([response.status, router.receipt(response)?.attempts.map(({ option }) => option)]).toEqual([
      402,
      ["beta", "alpha"],
    ]);
    expect(learned[0]).toMatchObject({ option: "alpha", outcome: "declined", reason: "key" });
  });
});
