/** The router's start over an engine that answers by hand: what is newer stays. */
import { IDBFactory } from "fake-indexeddb";
import "fake-indexeddb/auto";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import type { CallMessage, Hello } from "../src/engine/protocol";
import { Router } from "../src/router";
import type { RouterOptions } from "../src/types";

const LEVELS = ["global", "workspace", "device"];
const OPTIONS: RouterOptions = {
  config: { levels: LEVELS, seeds: [] },
  upstreams: { a: { url: "http://a.test" }, b: { url: "http://b.test" } },
  engine: "dedicated",
  runtime: "http://runtime.test/",
  offline: false,
};
const QUICK = {
  option: "b",
  cooling_until: 0,
  blocked: null,
  breaker: { state: "closed", until: 0, since: 0 },
  first_token_p95_s: null,
  headers_p95_s: 0.01,
  aside: null,
  keys: [],
};
let asked: CallMessage[];

/** A worker of one page that is ready at once and, between its first two answers, tells of a change. */
class Hasty extends EventTarget {
  postMessage(message: Hello | CallMessage): void {
    if ("call" in message) asked.push(message);
    if ("hello" in message) this.#say({ push: "state", body: { state: "ready" } });
    else if (message.call === "start") {
      const { watch } = message.body as { watch: string };
      const sync = { state: "off", pending: 0, revision: null, lease: null };
      const head = { queue: ["a", "b"], total: 2 };
      this.#reply(message.id, { ...head, sync, health: [QUICK], cooldowns: {}, device: "D", cursor: {} });
      this.#say({ push: "queue", body: { watch, queue: ["b", "a"], total: 2, revision: 1 } });
    } else if (message.call === "permit") this.#reply(message.id, { granted: true });
    else if (message.call === "batch") this.#reply(message.id, { replies: [] });
    else this.#reply(message.id, { queue: ["b", "a"], total: 2 });
  }

  terminate(): void {
    /* nothing runs */
  }

  #reply(id: number, body: unknown): void {
    this.#say({ id, ok: true, body });
  }

  #say(data: unknown): void {
    setTimeout(() => this.dispatchEvent(new MessageEvent("message", { data })), 0);
  }
}

beforeEach(() => {
  vi.stubGlobal("indexedDB", new IDBFactory());
  vi.stubGlobal("Worker", Hasty);
  asked = [];
});

afterEach(() => {
  vi.unstubAllGlobals();
});

it("shows a change that was told between the start's answers, not what was before", async () => {
  const router = await Router.start(OPTIONS);
  await router.ready;

  expect(router.queue).toEqual(["b", "a"]);
  await router.close();
});

it("tells what was gathered before it asks for a hedge, which is paid by it", async () => {
  const late = ({ signal }: Request): Promise<Response> =>
    new Promise((_resolve, reject) => {
      signal.addEventListener("abort", () => {
        reject(signal.reason as Error);
      });
    });
  const answers = [() => new Response("first"), late, () => new Response("beside")];
  vi.stubGlobal("fetch", async (request: Request) => answers.shift()?.(request));
  const router = await Router.start(OPTIONS);
  await router.ready;

  await (await router.fetch("/x")).text();
  asked = [];
  expect(await (await router.fetch("/x")).text()).toBe("beside");

  expect(asked.map(({ call }) => call).slice(0, 2)).toEqual(["batch", "permit"]);
  expect(JSON.stringify(asked[0]?.body)).toContain('"outcome":"ok"');
  await router.close();
});
