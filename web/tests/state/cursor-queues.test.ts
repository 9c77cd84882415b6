import { beforeEach, describe, expect, it } from "vitest";
import { SporewrightError } from "../../src/errors";
import { CursorQueues } from "../../src/state/cursor-queues";
import { Watch } from "../../src/state/watch";
import type { Cursor, Seed, TensorConfig } from "../../src/types";

const seed = (level: string, inst: string, option: string, dim = "latency", value: number | string = 1): Seed => ({
  floor: "global",
  level,
  inst,
  option,
  dim,
  kind: "value",
  value,
});
const CONFIG: TensorConfig = {
  levels: ["global", "site", "device"],
  seeds: [
    seed("global", "", "a"),
    seed("global", "", "b"),
    seed("global", "", "elsewhere"),
    seed("site", "ulm", "a", "priv:eu", "inf"),
  ],
};

let asked: unknown[];
let closed: unknown[];
let watches: Watch[];
let kept: Map<string, unknown>;
let config: TensorConfig | null;
let isReady: boolean;
let queues: CursorQueues;

function made(bound: Cursor = {}): CursorQueues {
  return new CursorQueues({
    settings: () => ({
      cursor: bound,
      device: undefined,
      upstreams: { a: { url: "http://a" }, b: { url: "http://b" } },
    }),
    mirror: {
      recall: (kind, name) => Promise.resolve(kept.get(`${kind}/${name}`)),
      keep: (kind, name, value) => {
        kept.set(`${kind}/${name}`, structuredClone(value));
        return Promise.resolve();
      },
    },
    follow: (body) => {
      const watch = new Watch(() => closed.push(body.cursor));
      asked.push(body);
      watches.push(watch);
      return watch;
    },
    isReady: () => isReady,
    config: () => config,
    bound: () => ["a", "b"],
  });
}

const tell = (queue: string[], at = watches.length - 1): void =>
  watches[at]?.update({ queue, total: queue.length, revision: 1 });

beforeEach(() => {
  [asked, closed, watches] = [[], [], []];
  [kept, config, isReady] = [new Map<string, unknown>(), CONFIG, true];
  queues = made();
});

describe("the orders of kinds of work", () => {
  it("are followed from a kind's first call on, which goes by the order at large", () => {
    expect(queues.of({ task: "sums" })).toEqual(["a", "b"]);
    expect(asked).toEqual([{ cursor: { task: "sums" }, limit: 2, among: ["a", "b"] }]);
    tell(["b", "a"]);
    expect(queues.of({ task: "sums" })).toEqual(["b", "a"]);
    expect(asked).toHaveLength(1);
  });

  it("are asked for anew where the engine could not follow them", () => {
    void queues.of({ task: "sums" });
    watches[0]?.fail(new SporewrightError("engine", "gone"));
    expect(queues.of({ task: "sums" })).toEqual(["a", "b"]);
    expect(asked).toHaveLength(2);
  });

  it("are 32, the one called for longest ago making room", () => {
    for (let at = 0; at < 32; at++) void queues.of({ task: `kind ${at}` });
    void queues.of({ task: "kind 0" });
    expect(closed).toEqual([]);
    void queues.of({ task: "one more" });
    expect(closed).toEqual([{ task: "kind 1" }]);
  });
});

describe("the order at a call's cursor", () => {
  it("is the engine's first answer, then the last one at once, an empty one included", async () => {
    const first = queues.of({ site: "ulm" });
    tell(["b"]);
    expect(await first).toEqual(["b"]);
    expect(queues.of({ site: "ulm" })).toEqual(["b"]);
    tell([]);
    expect(queues.of({ site: "ulm" })).toEqual([]);
    expect(asked).toHaveLength(1);
  });

  it("comes with figures where they are asked for, as told, answered or stated", async () => {
    isReady = false;
    expect(queues.figures({})).toEqual({
      a: { latency: 1 },
      b: { latency: 1 },
      elsewhere: { latency: 1 },
    });
    expect(asked).toEqual([{ cursor: {}, limit: 2, among: ["a", "b"], figures: true }]);
    isReady = true;
    const first = queues.figures({});
    watches[0]?.update({ queue: ["a"], total: 1, revision: 1, figures: { a: { cost: 2 } } });
    expect(await first).toEqual({ a: { cost: 2 } });
    expect(queues.figures({})).toEqual({ a: { cost: 2 } });
    const failed = queues.figures({ site: "ulm" });
    watches[1]?.fail(new SporewrightError("timeout", "no answer"));
    expect(await failed).toHaveProperty("a");
    [config, isReady] = [null, false];
    expect(queues.figures({ site: "bonn" })).toEqual({});
  });

  it("is one whatever the order of its levels", () => {
    void queues.of({ site: "ulm", task: "sums" });
    void queues.of({ task: "sums", site: "ulm" });
    expect(asked).toHaveLength(1);
  });

  it("is what the config declares there before the engine is up, or where it fails", async () => {
    isReady = false;
    expect(queues.of({ site: "ulm" })).toEqual(["b"]);
    expect(queues.of({ site: "bonn" })).toEqual(["a", "b"]);
    isReady = true;
    const first = queues.of({ site: "ulm" });
    watches[0]?.fail(new SporewrightError("timeout", "no answer"));
    expect(await first).toEqual(["b"]);
    [config, isReady] = [null, false];
    expect(queues.of({ site: "köln" })).toEqual(["a", "b"]);
  });

  it("is remembered for the next visit, of the last 32", async () => {
    await queues.recall("here");
    for (let at = 0; at < 33; at++) {
      void queues.of({ site: `${at}` });
      tell(["b", "a"]);
    }
    [config, isReady] = [null, false];
    const next = made();
    await next.recall("here");
    expect(next.of({ site: "32" })).toEqual(["b", "a"]);
    expect(next.of({ site: "0" })).toEqual(["a", "b"]);
    tell(["a"], watches.length - 2);
    expect(next.of({ site: "32" })).toEqual(["a"]);
    const other = made();
    await other.recall("elsewhere");
    expect(other.of({ site: "32" })).toEqual(["a", "b"]);
  });

  it("does not exist for a level that the config does not have", async () => {
    expect(() => queues.of({ siet: "ulm" })).toThrow('cursor: no level "siet": did you mean "site"?');
    expect(() => queues.of({ galaxy: "ulm" })).toThrow('no level "galaxy": the levels are global, site, device');
    config = null;
    const first = queues.of({ galaxy: "ulm" });
    watches[0]?.fail(new SporewrightError("unknown-level", "galaxy"));
    await expect(first).rejects.toMatchObject({ code: "unknown-level" });
    expect(() => queues.of({ galaxy: "ulm" })).toThrow("galaxy");
    expect(asked).toHaveLength(1);
  });

  it("is not another device's", () => {
    expect(() => queues.of({ device: "other" })).toThrow('cursor: device: "other": a call is made from this device');
    isReady = false;
    expect(made({ device: "mine" }).of({ device: "mine" })).toEqual(["a", "b"]);
  });
});
