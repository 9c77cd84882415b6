/** An option that takes the connection and says nothing: another is asked beside it before the call's time is over. */
import { beforeEach, describe, expect, it } from "vitest";
import { RoutedFetch } from "../../src/call/fetch";
import type { OutcomeBody } from "../../src/generated/calls";
import { Chat } from "../../src/chat/chat";
import { PLAN } from "../../src/generated/plan";
import { Health } from "../../src/routing/health";
import type { RoutedInit } from "../../src/types";
import { contextOf } from "../context";
import { pairForEach, type TestUpstream } from "../upstream";

const CHATS = "/v1/chat/completions";
const SAID = { choices: [{ index: 0, message: { role: "assistant", content: "Hé" }, finish_reason: "stop" }] };
const EVENTS = `data: ${JSON.stringify({ choices: [{ index: 0, delta: { content: "Hé" }, finish_reason: "stop" }] })}\n\n`;

let alpha: TestUpstream;
let beta: TestUpstream;
let health: Health;
let learned: OutcomeBody[];

pairForEach((...pair) => {
  [alpha, beta] = pair;
});

beforeEach(() => {
  [health, learned] = [new Health(PLAN), []];
  // An answer of it is known, and came quickly: its silence is no slowness.
  for (const streaming of [false, true]) health.history("alpha", streaming).add(0.1);
  alpha.mode = "silent";
});

/** Two thirds of the call's time are 0.6 s. */
function routed(permit?: () => boolean | Promise<boolean>): RoutedFetch {
  const plan = { ...PLAN, limits: { ...PLAN.limits, deadline_s: 0.9, backoff_s: 0.05 } };
  const upstreams = { alpha: { url: alpha.url }, beta: { url: beta.url } };
  const about = { plan, health, onOutcome: (body: OutcomeBody) => learned.push(body), ...(permit ? { permit } : {}) };
  return new RoutedFetch(contextOf(upstreams, about), { retry: "auto", hedge: false });
}

function chatOf(stream: boolean): RoutedInit {
  const body = JSON.stringify({ model: "m", messages: [{ role: "user", content: "Say Hé" }], stream });
  return { method: "POST", headers: { "content-type": "application/json" }, body };
}

function speaks(upstream: TestUpstream, stream: boolean, then: "" | "keeps silent" = ""): void {
  upstream.answer = (response) => {
    response.writeHead(200, { "content-type": stream ? "text/event-stream" : "application/json" });
    if (then === "") response.end(stream ? `${EVENTS}data: [DONE]\n\n` : JSON.stringify(SAID));
    else response.flushHeaders();
  };
}

describe("a silent option", () => {
  it.each([
    ["/x", {}, null],
    [CHATS, chatOf(false), false],
    [CHATS, chatOf(true), true],
  ] as const)("is raced by the next one within the deadline, and has failed: %s", async (path, init, stream) => {
    if (stream !== null) speaks(beta, stream);
    const router = routed();
    const began = performance.now();
    const response = await router.fetch(path, init);
    expect(await response.text()).toContain(path === CHATS ? "Hé" : "beta");
    expect(performance.now() - began).toBeGreaterThan(590);
    expect(router.receipt(response)?.attempts).toMatchObject([
      {
        option: "alpha",
        outcome: "timed_out",
        reason: expect.stringMatching(/^nothing for \d+ ms, and another/) as string,
      },
      { option: "beta", outcome: "ok" },
    ]);
    const [failed] = learned.filter(({ option }) => option === "alpha");
    expect(failed).toMatchObject({ outcome: "timed_out", stage: "CALLING" });
    expect(failed?.latency_s).toBeGreaterThan(0.59);
    expect(learned.filter(({ option }) => option === "alpha")).toHaveLength(1);
  });

  it("is only slow for all that is known: not blamed, it answers the next call", async () => {
    health = new Health(PLAN);
    alpha.answer = async (response) => {
      await new Promise((resolve) => setTimeout(resolve, 690));
      response.end("alpha");
    };
    alpha.mode = "ok";
    const router = routed();
    for (const attempts of [[{ outcome: "deadline" }, { option: "beta", outcome: "ok" }], [{ outcome: "ok" }]]) {
      const response = await router.fetch("/x");
      await response.text();
      expect(router.receipt(response)?.attempts).toMatchObject(attempts);
    }
  });

  it("is raced in a chat", async () => {
    speaks(beta, true);
    const chat = new Chat(routed(), { messages: [{ role: "user", content: "Say Hé" }] }, {});
    expect(await chat.text()).toBe("Hé");
    expect(chat.option).toBe("beta");
  });

  it("is raced after its headers, where a token is waited for, and is let go of", async () => {
    speaks(alpha, true, "keeps silent");
    speaks(beta, true);
    const router = routed();
    const response = await router.fetch(CHATS, chatOf(true));
    expect(await response.text()).toContain("Hé");
    expect(router.receipt(response)?.attempts).toMatchObject([{ outcome: "slow_start" }, { outcome: "ok" }]);
    await expect.poll(() => alpha.cutOff).toBe(1);
  });

  it("is not raced where the request may not be sent twice", async () => {
    const init = { method: "POST", body: "an order" };
    await expect(routed().fetch("/orders", init)).rejects.toThrow(
      /alpha: timed_out .*beta: skipped \(not-repeatable\)/,
    );
    expect(beta.seen).toEqual([]);
    const response = await routed().fetch("/orders", { ...init, idempotent: true });
    expect(await response.text()).toBe("beta");
  });

  it("may still answer: the other one is let go of, and has not failed", async () => {
    beta.mode = "silent";
    alpha.answer = async (response) => {
      await new Promise((resolve) => setTimeout(resolve, 700));
      response.end("alpha");
    };
    const router = routed();
    const response = await router.fetch("/x");
    expect(await response.text()).toBe("alpha");
    expect(router.receipt(response)?.attempts).toMatchObject([{ outcome: "lost" }, { outcome: "ok" }]);
    expect(learned).toMatchObject([{ option: "alpha", outcome: "ok" }]);
  });

  it("is followed by another attempt at once where the one beside it fails", async () => {
    let asked = 0;
    beta.answer = (response) => {
      asked += 1;
      if (asked === 1) response.writeHead(500);
      response.end("beta");
    };
    const router = routed();
    const response = await router.fetch("/x");
    expect(await response.text()).toBe("beta");
    expect(router.receipt(response)?.attempts).toMatchObject([
      { option: "beta", outcome: "server_error" },
      { option: "alpha", outcome: "timed_out" },
      { option: "beta", outcome: "ok" },
    ]);
  });
});

describe("a limit that passes while the page is busy with other work", () => {
  const busy = (): void => {
    for (const until = performance.now() + 600; performance.now() < until;);
  };

  it.each([
    ["ends nothing that has arrived meanwhile", "ok", [{ option: "alpha", outcome: "ok" }]],
    ["ends what is silent", "silent", [{ option: "alpha", outcome: "timed_out" }, { option: "beta" }]],
  ] as const)("%s", async (_, mode, attempts) => {
    const plan = { ...PLAN, limits: { ...PLAN.limits, attempt_timeout_s: 0.3 } };
    const upstreams = { alpha: { url: alpha.url }, beta: { url: beta.url } };
    const router = new RoutedFetch(contextOf(upstreams, { plan, health }), { retry: "auto", hedge: false });
    alpha.mode = mode;
    if (mode === "ok")
      alpha.answer = (response) => {
        setTimeout(() => response.end("alpha"), 100);
      };
    setTimeout(busy, 50);
    const response = await router.fetch("/x");
    await response.text();
    expect(router.receipt(response)?.attempts).toMatchObject(attempts);
  });
});

describe("a probe beside a silent option", () => {
  beforeEach(() => {
    health.breaker("beta").told({ state: "open", until: 1, since: 0 });
  });

  it("is asked for again after it was refused", async () => {
    const answers = [false, false, true];
    const response = await routed(() => answers.shift() ?? false).fetch("/x");
    expect(await response.text()).toBe("beta");
    expect(answers).toEqual([]);
  });

  it("is given back where the silent one has answered meanwhile", async () => {
    alpha.answer = async (response) => {
      await new Promise((resolve) => setTimeout(resolve, 650));
      response.end("alpha");
    };
    const late = new Promise<boolean>((resolve) => setTimeout(resolve, 800, true));
    const response = await routed(() => late).fetch("/x");
    expect(await response.text()).toBe("alpha");
    await late;
    await expect
      .poll(() => learned)
      .toMatchObject([
        { option: "alpha", outcome: "ok" },
        { option: "beta", outcome: "aborted", probe: true },
      ]);
    expect(beta.seen).toEqual([]);
  });
});
