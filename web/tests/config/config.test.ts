/** The config: where it comes from, and the order it declares. */
import { IDBFactory } from "fake-indexeddb";
import "fake-indexeddb/auto";
import { describe, expect, it, vi } from "vitest";
import { declaredOrder, fingerprint, loadConfig, plain } from "../../src/config/config";
import { Mirror } from "../../src/state/mirror";
import type { Seed, TensorConfig } from "../../src/types";
import { TestUpstream } from "../upstream";

function seed(option: string, dim: string, value: Seed["value"], more: Partial<Seed> = {}): Seed {
  return { floor: "global", level: "global", inst: "", option, dim, kind: "value", value, ...more };
}

function config(...seeds: Seed[]): TensorConfig {
  return { levels: ["global", "workspace", "device"], seeds };
}

describe("the declared order", () => {
  it("names the options as the config does, the shared slot left out (T2)", () => {
    const given = config(seed("b", "latency", 1), seed("", "latency", 1, { kind: "weight" }), seed("a", "latency", 2));
    expect(declaredOrder(given, {})).toEqual(["b", "a"]);
  });

  it("leaves out what the config itself gates at this cursor (R2, F1)", () => {
    const acme = { level: "workspace", inst: "acme" };
    const given = config(
      seed("a", "latency", 1),
      seed("a", "reach", "inf", acme),
      seed("b", "reach", "inf"),
      seed("b", "reach", 0, acme),
    );
    expect(declaredOrder(given, { workspace: "acme" })).toEqual(["b"]);
    expect(declaredOrder(given, {})).toEqual(["a"]);
  });

  it("is empty where nothing is seeded", () => {
    expect(declaredOrder({ levels: ["global"] }, {})).toEqual([]);
  });

  it("leaves out options with documents or weights alone (R1)", () => {
    const given = config(
      seed("a", "card", { b64: "" }, { kind: "bytes" }),
      seed("b", "x", 1, { kind: "option-weight" }),
    );
    expect(declaredOrder(given, {})).toEqual([]);
  });
});

describe("loading", () => {
  it.each([
    [{ chains: [] }, "config.chains: [] is not an object"],
    [{ chains: { draft: 3 } }, "config.chains.draft: 3 is not an object"],
    [{ chains: { draft: { chat: {} } } }, "config.chains.draft.chat: {} is not a list of slots"],
    [
      { chains: { draft: { chat: [{ provider: "a" }] } } },
      'config.chains.draft.chat[0]: {"provider":"a"} is not {provider, model}',
    ],
    [{ aliases: { first: 3 } }, "config.aliases.first: 3 is not a stage's key"],
  ])("names what cannot be a chain: %j (K1)", async (part, said) => {
    vi.stubGlobal("indexedDB", new IDBFactory());
    const error: unknown = await loadConfig(
      { levels: ["global"], ...part } as unknown as TensorConfig,
      new Mirror(),
    ).catch((why: unknown) => why);
    expect(error).toMatchObject({ code: "config", message: said });
  });

  it("refuses what is no config, by name", async () => {
    vi.stubGlobal("indexedDB", new IDBFactory());
    const mirror = new Mirror();
    await expect(loadConfig({} as TensorConfig, mirror)).rejects.toMatchObject({ code: "config" });
    const odd = { levels: ["global"], seeds: null } as unknown as TensorConfig;
    await expect(loadConfig(odd, mirror)).rejects.toThrow(/"seeds" is not a list/);
    for (const seeds of [[null], ["x"]] as unknown as Seed[][])
      await expect(loadConfig({ levels: ["global"], seeds }, mirror)).rejects.toMatchObject({
        code: "config",
        message: `config: seeds[0] is ${JSON.stringify(seeds[0])}, not an object`,
      });
    const strange = { levels: ["global"], pool: {} } as unknown as TensorConfig;
    await expect(loadConfig(strange, mirror)).rejects.toThrow(
      /"pool" is none of \$schema, aliases, chains, global, learning/,
    );
    await expect(loadConfig("http://[", mirror)).rejects.toThrow('config: "http://[" is no address');
    expect(await loadConfig({ levels: ["global"] }, mirror)).toEqual({ levels: ["global"] });
    await mirror.close();
  });

  it("falls back to the copy it remembers of an address that does not answer", async () => {
    vi.stubGlobal("indexedDB", new IDBFactory());
    const upstream = await TestUpstream.open("not json, for a start");
    const address = `${upstream.url}/`;
    const mirror = new Mirror();
    await expect(loadConfig(address, mirror)).rejects.toMatchObject({ code: "config" });
    await mirror.keep("config", address, config(seed("a", "latency", 1)));
    upstream.status = 500;
    expect(declaredOrder(await loadConfig(address, mirror), {})).toEqual(["a"]);
    await upstream.close();
    expect(declaredOrder(await loadConfig(new URL(address), mirror), {})).toEqual(["a"]);
    await mirror.close();
  });
});

it("spells what JSON lacks (S2)", () => {
  const { seeds } = plain(config(seed("a", "reach", Infinity), seed("a", "x", NaN)));
  expect(seeds?.map(({ value }) => value)).toEqual(["inf", "nan"]);
});

it("gives different texts different names", () => {
  const texts = ["", "a", "b", "ab", "ba", "🍄", "\u0000"];
  expect(new Set(texts.map(fingerprint)).size).toBe(texts.length);
});
