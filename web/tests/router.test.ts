/** The router's start over an engine that answers by hand: what is newer stays. */
import { IDBFactory } from "fake-indexeddb";
import "fake-indexeddb/auto";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import type { CallMessage, Hello } from "../src/protocol";
import { Router } from "../src/router";

const LEVELS = ["global", "workspace", "device"];

/** A worker of one page that is ready at once and, between its first two answers, tells of a change. */
class Hasty extends EventTarget {
  postMessage(message: Hello | CallMessage): void {
    if ("hello" in message) this.#say({ push: "state", body: { state: "ready" } });
    else if (message.call === "start") {
      const { watch } = message.body as { watch: string };
      const sync = { state: "off", pending: 0, revision: null, lease: null };
      const head = { queue: ["a", "b"], total: 2 };
      this.#reply(message.id, { ...head, sync, health: [], cooldowns: {}, device: "D", cursor: {} });
      this.#say({ push: "queue", body: { watch, queue: ["b", "a"], total: 2, revision: 1 } });
    } else this.#reply(message.id, { queue: ["b", "a"], total: 2 });
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
});

afterEach(() => {
  vi.unstubAllGlobals();
});

it("shows a change that was told between the start's answers, not what was before", async () => {
  const router = await Router.start({
    config: { levels: LEVELS, seeds: [] },
    upstreams: { a: { url: "http://a.test" }, b: { url: "http://b.test" } },
    engine: "dedicated",
    runtime: "http://runtime.test/",
    offline: false,
  });
  await router.ready;

  expect(router.queue).toEqual(["b", "a"]);
  await router.close();
});
