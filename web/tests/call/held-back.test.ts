/** What is held back for `restart: "buffer"`, over real HTTP servers: all of it up to a limit, and an error beyond. */
import { beforeEach, describe, expect, it, vi } from "vitest";
import type { SporewrightError } from "../../src/errors";
import { RoutedFetch } from "../../src/call/fetch";
import type { Limits, OutcomeBody } from "../../src/generated/calls";
import { PLAN } from "../../src/generated/plan";
import { Health } from "../../src/routing/health";
import { basesOf } from "../../src/config/bases";
import type { Receipt } from "../../src/types";
import { pairForEach, type TestUpstream } from "../upstream";

const EVENT = `data: ${JSON.stringify({ choices: [{ delta: { content: "x".repeat(400) } }] })}\n\n`;
const STREAM = `${EVENT.repeat(8)}data: [DONE]\n\n`;
let alpha: TestUpstream;
let beta: TestUpstream;
let learned: OutcomeBody[];
let receipts: Receipt[];

pairForEach((...pair) => {
  [alpha, beta] = pair;
});

beforeEach(() => {
  [learned, receipts] = [[], []];
});

function routed(most?: number): RoutedFetch {
  return limited(most === undefined ? {} : { buffer_bytes: most });
}

function limited(limits: Partial<Limits>, order = ["alpha", "beta"]): RoutedFetch {
  const plan = { ...PLAN, limits: { ...PLAN.limits, ...limits } };
  const upstreams = { alpha: { url: alpha.url }, beta: { url: beta.url } };
  return new RoutedFetch({
    queue: () => order,
    plan,
    health: new Health(plan),
    upstreams,
    bases: basesOf(upstreams),
    onAttempt: () => undefined,
    onOutcome: (body) => learned.push(body),
    onRestart: () => undefined,
    onReceipt: (receipt) => receipts.push(receipt),
    permit: () => true,
  });
}

describe("an answer that is held back", () => {
  it.each([
    ["text/event-stream", STREAM],
    ["text/plain", "y".repeat(3000)],
  ])("of %s is whole up to the limit, and an error with its value beyond it", async (type, text) => {
    alpha.answer = (response) => {
      response.writeHead(200, { "content-type": type });
      response.end(text);
    };
    const whole = await routed().fetch("/v1/x", { restart: "buffer" });
    expect(await whole.text()).toBe(text);
    const error: unknown = await routed(2000)
      .fetch("/v1/x", { restart: "buffer" })
      .catch((why: unknown) => why);
    expect(error).toMatchObject({ code: "too-large", attempts: [{ option: "alpha", outcome: "too_large" }] });
    expect((error as SporewrightError).message).toMatch(/^the answer of alpha .*, and limits\.buffer_bytes is 2000$/);
    expect(beta.seen).toEqual([]);
    expect(learned.map(({ outcome }) => outcome)).toEqual(["ok"]);
    await expect.poll(() => receipts.at(-1)).toMatchObject({ end: "failed", error: "too-large" });
  });

  it("is no matter of a limit where it is handed over as it comes", async () => {
    alpha.answer = (response) => {
      response.writeHead(200, { "content-type": "text/event-stream" });
      response.end(STREAM);
    };
    expect(await (await routed(2000).fetch("/v1/x")).text()).toBe(STREAM);
  });
});

describe("JSON too long to be held", () => {
  const whole = JSON.stringify({ text: `[{"${"z".repeat(5000)}`, list: [{ done: true }] });

  it.each([1, 2000, 4000])("is judged by all of it, of which %i bytes are held", async (held) => {
    let text = whole;
    alpha.answer = (response) => {
      response.writeHead(200, { "content-type": "application/json" });
      response.write(text.slice(0, 3000));
      setTimeout(() => response.end(text.slice(3000)), 20);
    };
    expect(await (await limited({ hold_bytes: held }).fetch("/v1/x")).text()).toBe(whole);
    text = whole.slice(0, -3);
    const half = await limited({ hold_bytes: held }).fetch("/v1/x");
    await expect(half.text()).rejects.toMatchObject({ code: "broken", attempts: [{ outcome: "truncated" }] });
    await expect.poll(() => receipts.at(-1)).toMatchObject({ end: "failed", error: "broken" });
    expect(beta.seen).toEqual([]);
  });
});

describe("a stream that stalls and says that it is alive", () => {
  it("has stalled, though a reader takes each comment at once; a reader's own pause is no stall", async () => {
    alpha.answer = (response) => {
      response.writeHead(200, { "content-type": "text/event-stream" });
      response.write(EVENT);
      const beat = setInterval(() => response.write(": still here\n\n"), 30);
      response.on("close", () => {
        clearInterval(beat);
      });
    };
    const began = performance.now();
    const reader = (await limited({ inter_token_s: 0.4 }).fetch("/v1/x")).body?.getReader();
    await reader?.read();
    await new Promise((resolve) => setTimeout(resolve, 600));
    const rest = async (): Promise<void> => {
      while (!(await reader?.read())?.done);
    };
    await expect(rest()).rejects.toMatchObject({ code: "broken", attempts: [{ outcome: "stalled" }] });
    expect(performance.now() - began).toBeGreaterThan(900);
  });
});

describe("a reader who takes his time", () => {
  it("is no stall after a gap in the clock either", async () => {
    alpha.answer = (response) => {
      response.writeHead(200, { "content-type": "text/event-stream" });
      response.write(EVENT);
      setTimeout(() => response.end("data: [DONE]\n\n"), 100);
    };
    const limits = { tick_s: 0.1, gap_s: 0.5, inter_token_s: 0.3 };
    const reader = (await limited(limits).fetch("/v1/x")).body?.getReader();
    const read = [(await reader?.read())?.value];
    await new Promise((resolve) => setTimeout(resolve, 50));
    const clock = Date.now;
    const later = vi.spyOn(Date, "now").mockImplementation(() => clock() + 600_000);
    await new Promise((resolve) => setTimeout(resolve, 700));
    read.push((await reader?.read())?.value);
    expect(new TextDecoder().decode(read.at(-1))).toBe("data: [DONE]\n\n");
    expect((await reader?.read())?.done).toBe(true);
    later.mockRestore();
  });
});

describe("an answer that has begun and is nobody's yet", () => {
  const begins = (type: string, piece: string, times = Infinity): void => {
    alpha.answer = (response) => {
      response.writeHead(200, { "content-type": type });
      let sent = 0;
      const beat = setInterval(() => {
        response.write(piece);
        sent += 1;
        if (sent >= times) response.end();
      }, 50);
      response.on("close", () => {
        clearInterval(beat);
      });
    };
  };

  it("is bounded by the deadline where it is JSON that drips", async () => {
    begins("application/json", " ");
    const routed = limited({ deadline_s: 0.5, inter_token_s: 9 }, ["alpha"]);
    await expect(routed.fetch("/v1/x")).rejects.toMatchObject({
      code: "exhausted",
      attempts: [{ outcome: "stalled", reason: expect.stringMatching(/^the call's deadline passed \d+ ms/) as string }],
    });
    expect(beta.seen).toEqual([]);
  });

  it("is cut, and not to blame, where another had failed before", async () => {
    begins("application/json", " ");
    beta.status = 503;
    const routed = limited({ deadline_s: 0.5, inter_token_s: 9 }, ["beta", "alpha"]);
    await expect(routed.fetch("/v1/x")).rejects.toMatchObject({
      attempts: [{ outcome: "server_error" }, { option: "alpha", outcome: "deadline" }],
    });
    expect(learned.map(({ option }) => option)).toEqual(["beta"]);
  });

  it.each([
    ["application/json", " ", "timed_out", "json"],
    ["application/json", "[1", "stalled", "json"],
    ["text/plain", "x", "stalled", () => undefined],
  ] as const)(
    "of %s, dripping %j, leaves a third of the call to another option",
    async (type, piece, outcome, expects) => {
      begins(type, piece);
      beta.answer = (response) => {
        response.writeHead(200, { "content-type": "application/json" });
        response.end("{}");
      };
      const response = await limited({ deadline_s: 1.5 }).fetch("/x", { expects });
      expect(await response.text()).toBe("{}");
      const reason = expect.stringMatching(/^not whole after \d+ ms, and another option is ready$/) as string;
      await expect.poll(() => receipts.at(-1)?.attempts[0]).toMatchObject({ outcome, reason });
    },
  );

  it.each(["application/json", "text/event-stream", "text/plain"])(
    "of %s is handed over in time where anything is one, and may be silent",
    async (type) => {
      const usual = { ...PLAN.limits };
      alpha.answer = async (response) => {
        response.writeHead(200, { "content-type": type });
        for (const piece of type === "application/json" ? [" ", " ", " "] : [": w\n\n", "\n", "data: w\n\n"]) {
          response.write(piece);
          await new Promise((resolve) => setTimeout(resolve, 900));
        }
        response.end("{}");
      };
      Object.assign(PLAN.limits, { inter_token_s: 0.3, first_token_s: 0.3 });
      try {
        const began = performance.now();
        const response = await limited({}).fetch("/x");
        expect(performance.now() - began).toBeLessThan(850);
        expect(await response.text()).toMatch(/\{\}$/);
        await expect.poll(() => receipts.at(-1)).toMatchObject({ option: "alpha", end: "answered" });
        expect(learned.map(({ outcome }) => outcome)).toEqual(["ok"]);
      } finally {
        Object.assign(PLAN.limits, usual);
      }
    },
  );

  it.each(["text/event-stream", "text/plain"])("may outlast it where a caller wants %s held back", async (type) => {
    begins(type, "data: a word\n\n", 12);
    const response = await limited({ deadline_s: 0.3, inter_token_s: 0.3 }).fetch("/v1/x", { restart: "buffer" });
    expect(await response.text()).toBe("data: a word\n\n".repeat(12));
  });

  it.each([": still here\n\n", 'data: {"type": "ping"}\n\n'])(
    "is held up to a limit where it is %j alone",
    async (beat) => {
      begins("text/event-stream", beat.repeat(50));
      const response = await limited({ event_bytes: 4000 }).fetch("/v1/x");
      expect(await response.text()).toBe("beta");
      await expect
        .poll(() => receipts.at(-1)?.attempts[0])
        .toMatchObject({
          outcome: "malformed",
          reason: expect.stringMatching(/^\d{4} bytes and no token$/) as string,
        });
    },
  );
});
