/** A start that fails is said once a router, with its stage, its file and what to do; receipts keep the reason. */
import { IDBFactory } from "fake-indexeddb";
import "fake-indexeddb/auto";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Router } from "../../src/router";
import { explained } from "../../src/engine/start-failure";
import type { RouterOptions } from "../../src/types";

const OPTIONS: RouterOptions = {
  config: {
    levels: ["global", "device"],
    seeds: [{ floor: "global", level: "global", inst: "", option: "a", dim: "latency", kind: "value", value: 1 }],
  },
  upstreams: { a: { url: "http://a.test" } },
  engine: "dedicated",
  runtime: "http://runtime.test/sporewright",
  offline: false,
};
let warned: string[];

/** A worker whose script cannot be had, or that fails at a stage. */
function failing(push?: object): void {
  class Failing extends EventTarget {
    constructor() {
      super();
      if (!push) setTimeout(() => this.dispatchEvent(new Event("error")));
    }
    postMessage(message: object): void {
      if (push && "hello" in message)
        for (const body of [{ state: "starting", stage: "archive" }, push]) this.#say(body);
    }
    terminate(): void {
      /* nothing runs */
    }
    #say(body: object): void {
      setTimeout(() => this.dispatchEvent(new MessageEvent("message", { data: { push: "state", body } })));
    }
  }
  vi.stubGlobal("Worker", Failing);
}

function serving(response: () => Response): void {
  const answered = (input: Request | URL): Promise<Response> => {
    const { href } = new URL(input instanceof Request ? input.url : input);
    return Promise.resolve(href.startsWith("http://a.test") ? new Response("hello") : response());
  };
  vi.stubGlobal("fetch", answered);
}

beforeEach(() => {
  vi.stubGlobal("indexedDB", new IDBFactory());
  warned = [];
  vi.spyOn(console, "warn").mockImplementation((text: string) => warned.push(text));
});

afterEach(() => {
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
});

describe("a start that fails", () => {
  it("because of the worker's script is said once, with status, type and the option that named its folder", async () => {
    failing();
    serving(() => new Response("no", { status: 404, headers: { "content-type": "text/html; charset=utf-8" } }));
    const router = await Router.start(OPTIONS);
    const reason = "stage worker: runtime/worker-0.js: HTTP 404, text/html";
    await expect(router.ready).rejects.toMatchObject({ code: "engine", stage: "worker", message: reason });

    for (let call = 0; call < 2; call += 1) {
      const receipt = router.receipt(await router.fetch("/x"));
      expect(receipt).toMatchObject({ option: "a", engine: { state: "failed", stage: "worker", reason } });
    }
    await expect(router.resolve()).rejects.toMatchObject({ message: reason });
    await router.close();

    expect(warned.length).toBe(1);
    expect(warned[0]).toMatch(/^sporewright: the engine did not start, stage worker: runtime\/worker-0\.js: HTTP 404/);
    expect(warned[0]).toContain(
      "below http://runtime.test/sporewright/ (option `runtime`: http://runtime.test/sporewright)",
    );
    expect(warned[0]).toContain('docs/how-to/deploy.md, "When a start fails", stage `worker`');
  });

  it("at a stage of its own is said with that stage, and a second router's is said as well", async () => {
    failing({ state: "failed", error: { code: "engine", message: "stage archive: sporewright.zip: cut off" } });
    for (let nth = 1; nth <= 2; nth += 1) {
      const router = await Router.start(OPTIONS);
      await expect(router.ready).rejects.toMatchObject({ stage: "archive" });
      await router.close();
      expect(warned.length).toBe(nth);
      expect(warned.at(-1)).toContain("the engine did not start, stage archive: sporewright.zip: cut off");
    }
  });

  it("is not said of a router that was closed while it started", async () => {
    failing({ state: "starting", stage: "import" });
    const router = await Router.start(OPTIONS);
    await router.close();
    await expect(router.ready).rejects.toMatchObject({ code: "closed" });
    expect(warned).toEqual([]);
  });
});

describe("why no worker comes of a script", () => {
  const why = async (response: () => Response, refusedBy = ""): Promise<string> => {
    serving(response);
    return (await explained(new Error("it cannot be loaded"), "http://runtime.test/", refusedBy)).message;
  };
  const script = (headers: Record<string, string> = {}): Response =>
    new Response("", { headers: { "content-type": "text/javascript", ...headers } });

  it("is what the page's policy refuses", async () => {
    expect(await why(script, "worker-src")).toMatch(/refused by this page's Content-Security-Policy, worker-src$/);
  });

  it("is that it cannot be reached", async () => {
    const none = (): Response => {
      throw new TypeError("Failed to fetch");
    };
    expect(await why(none)).toMatch(/worker-0\.js: blocked, or out of reach \(Failed to fetch\)$/);
  });

  it("is another type than a script's", async () => {
    expect(await why(() => new Response("", { headers: {} }))).toMatch(
      /HTTP 200, text\/plain: not JavaScript$|no content type/,
    );
  });

  it("is the isolation of the page, where it lacks the header for it", async () => {
    vi.stubGlobal("crossOriginIsolated", true);
    expect(await why(script)).toMatch(/without the Cross-Origin-Embedder-Policy/);
    expect(await why(() => script({ "cross-origin-embedder-policy": "require-corp" }))).toMatch(/it cannot be loaded$/);
  });

  it("is another origin than the page's", async () => {
    vi.stubGlobal("origin", "http://page.test");
    expect(await why(script)).toMatch(/of another origin than this page, http:\/\/page\.test: it cannot be loaded$/);
  });
});
