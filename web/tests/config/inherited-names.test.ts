/** Options and levels may have the names of what every object inherits: nothing is found that was not put there, and nothing is lost. */
import "fake-indexeddb/auto";
import { afterEach, describe, expect, it, vi } from "vitest";
import { declaredOrder } from "../../src/config/config";
import { Cooldowns } from "../../src/routing/cooldown";
import { RoutedFetch } from "../../src/call/fetch";
import { PLAN } from "../../src/generated/plan";
import { Health } from "../../src/routing/health";
import { settingsOf } from "../../src/config/options";
import { tableOf } from "../../src/base/table";
import type { Seed, Upstream } from "../../src/types";
import { contextOf } from "../context";

const NAMES = ["__proto__", "constructor", "toString", ""];
const NOW = 1_790_000_000;

const seed = (option: string, level = "global"): Seed => ({
  ...{ floor: level, level, inst: "", option, dim: "latency", kind: "value", value: 1 },
});

afterEach(() => {
  vi.unstubAllGlobals();
});

describe.each(NAMES)("an option called %j", (name) => {
  const upstreams = tableOf<Upstream>([[name, { url: "https://one.test/v1", model: "m" }]]);

  it("is an upstream like any other", () => {
    const { upstreams: kept, bases } = settingsOf({ config: { levels: ["global"] }, upstreams, runtime: "http://h/" });
    expect(Object.keys(kept)).toEqual([name]);
    expect(kept[name]).toEqual({ url: "https://one.test/v1", model: "m" });
    expect(bases.get(name)?.href).toBe("https://one.test/v1");
  });

  it("is seen as it stands: gated, cooling down, its breaker open", () => {
    const health = new Health(PLAN);
    health.apply(name, ["cool_down", "trip", "gate"], NOW, { retryAfter: 60, reason: "client" });
    for (let more = 0; more < PLAN.limits.breaker_failures; more += 1) health.apply(name, ["trip"], NOW);
    const seen = health.seen([name, "other"]);
    expect(Object.keys(seen)).toEqual([name]);
    expect(Object.keys(seen[name] ?? {}).sort()).toEqual(["blocked", "breaker", "cooling_until"]);
    const cooldowns = new Cooldowns(PLAN.limits);
    cooldowns.extend(name, NOW + 5);
    expect(Object.entries(cooldowns.active(NOW))).toEqual([[name, NOW + 5]]);
  });

  it("answers a call, and its receipt names it", async () => {
    vi.stubGlobal("fetch", () => Promise.resolve(new Response("hello")));
    const routed = new RoutedFetch(contextOf(upstreams));
    const response = await routed.fetch("/x");
    expect(await response.text()).toBe("hello");
    const receipt = routed.receipt(response);
    expect(receipt?.option).toBe(name);
    expect(JSON.parse(JSON.stringify(receipt?.facts))).toEqual(tableOf([[name, { model: "m", any: true }]]));
  });

  it("that nobody can call is skipped, not found among what objects inherit", async () => {
    const routed = new RoutedFetch(contextOf({}, { queue: () => [name] }));
    await expect(routed.fetch("/x")).rejects.toMatchObject({ code: "exhausted", skipped: [{ option: name }] });
  });
});

it.each(NAMES.slice(0, 3))("a level called %j has no instance where the cursor names none", (level) => {
  expect(declaredOrder({ levels: ["global", level], seeds: [seed("a", level)] }, {})).toEqual(["a"]);
});
