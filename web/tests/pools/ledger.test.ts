/** Pools: the corpus that Python runs, too; what a config may say; time zones of the browser. */
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { describe, expect, it } from "vitest";
import { loadConfig } from "../../src/config";
import { repeatedKey } from "../../src/config/repeated-key";
import { turnAfter } from "../../src/pools/calendar";
import { byCodePoint, poolsOf } from "../../src/pools/declared";
import { Ledger } from "../../src/pools/ledger";
import { isZone, zoneTable } from "../../src/pools/zones";
import { run, type Script } from "./script";

const CASES = JSON.parse(
  readFileSync(resolve(import.meta.dirname, "../../../tests/pools/cases.json"), "utf-8"),
) as (Script & { name: string; expect: unknown[] })[];
const GOOD = { unit: "requests", cap: 30, window: 60, options: ["groq"] };
const KEPT = { recall: () => Promise.resolve(undefined), keep: () => Promise.resolve() };

describe("a ledger", () => {
  it.each(CASES.map((each) => [each.name, each] as const))("%s", (_, { expect: wanted, ...script }) => {
    const found = run(script).map((step) => {
      const [said, , state] = step as unknown[];
      return [said, state];
    });
    expect(found).toEqual(wanted);
  });

  it("admits within 5 µs for 5 pools an option", () => {
    const kinds = [{ window: 60 }, { window: 3600 }, { window: "day" }, { window: "month" }];
    const bodies = kinds.map((kind, at) => [`p${at}`, { unit: "tokens", cap: 1e9, options: ["a"], ...kind }]);
    const flight = ["flight", { unit: "concurrent", cap: 100, options: ["a"] }];
    const ledger = new Ledger(poolsOf(Object.fromEntries([...bodies, flight])), new Map(), 1e9);
    const needs = ledger.estimate("a", {});
    const rounds = 20_000;
    const best = [1, 2, 3, 4, 5].map((run) => {
      const began = performance.now();
      for (let at = 0; at < rounds; at += 1) ledger.admits("a", needs, 1e9 + run + at * 1e-5);
      return ((performance.now() - began) * 1000) / rounds;
    });
    expect(Math.min(...best)).toBeLessThan(5);
  });
});

describe("pools of a config", () => {
  it.each([
    [{ cap: 0 }, "config.pools.p.cap: 0 is not a finite number above 0"],
    [{ cap: Infinity }, "config.pools.p.cap: Infinity is not a finite number above 0"],
    [{ cap: NaN }, "config.pools.p.cap: NaN is not a finite number above 0"],
    [{ cap: true }, "config.pools.p.cap: true is not a number"],
    [{ cap: 2.5 }, "config.pools.p.cap: 2.5: requests are counted in whole ones"],
    [{ cap: 1e300 }, "config.pools.p.cap: 1e+300 is more than 1125899906842623 requests"],
    [{ unit: "usd", cap: 1e-12 }, "config.pools.p.cap: 1e-12 is less than a 1000000000th"],
    [{ unit: "request" }, /p\.unit: "request" is none of requests, .*; did you mean "requests"\?$/],
    [{ window: "days" }, /p\.window: "days" is none of hour, .*; did you mean "day"\?$/],
    [{ window: undefined }, /p\.window: a window that never turns: give seconds, or one of hour, day, week, month$/],
    [{ window: 1e9 }, "config.pools.p.window: 1000000000 is not a number of seconds from 0.001 to 31622400"],
    [{ unit: "concurrent" }, "config.pools.p.window: 60: calls in flight have no window, they end"],
    [{ tz: "UTC" }, /p\.tz: "UTC": only a window of hour, day, week, month has a time zone$/],
    [{ window: "day", tz: "Mars/Base" }, 'config.pools.p.tz: "Mars/Base" is not a time zone, as "Europe/Vienna" is'],
    [{ hard: 1 }, "config.pools.p.hard: 1 is neither true nor false"],
    [{ options: [] }, "config.pools.p.options: [] is not a list of options"],
    [{ options: [""] }, 'config.pools.p.options[0]: "" is not the name of an option'],
    [{ options: ["grok"] }, 'config.pools.p.options[0]: there is no option "grok"; did you mean "groq"?'],
    [{ windows: 3 }, /p: "windows" is none of unit, cap, .*; did you mean "window"\?$/],
  ])("%j is refused by name", (change, says) => {
    expect(() => poolsOf({ p: { ...GOOD, ...change } }, { options: new Set(["groq"]), isZone })).toThrow(says);
  });

  it.each([
    [3, "config.pools: 3 is not an object"],
    [{ p: 3 }, "config.pools.p: 3 is not an object"],
    [{ "": GOOD }, 'config.pools: "" is not the name of a pool'],
  ])("%j is none", (data, says) => {
    expect(() => poolsOf(data)).toThrow(says);
  });

  it("are none where none are declared", () => {
    expect(poolsOf(undefined).size).toBe(0);
  });

  it("name options of the config, and are checked before anything starts", async () => {
    const seeds = [
      { floor: "global", level: "global", inst: "", option: "a", dim: "latency", kind: "value" as const, value: 1 },
    ];
    const config = { levels: ["global"], seeds, pools: { p: { ...GOOD, unit: "requests" as const, options: ["b"] } } };

    await expect(loadConfig(config, KEPT)).rejects.toThrow('config.pools.p.options[0]: there is no option "b"');
  });
});

describe("a name that is there twice", () => {
  it.each([
    ['{"pools": {"p": {"cap": 1}, "p": {"cap": 2}}}', '"p"'],
    ['{"a": ["x", "x"], "b": {"x": 1}, "c": {"x": "}{\\":", "y": [{"x": 1}, {"x": 2}]}}', undefined],
    ['{"a": 1, "\\u0061": 2}', '"\\u0061"'],
    ["[]", undefined],
  ])("%s", (text, found) => {
    expect(repeatedKey(text)).toBe(found);
  });
});

describe("time zones", () => {
  it("are those of the browser", () => {
    expect(["Europe/Vienna", "UTC", "Mars/Base", ""].map(isZone)).toEqual([true, true, false, false]);
  });

  it("change their clocks to the second", () => {
    const table = zoneTable("Europe/Vienna", Date.UTC(2026, 2, 1) / 1000);
    expect(table).toContainEqual([Date.UTC(2026, 2, 29, 1) / 1000, 7200]);
    expect(table).toContainEqual([Date.UTC(2025, 9, 26, 1) / 1000, 3600]);
    expect(table).toHaveLength(12);
    expect(turnAfter(Date.UTC(2026, 2, 28, 23) / 1000, "day", table)).toBe(Date.UTC(2026, 2, 29, 22) / 1000);
  });
});

describe("names", () => {
  it("are in the order of their code points", () => {
    expect(["\uFF5E", "\u{1F600}", "b", "ab", "a"].sort(byCodePoint)).toEqual(["a", "ab", "b", "\uFF5E", "\u{1F600}"]);
  });
});
