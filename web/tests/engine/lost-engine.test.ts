/** A router whose engine is lost: what it was asked and has not answered is asked of the next one, as it was said. */
import { IDBFactory } from "fake-indexeddb";
import "fake-indexeddb/auto";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Calls } from "../../src/generated/calls";
import type { CallMessage, Hello, PingMessage } from "../../src/engine/protocol";
import { Router } from "../../src/router";

const LEVELS = ["global", "workspace", "device"];
/** All engines of a test, oldest first. */
let engines: Engine[];
/** Whether an engine that is made now answers more than its start. */
let answers: boolean;

class Engine extends EventTarget {
  readonly asked: CallMessage[] = [];
  readonly #answers: boolean = answers;

  constructor() {
    super();
    engines.push(this);
  }

  postMessage(message: Hello | CallMessage | PingMessage): void {
    if ("hello" in message) this.#say({ push: "state", body: { state: "ready" } });
    if (!("call" in message)) return;
    this.asked.push(message);
    const sync = { state: "off", pending: 0, revision: null, lease: null };
    const body = { queue: ["a"], total: 1, sync, health: [], cooldowns: {}, device: "D", cursor: {} };
    const known = ["start", "watch", "close"].includes(message.call);
    if (known || this.#answers) this.#say({ id: message.id, ok: true, body: { ...body, ...repliesTo(message) } });
  }

  /** Its script fails. */
  crash(): void {
    this.dispatchEvent(new ErrorEventLike("error"));
  }

  said(...calls: string[]): unknown[] {
    const flat = this.asked.flatMap(({ call, body }) =>
      call === "batch" ? (body as Calls["batch"]["body"]).calls : [{ call, body }],
    );
    return flat.filter(({ call }) => calls.includes(call)).map(({ body }) => body);
  }

  terminate(): void {
    /* nothing runs */
  }

  #say(data: unknown): void {
    setTimeout(() => this.dispatchEvent(new MessageEvent("message", { data })), 0);
  }
}

class ErrorEventLike extends Event {
  readonly message = "it crashed";
}

function repliesTo({ call, body }: CallMessage): object {
  return call === "batch" ? { replies: (body as Calls["batch"]["body"]).calls.map(() => ({ body: {} })) } : {};
}

beforeEach(() => {
  [engines, answers] = [[], false];
  vi.stubGlobal("indexedDB", new IDBFactory());
  vi.stubGlobal("Worker", Engine);
});

afterEach(() => {
  vi.unstubAllGlobals();
});

const ANSWER = { headers: { "content-type": "application/json" } };

async function opened(callTimeout: number): Promise<Router> {
  const router = await Router.start({
    config: { levels: LEVELS, seeds: [] },
    upstreams: { a: { url: "http://a.test" } },
    engine: "dedicated",
    runtime: "http://runtime.test/",
    offline: false,
    callTimeout,
  });
  await router.ready;
  vi.stubGlobal("fetch", () => Promise.resolve(new Response("{}", ANSWER)));
  return router;
}

describe("an engine that is lost", () => {
  it("leaves what it has not answered to the next one: the same, in the same order, under the same numbers", async () => {
    const router = await opened(2000);
    for (let call = 0; call < 3; call += 1) await router.fetch("/x");
    const told = router.report({ option: "a" }, { quality: 1 });
    const [first] = engines;
    await expect.poll(() => first?.said("outcome", "report").length).toBe(4);
    answers = true;
    first?.crash();
    await told;

    const said = first?.said("outcome", "report") as { page: string; nth: number }[];
    expect(said.map(({ nth }) => nth)).toEqual([1, 2, 3, 4]);
    expect(new Set(said.map(({ page }) => page)).size).toBe(1);
    expect(engines.length).toBe(2);
    expect(engines[1]?.said("outcome", "report")).toEqual(said);
    await router.close();
  });

  it("has not lost what calls have taught because it was silent for longer than a caller waits", async () => {
    const router = await opened(100);
    await router.fetch("/x");
    const [first] = engines;
    await expect(router.resolve()).rejects.toMatchObject({ code: "timeout" });
    await new Promise((resolve) => setTimeout(resolve, 100));
    answers = true;
    first?.crash();

    await expect.poll(() => engines[1]?.said("outcome").length).toBe(1);
    expect(engines[1]?.said("outcome")).toEqual(first?.said("outcome"));
    expect(engines[1]?.said("resolve")).toEqual([]);
    await router.close();
  });
});
