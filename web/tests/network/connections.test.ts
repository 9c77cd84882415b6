/** What waits for a connection of six, over real HTTP/1.1 servers and by hand: no time of the option's. */
import { Agent, createServer, get, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, it, vi } from "vitest";
import { runningAt, type AttemptIO } from "../../src/call/attempt-io";
import { Connections } from "../../src/network/connections";
import { RoutedFetch } from "../../src/call/fetch";
import type { OutcomeBody } from "../../src/generated/calls";
import { PLAN } from "../../src/generated/plan";
import { contextOf } from "../context";

let server: Server | undefined;

afterEach(() => {
  vi.unstubAllGlobals();
  server?.closeAllConnections();
  server?.close();
});

function at(number: number, address = "https://a.example/x"): AttemptIO {
  return Object.assign(runningAt("a", number), { address });
}

describe("six connections to an origin", () => {
  it("are each the next one's when an answer has ended, in turn", () => {
    const connections = new Connections();
    const freed: number[] = [];
    const all = Array.from({ length: 9 }, (_, number) => at(number));
    const waits = all.map((one) => connections.sent(one, () => freed.push(one.number)));
    expect(waits).toEqual([false, false, false, false, false, false, true, true, true]);
    expect(connections.sent(at(9, "https://b.example/x"), () => undefined)).toBe(false);
    const [first, second, , , , , , eighth] = all as [AttemptIO, AttemptIO, ...AttemptIO[]];
    connections.ended(first);
    expect(freed).toEqual([6]);
    connections.ended(eighth as AttemptIO); // given up while it waited: nobody's connection is free
    connections.answered(second, new Response("", { headers: { "content-length": "100000" } }));
    expect(freed).toEqual([6]);
    connections.answered(second, new Response("", { headers: { "content-length": "100" } }));
    expect(freed).toEqual([6, 8]);
    expect(connections.isWaiting(all[8] as AttemptIO)).toBe(false);
  });

  it("are not what an origin has that answers more at once, as is seen, or told by the browser", () => {
    const connections = new Connections();
    const all = Array.from({ length: 13 }, (_, number) => at(number));
    for (const one of all) connections.sent(one, () => undefined);
    const streamed = new Response();
    expect(connections.isWaiting(all[7] as AttemptIO)).toBe(true);
    // Six answers that nobody reads may well have left their connections.
    connections.answered(all[7] as AttemptIO, streamed);
    expect(connections.isWaiting(all[7] as AttemptIO)).toBe(true);
    for (const one of all) one.isAwaited = true;
    connections.answered(all[7] as AttemptIO, streamed); // six before it: a matter of turns
    expect(connections.isWaiting(all[7] as AttemptIO)).toBe(true);
    connections.answered(all[12] as AttemptIO, streamed);
    expect(connections.isWaiting(all[6] as AttemptIO)).toBe(false);
    expect(connections.sent(at(13), () => undefined)).toBe(false);

    const told = new Connections();
    const timing = [{ name: "https://a.example/before", nextHopProtocol: "h2" }] as PerformanceResourceTiming[];
    vi.spyOn(performance, "getEntriesByType").mockReturnValue(timing);
    expect(all.map((one) => told.sent(one, () => undefined))).not.toContain(true);
    vi.restoreAllMocks();
  });
});

describe("two hundred calls at once", () => {
  it("teach how long the option takes, and not how long they waited", async () => {
    const took = 40;
    server = createServer((_, response) => setTimeout(() => response.end("said"), took));
    await new Promise<void>((resolve) => server?.listen(0, "127.0.0.1", resolve));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    // As a browser's: six connections, and whoever comes later waits.
    const agent = new Agent({ keepAlive: true, maxSockets: 6 });
    vi.stubGlobal("fetch", (request: Request) =>
      new Promise<Response>((resolve, reject) => {
        get(request.url, { agent, signal: request.signal }, (response) => {
          const pieces: Buffer[] = [];
          const body = new ReadableStream({
            start(controller) {
              response.on("data", (piece: Buffer) => pieces.push(piece));
              response.on("end", () => {
                for (const piece of pieces) controller.enqueue(new Uint8Array(piece));
                controller.close();
              });
            },
          });
          resolve(new Response(body, { headers: response.headers as Record<string, string> }));
        }).on("error", reject);
      }),
    ); // prettier-ignore
    const learned: OutcomeBody[] = [];
    const limits = { ...PLAN.limits, attempt_timeout_s: 1 };
    const context = contextOf({ a: { url } }, { plan: { ...PLAN, limits }, onOutcome: (body) => learned.push(body) });
    const router = new RoutedFetch(context);

    const answers = await Promise.all(Array.from({ length: 200 }, () => router.fetch("/x")));
    await Promise.all(answers.map((answer) => answer.text()));

    expect(learned.map(({ outcome }) => outcome)).toEqual(Array.from({ length: 200 }, () => "ok"));
    const timed = learned.filter(({ slept }) => !slept);
    expect(timed.length).toBeGreaterThanOrEqual(6);
    expect(timed.length).toBeLessThan(20);
    // Whoever had no patience with what waits would have given up two thirds of them.
    const latencies = timed.map(({ latency_s: latency = Infinity }) => latency * 1000);
    expect(Math.min(...latencies)).toBeLessThan(10 * took);
    agent.destroy();
  });
});
