/** The plan's corpus of recorded traces, through the page's interpreter of it. */
import { readdirSync, readFileSync } from "node:fs";
import { resolve } from "node:path";
import { describe, expect, it } from "vitest";
import { AttemptChain } from "../../src/routing/attempt-chain";
import type { Decision } from "../../src/routing/decisions";
import { PLAN } from "../../src/generated/plan";
import { Health } from "../../src/routing/health";
import { Replay } from "./replay";
import type { Trace } from "./trace";

const FOLDER = resolve(import.meta.dirname, "../../../tests/routing/traces");
const TRACES = readdirSync(FOLDER)
  .filter((name) => name.endsWith(".json"))
  .map((name) => JSON.parse(readFileSync(resolve(FOLDER, name), "utf-8")) as Trace);

function chainOf(...options: string[]): AttemptChain {
  return new AttemptChain(options, new Set(options), { plan: PLAN, health: new Health(PLAN), now: 0 });
}

describe("the attempt chain", () => {
  it("has the corpus that Python runs", () => {
    expect(TRACES.length).toBeGreaterThanOrEqual(100);
  });

  it.each(TRACES.map((trace) => [trace.name, trace] as const))("%s", (_name, trace) => {
    expect(new Replay(trace).run()).toEqual(trace.expect);
  });

  it("refuses to be asked for another option while one is being called", () => {
    const chain = chainOf("a");
    chain.pick(0);
    expect(() => chain.pick(0)).toThrow(expect.objectContaining({ code: "protocol" }) as Error);
  });

  it("can be aborted between two attempts, once", () => {
    const chain = chainOf("a");
    chain.abort();
    chain.abort();
    expect(chain.state).toBe("ABORTED");
  });
});

describe("a hedge that is asked for", () => {
  function hedged(streaming: boolean): { chain: AttemptChain; ask: Decision } {
    const health = new Health(PLAN);
    for (let call = 0; call < 20; call += 1) {
      health.called();
      health.apply("a", ["pace"], 0, { firstToken: 0.1, streaming });
    }
    const about = { plan: PLAN, health, now: 0, streaming };
    const chain = new AttemptChain(["a", "b", "c"], new Set(["a", "b", "c"]), about);
    chain.pick(0);
    const ask = chain.hedge(chain.hedgeAt());
    if (ask?.do !== "ask") throw new Error("nothing was asked for");
    return { chain, ask };
  }

  it.each([true, false])("is not made once the first has won (streaming: %s)", (streaming) => {
    const { chain, ask } = hedged(streaming);
    chain.opened(0.2, streaming ? "events" : "whole");
    if (streaming) chain.token(0.2);
    expect(chain.asks(ask)).toBe(true);
    expect(chain.answered(0.3, true)).toBeNull();
    expect(chain.attempts).toEqual(["a"]);
  });

  it("is void once the first has failed: the next is picked as ever", () => {
    const { chain, ask } = hedged(false);
    chain.ended(0.3, { kind: "network" });
    expect(chain.pick(0.3)).toMatchObject({ do: "call", option: "b" });
    expect(chain.asks(ask)).toBe(false);
  });
});
