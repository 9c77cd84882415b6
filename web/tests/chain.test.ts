/** The plan's corpus of recorded traces, through the page's interpreter of it. */
import { readdirSync, readFileSync } from "node:fs";
import { resolve } from "node:path";
import { describe, expect, it } from "vitest";
import { AttemptChain, type CallTraits, type Decision, type Ending, type Step } from "../src/chain";
import { EVEN } from "../src/cooldown";
import type { ChainState, Limits, Outcome, Plan } from "../src/generated/calls";
import { PLAN } from "../src/generated/plan";
import { Health } from "../src/health";

interface Past {
  at: number;
  option: string;
  outcome: Outcome;
  times?: number;
  stage?: ChainState;
  first_token_s?: number;
  streaming?: boolean;
}

interface TraceEvent extends Omit<Ending, "kind"> {
  at: number;
  kind: Ending["kind"] | "opened" | "token" | "hedge" | "due" | "network" | "slept" | "rejected";
  offline?: boolean;
  gap?: number;
  attempt?: number;
  chance?: number;
  body?: "events" | "whole" | "bytes";
  finished?: boolean;
}

interface Trace {
  name: string;
  queue: string[];
  upstreams: string[];
  limits?: Partial<Limits>;
  cooldowns?: Record<string, number>;
  before?: Past[];
  call?: CallTraits;
  at?: number;
  chance?: number;
  offline?: boolean;
  events: TraceEvent[];
  expect: unknown;
}

const FOLDER = resolve(import.meta.dirname, "../../tests/routing/traces");
const TRACES = readdirSync(FOLDER)
  .filter((name) => name.endsWith(".json"))
  .map((name) => JSON.parse(readFileSync(resolve(FOLDER, name), "utf-8")) as Trace);

/** The twin of tests/routing/replay.py. */
class Replay {
  readonly #trace: Trace;
  readonly #plan: Plan;
  readonly #health: Health;
  readonly #chain: AttemptChain;
  readonly #actions: [string, string][] = [];
  readonly #waits: number[] = [];
  readonly #asks: [string, string, boolean][] = [];
  readonly #left: TraceEvent[];
  #now: number;

  constructor(trace: Trace) {
    this.#trace = trace;
    this.#plan = { ...PLAN, limits: { ...PLAN.limits, ...trace.limits } };
    this.#health = new Health(this.#plan);
    for (const [option, until] of Object.entries(trace.cooldowns ?? {})) this.#health.cooldowns.extend(option, until);
    for (const past of trace.before ?? []) this.#past(past);
    this.#now = trace.at ?? 0;
    this.#left = [...trace.events];
    const about = { plan: this.#plan, health: this.#health, now: this.#now, ...trace.call };
    this.#chain = new AttemptChain(trace.queue, new Set(trace.upstreams), about);
  }

  run(): unknown {
    const chain = this.#chain;
    if (this.#trace.offline) chain.network(true);
    this.#walk(chain.pick(this.#now, this.#trace.chance ?? EVEN), EVEN);
    for (let event = this.#left.shift(); event; event = this.#left.shift()) this.#feed(event);
    if (chain.state === "EXHAUSTED") this.#actions.push(["", "give_up"]);
    return this.#seen();
  }

  #past({ at, option, outcome, times = 1, stage = "CALLING", first_token_s, streaming = false }: Past): void {
    const actions = this.#plan.transitions[stage]?.[outcome]?.do ?? [];
    for (let time = 0; time < times; time += 1) {
      this.#health.called();
      this.#health.apply(option, actions, at, { firstToken: first_token_s, streaming });
    }
  }

  #feed({ at, kind, attempt, chance = EVEN, body, finished, offline, gap, ...ending }: TraceEvent): void {
    const chain = this.#chain;
    this.#now = at;
    let step: Step | null = null;
    if (kind === "opened") step = chain.opened(at, body ?? "bytes", attempt);
    else if (kind === "token") step = chain.token(at, attempt, finished);
    else if (kind === "network" && offline !== undefined) chain.network(offline);
    else if (kind === "slept" && gap !== undefined) chain.slept(gap);
    else if (kind === "rejected") chain.rejected(attempt ?? chain.attempts.length - 1);
    else if (kind === "hedge") this.#walk(chain.hedge(at, chance), chance);
    else if (kind === "due") {
      const number = attempt ?? chain.attempts.length - 1;
      expect(chain.due(number)).toBe(at);
      step = chain.ended(at, { kind: chain.isCut(at, number) ? "deadline" : "timeout" }, attempt, chance);
    } else step = chain.ended(at, { ...ending, kind }, attempt, chance);
    for (const action of step?.actions ?? []) this.#actions.push([step?.option ?? "", action]);
    if (chain.state === "PICKING") this.#walk(chain.pick(at, chance), chance);
  }

  #walk(first: Decision | null, chance: number): void {
    for (let decision = first; decision && decision.do !== "call";) {
      if (decision.do === "wait") {
        const next = this.#left[0];
        if (next?.kind === "network" && next.offline !== undefined && next.at <= decision.until) {
          this.#waits.push(decision.until);
          return; // woken by it
        }
        this.#now = decision.until;
        this.#waits.push(this.#now);
        decision = this.#chain.pick(this.#now, chance);
      } else {
        const granted = this.#health.permit(decision.permit, decision.option, this.#now);
        this.#asks.push([decision.permit, decision.option, granted]);
        decision = this.#chain.answered(this.#now, granted, chance);
      }
    }
  }

  #seen(): unknown {
    const chain = this.#chain;
    const states = this.#trace.queue.map((option) => [option, this.#health.breaker(option).data().state] as const);
    const rare = {
      waits: this.#waits,
      asks: this.#asks,
      breakers: Object.fromEntries(states.filter(([, state]) => state !== "closed")),
      kept: chain.kept,
      returns: chain.waitsFor,
      running: chain.running,
      blocked: Object.fromEntries(
        this.#trace.queue
          .filter((option) => this.#health.blocks.isBlocked(option, this.#now))
          .map((option) => [option, this.#health.blocks.data(option)?.reason]),
      ),
    };
    return {
      attempts: chain.attempts,
      skipped: [...chain.skipped],
      end: chain.state,
      actions: this.#actions,
      cooldowns: this.#health.cooldowns.active(this.#now),
      ...Object.fromEntries(Object.entries(rare).filter(([, value]) => value !== null && !isEmpty(value))),
    };
  }
}

function isEmpty(value: unknown): boolean {
  return typeof value === "object" && value !== null && Object.keys(value).length === 0;
}

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
