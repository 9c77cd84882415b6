/** What a returning page may call before its engine is up: never its head alone. */
import { IDBFactory } from "fake-indexeddb";
import "fake-indexeddb/auto";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Mirror } from "../../src/state/mirror";
import { settingsOf } from "../../src/config/options";
import { Queues } from "../../src/state/queues";
import type { TensorConfig } from "../../src/types";

const NAMES = Array.from({ length: 70 }, (_, number) => `o${number}`);
const CONFIG: TensorConfig = {
  levels: ["global", "workspace", "device"],
  seeds: NAMES.map((option) => ({
    level: "global",
    inst: "",
    option,
    dim: "cost",
    kind: "value",
    value: 1,
    floor: "global",
  })),
};
const OWN = { head: "head", route: "route" };

function page(...upstreams: string[]): { queues: Queues; mirror: Mirror } {
  const urls = Object.fromEntries(upstreams.map((option) => [option, { url: `http://${option}.test` }]));
  const settings = settingsOf({ config: CONFIG, upstreams: urls, runtime: "http://runtime.test/" });
  const mirror = new Mirror();
  return { queues: new Queues(settings, mirror, () => undefined), mirror };
}

/** A page that is told its head, and is left, before or after it is told whom it can call. */
async function visited(routes: string[] | null, ...upstreams: string[]): Promise<void> {
  const { queues, mirror } = page(...upstreams);
  await queues.recall("print");
  queues.declare(CONFIG);
  queues.told({ watch: "head", queue: NAMES.slice(0, 64).reverse(), total: 70, revision: 1 }, OWN);
  if (routes) queues.routed(routes);
  await mirror.close();
}

beforeEach(() => {
  vi.stubGlobal("indexedDB", new IDBFactory());
});

afterEach(() => {
  vi.unstubAllGlobals();
});

describe("a page with more options than its head shows", () => {
  it("that was left before it knew whom it can call has its fallback all the same", async () => {
    await visited(null, "o3", "o69");
    const { queues } = page("o3", "o69");
    expect(await queues.recall("print")).toBe(false);
    expect(queues.head.queue[0]).toBe("o63");
    queues.declare(CONFIG);
    expect(queues.head.queue[0]).toBe("o63");
    expect(queues.walk).toEqual([...NAMES.slice(0, 64).reverse(), "o69"]);
  });

  it("does not take whom another page could call for whom it can", async () => {
    await visited(["o69", "o3"], "o3", "o69");
    expect(await page("o69", "o3").queues.recall("print")).toBe(true);
    const { queues } = page("o3", "o68");
    expect(await queues.recall("print")).toBe(false);
    queues.declare(CONFIG);
    expect(queues.walk.slice(64)).toEqual(["o68"]);
  });

  it("keeps what the engine has told meanwhile", async () => {
    await visited(null, "o68", "o69");
    const { queues } = page("o68", "o69");
    await queues.recall("print");
    queues.routed(["o69", "o68"]);
    queues.declare(CONFIG);
    expect(queues.walk.slice(64)).toEqual(["o69", "o68"]);
  });
});
