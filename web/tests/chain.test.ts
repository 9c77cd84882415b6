/** The plan's corpus of recorded traces, through the page's interpreter of it. */
import { readdirSync, readFileSync } from "node:fs";
import { resolve } from "node:path";
import { describe, expect, it } from "vitest";
import { AttemptChain, type Ending } from "../src/chain";
import { Cooldowns } from "../src/cooldown";
import type { Limits, Plan } from "../src/generated/calls";
import { PLAN } from "../src/generated/plan";

interface Trace {
  name: string;
  queue: string[];
  upstreams: string[];
  limits?: Partial<Limits>;
  cooldowns?: Record<string, number>;
  at?: number;
  events: (Ending & { at: number })[];
  expect: unknown;
}

const FOLDER = resolve(import.meta.dirname, "../../tests/routing/traces");
const TRACES = readdirSync(FOLDER)
  .filter((name) => name.endsWith(".json"))
  .map((name) => JSON.parse(readFileSync(resolve(FOLDER, name), "utf-8")) as Trace);

function run(trace: Trace): unknown {
  const plan: Plan = { ...PLAN, limits: { ...PLAN.limits, ...trace.limits } };
  const cooldowns = new Cooldowns(plan.limits);
  for (const [option, until] of Object.entries(trace.cooldowns ?? {})) cooldowns.extend(option, until);
  let now = trace.at ?? 0;
  const chain = new AttemptChain(trace.queue, new Set(trace.upstreams), { plan, cooldowns, now });
  const actions: [string, string][] = [];
  let picked = chain.pick(now);
  for (const { at, ...ending } of trace.events) {
    if (!picked) throw new Error("the trace goes on after the chain has ended");
    now = at;
    const ended = chain.ended(now, ending);
    actions.push(...ended.actions.map((action): [string, string] => [ended.option, action]));
    picked = chain.state === "PICKING" ? chain.pick(now) : null;
  }
  if (chain.state === "EXHAUSTED") actions.push(["", "give_up"]);
  return {
    attempts: chain.attempts,
    skipped: [...chain.skipped],
    end: chain.state,
    actions,
    cooldowns: cooldowns.active(now),
  };
}

describe("the attempt chain", () => {
  it("has the corpus that Python runs", () => {
    expect(TRACES.length).toBeGreaterThanOrEqual(25);
  });

  it.each(TRACES.map((trace) => [trace.name, trace] as const))("%s", (_name, trace) => {
    expect(run(trace)).toEqual(trace.expect);
  });

  it("refuses to be asked for another option while one is being called", () => {
    const cooldowns = new Cooldowns(PLAN.limits);
    const chain = new AttemptChain(["a"], new Set(["a"]), { plan: PLAN, cooldowns, now: 0 });
    chain.pick(0);
    expect(() => chain.pick(0)).toThrow(expect.objectContaining({ code: "protocol" }) as Error);
  });

  it("can be aborted between two attempts, once", () => {
    const cooldowns = new Cooldowns(PLAN.limits);
    const chain = new AttemptChain(["a"], new Set(["a"]), { plan: PLAN, cooldowns, now: 0 });
    chain.abort();
    chain.abort();
    expect(chain.state).toBe("ABORTED");
  });
});
