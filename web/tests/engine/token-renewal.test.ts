/** The page's part in renewing a token: what its function cannot give is said, so that the engine asks again; so is the network's return. */
import { IDBFactory } from "fake-indexeddb";
import "fake-indexeddb/auto";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import type { CallMessage, Hello } from "../../src/engine/protocol";
import { Router } from "../../src/router";
import type { TokenSource } from "../../src/engine/token";

const SYNC = { state: "refused", pending: 0, revision: null, lease: null, error: { code: "token", message: "none" } };
let engines: Asking[];
let windows: EventTarget;

/** An engine whose line is refused for want of a token. */
class Asking extends EventTarget {
  readonly asked: CallMessage[] = [];

  constructor() {
    super();
    engines.push(this);
  }

  postMessage(message: Hello | CallMessage): void {
    if ("hello" in message) this.push("state", { state: "ready" });
    if (!("call" in message)) return;
    this.asked.push(message);
    const body = { queue: ["a"], total: 1, sync: SYNC, health: [], cooldowns: {}, device: "D", cursor: {} };
    this.#say({ id: message.id, ok: true, body });
  }

  push(push: string, body: object): void {
    this.#say({ push, body });
  }

  said(call: string): unknown[] {
    return this.asked.filter((asked) => asked.call === call).map(({ body }) => body);
  }

  terminate(): void {
    /* nothing runs */
  }

  #say(data: object): void {
    setTimeout(() => this.dispatchEvent(new MessageEvent("message", { data })));
  }
}

beforeEach(() => {
  [windows, engines] = [new EventTarget(), []];
  vi.stubGlobal("indexedDB", new IDBFactory());
  vi.stubGlobal("Worker", Asking);
  vi.stubGlobal("addEventListener", windows.addEventListener.bind(windows));
  vi.stubGlobal("removeEventListener", windows.removeEventListener.bind(windows));
});

afterEach(() => {
  vi.unstubAllGlobals();
});

async function opened(token: TokenSource): Promise<{ router: Router; engine: Asking }> {
  const router = await Router.start({
    config: { levels: ["global", "device"], seeds: [] },
    engine: "dedicated",
    runtime: "http://runtime.test/",
    orchestrator: "ws://fleet.test/v1/sync",
    offline: false,
    token,
  });
  await router.ready;
  const [engine] = engines;
  if (!engine) throw new Error("no engine was made");
  return { router, engine };
}

it("tells the engine that the function gave none, each time, and gives the token once there is one", async () => {
  const answers = [new Error("1"), new Error("2"), new Error("3"), "good"];
  const { router, engine } = await opened(() => {
    const answer = answers.shift();
    if (typeof answer === "string") return answer;
    throw answer as Error;
  });
  expect(router.sync.error).toEqual({ code: "token", message: "the page's token function: 1" });

  for (const told of [null, null, "good"]) {
    const before = engine.said("token").length;
    engine.push("token", {});
    await expect.poll(() => engine.said("token").length).toBe(before + 1);
    expect(engine.said("token").at(-1)).toEqual({ token: told });
  }
  await router.close();
});

it("is silent where the token is a text, which will be no other the next time", async () => {
  const { router, engine } = await opened("t");
  engine.push("token", {});
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(engine.said("token")).toEqual([]);
  await router.close();
});

it("tells of the network's return where the line waits for it, and not after the router's end", async () => {
  const { router, engine } = await opened("t");
  windows.dispatchEvent(new Event("online"));
  await expect.poll(() => engine.said("online").length).toBe(1);
  const error = undefined;
  engine.push("sync", { ...SYNC, state: "live", error });
  await expect.poll(() => router.sync.state).toBe("live");
  windows.dispatchEvent(new Event("online"));
  await router.close();
  windows.dispatchEvent(new Event("online"));
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(engine.said("online").length).toBe(1);
});
