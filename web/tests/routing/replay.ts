/** One trace through the page's interpreter of the plan; the twin of `tests/routing/replay.py`. */
import type { Ending } from "../../src/routing/classify";
import type { Decision, Step } from "../../src/routing/decisions";
import { EVEN } from "../../src/routing/cooldown";
import { SporewrightError } from "../../src/errors";
import type { Action, Aside, Block, ChainState, Plan } from "../../src/generated/calls";
import { PLAN } from "../../src/generated/plan";
import { Health } from "../../src/routing/health";
import { Reported } from "./reported";
import type { Called, Past, Trace, TraceEvent } from "./trace";
import { RecordedChain } from "../../src/routing/recording";

const ASIDES: readonly (string | undefined)[] = ["key", "credit", "quota", "region", "model"] satisfies Aside[];

function isAside(reason: Block | Aside | undefined): reason is Aside {
  return ASIDES.includes(reason);
}

const OVER: readonly ChainState[] = ["BROKEN", "ABORTED", "EXHAUSTED"];
/** Events that say nothing to a call that waits: it goes on waiting. */
const BESIDE: readonly string[] = ["told", "beside", "permit", "release", "changed", "slept"];
/** Whether the text of a response is waited for is asked of these, one a step. */
const STATUSES = [0, 200, 400, 401, 403, 404, 413, 422, 429, 500, 503];

export class Replay {
  /** What there was to read after each event, where it is `watched`. */
  readonly steps: unknown[] = [];
  readonly reported: Reported;
  /** Of each call, what a receipt says of it. */
  readonly #receipts: Record<string, unknown>[] = [];
  readonly #trace: Trace;
  readonly #allowances: ReadonlyMap<string, number>;
  readonly #watched: boolean;
  readonly #plan: Plan;
  readonly #health: Health;
  readonly #options: string[];
  readonly #actions: [string, string][] = [];
  readonly #waits: number[] = [];
  readonly #asks: [string, string, boolean][] = [];
  #chain: RecordedChain;
  #now: number;
  #waiting: number | null = null;
  #asked: (Decision & { do: "ask" }) | null = null;
  #isBeside = false; // it is for an attempt beside others, which go on meanwhile
  #decided: unknown[] = [];
  #chance = EVEN;

  constructor(trace: Trace, { watched = false } = {}) {
    [this.#trace, this.#watched] = [trace, watched];
    this.#allowances = new Map(Object.entries(trace.allowances ?? {}));
    this.#plan = { ...PLAN, limits: { ...PLAN.limits, ...trace.limits } };
    [this.#health, this.#options] = [new Health(this.#plan), [...new Set(trace.queue)]];
    for (const [option, until] of Object.entries(trace.cooldowns ?? {})) this.#health.cooldowns.extend(option, until);
    for (const past of trace.before ?? []) this.#past(past);
    this.#now = trace.at ?? 0;
    this.reported = new Reported(this.#health, this.#plan, trace.task);
    this.#chain = this.#called(trace);
  }

  /** Feed every event; between two, do what the chain decides at once. */
  run(): unknown {
    this.#first(this.#trace);
    this.#note("begin", null);
    for (const event of this.#trace.events) this.#feed(event);
    if (this.#asked === null) this.#waitOut();
    if (this.#chain.state === "EXHAUSTED") this.#actions.push(["", "give_up"]);
    if (this.#watched) {
      this.#note("end", null);
      this.steps.push(this.#options.map((option) => this.#known(option)));
    }
    return this.#seen();
  }

  /** The receipts of those calls that refused nothing, as they stand, and where their chains do. */
  written(): unknown[] {
    return this.#receipts.map(({ chain, ...receipt }) => {
      const { attempts, running, skipped, state } = chain as RecordedChain;
      const ended = attempts.filter((_, number) => !running.includes(number));
      const entries = [...skipped].map(([option, reason]) => ({ option, reason }));
      return { ...receipt, attempts: ended.map((option) => ({ option })), skipped: entries, state };
    });
  }

  /** How many retries and hedges there are to be had, now and a while later; takes them. */
  budgets(): number[] {
    const counts: number[] = [];
    for (const at of [this.#now, this.#now + 7.5])
      for (const kind of ["retry", "hedge"] as const) {
        let count = 0;
        while (count < 40 && this.#health.permit(kind, "", at)) count += 1;
        counts.push(count);
      }
    return counts;
  }

  #past({ at, option, outcome, times = 1, stage = "CALLING", ...more }: Past): void {
    let actions: readonly Action[] = this.#plan.transitions[stage]?.[outcome]?.do ?? [];
    const { key = 0, keys = 1, model } = more;
    const { first_token_s: firstToken, retry_after_s: retryAfter, streaming = false, chance = EVEN, reason } = more;
    for (let time = 0; time < times; time += 1) {
      this.#health.called();
      const [aside, block] = isAside(reason) ? [reason, undefined] : [undefined, reason];
      if (this.#health.keys.spares(option, actions, at, { key, keys, reason: aside, retryAfter, chance, model }))
        actions = this.#health.keys.spared(actions);
      const evidence = { firstToken, retryAfter, streaming, chance, reason: block, aside, key, model };
      this.#health.apply(option, actions, at, evidence);
    }
  }

  #called({ queue, upstreams, call }: Called): RecordedChain {
    const about = { plan: this.#plan, health: this.#health, now: this.#now, ...call };
    const chain = new RecordedChain(queue, new Set(upstreams), about);
    this.reported.starts(chain, call?.streaming);
    const { facts = {}, ...traits } = call ?? {};
    const [limits, plan] = [this.#trace.limits ?? {}, this.#plan.version];
    const asked = { version: 1, plan, at: this.#now, queue, upstreams, traits, facts, limits, known: null };
    this.#receipts.push({ ...asked, log: chain.log, chain });
    return chain;
  }

  #first({ offline, chance = EVEN }: Called): void {
    if (offline) this.#chain.network(true);
    this.#walk(this.#chain.pick(this.#now, chance));
  }

  #feed(event: TraceEvent): void {
    const { at, kind, chance = EVEN } = event;
    const wakes = kind === "stop" || (kind === "network" && event.offline !== undefined) || BESIDE.includes(kind);
    if (this.#waiting !== null && !(wakes && at <= this.#waiting)) this.#waitOut();
    if (!this.#watched) {
      if (OVER.includes(this.#chain.state) && kind !== "call") throw new Error("the trace goes on after the end");
      if (this.#chain.state === "DELIVERED" && kind !== "rejected" && kind !== "call")
        throw new Error("it goes on after the answer");
    }
    this.#now = at;
    let step: Step | null = null;
    const { outrun, running, attempts } = this.#chain;
    const [before, attempt] = [outrun.size, event.attempt ?? attempts.length - 1];
    try {
      step = this.#tell(event);
      if (step) this.reported.step(at, attempt, step, [event, endingIn(event)], running);
      for (const each of step ? [step, ...[...outrun.values()].slice(before)] : [])
        for (const action of each.actions) this.#actions.push([each.option, action]);
      const waits = this.#waiting !== null && BESIDE.includes(kind);
      const still = waits || (this.#asked !== null && !this.#isBeside);
      if (this.#chain.state === "PICKING" && !still) {
        this.#waiting = null;
        this.#walk(this.#chain.pick(this.#now, chance), chance);
      }
    } catch (error) {
      if (!this.#watched || !(error instanceof SporewrightError)) throw error;
      this.#decided.push(["refused", error.code]);
      // What it refused is in its log.
      if (this.#receipts.at(-1)?.["chain"] === this.#chain) this.#receipts.pop();
    }
    if (this.#chain.state !== "PICKING") this.#waiting = null;
    this.#note(kind, step);
  }

  #tell(event: TraceEvent): Step | null {
    const chain = this.#chain;
    const { kind, attempt, chance = EVEN, at: now } = event;
    const newest = attempt ?? chain.attempts.length - 1;
    if (kind === "opened") return chain.opened(now, event.body ?? "bytes", attempt);
    if (kind === "token") return chain.token(now, attempt, event.finished, event.blank);
    if (kind === "due") {
      if (!this.#watched && chain.due(newest) !== now) throw new Error(`it is due at ${chain.due(newest)}`);
      if (chain.handsOver(newest)) return chain.opened(now, "bytes", attempt);
      return chain.ended(now, { kind: chain.isCut(now, newest) ? "deadline" : "timeout" }, attempt, chance);
    }
    if (kind === "race" && !this.#watched && chain.raceAt() > now) throw new Error(`it is raced at ${chain.raceAt()}`);
    if (kind === "hedge") this.#walk(chain.hedge(now, chance), chance);
    else if (kind === "race") this.#walk(chain.race(now, chance), chance);
    else if (kind === "answered") {
      const [asked, { granted = false, until }] = [this.#asked, event];
      this.#asked = null;
      if (asked && chain.asks(asked)) this.#walk(chain.answered(now, granted, chance, until), chance);
    } else if (kind === "rejected") {
      const { running } = chain;
      chain.rejected(newest);
      this.reported.givesUp(now, running);
    } else if (kind === "queued") chain.queued(event.gap ?? 0, newest);
    else if (kind === "paused") chain.paused(event.since ?? now, now, newest);
    else if (kind === "stop") {
      this.#asked = null;
      this.#abort();
    } else if (!this.#happens(event)) return chain.ended(now, endingIn(event), attempt, chance);
    return null;
  }

  /** What is not said of one attempt; false if it is. */
  #happens(event: TraceEvent): boolean {
    const { kind, at, option = "" } = event;
    if (kind === "network" && event.offline !== undefined) this.#chain.network(event.offline);
    else if (kind === "slept" && event.gap !== undefined) this.#chain.slept(event.gap);
    else if (kind === "told" && event.health) this.#health.told(event.health);
    else if (kind === "beside") this.#past(event as Past);
    else if (kind === "permit")
      this.#decided.push(["permit", this.#health.permit(event.permit ?? "probe", option, at)]);
    else if (kind === "release") this.#health.release(option);
    else if (kind === "changed") this.#health.changed(option);
    else if (kind === "call") {
      this.#abort();
      [this.#asked, this.#waiting] = [null, null];
      this.#chain = this.#called(event as Called);
      this.#first(event as Called);
    } else return false;
    return true;
  }

  #abort(): void {
    const { running } = this.#chain;
    this.#chain.abort();
    this.reported.givesUp(this.#now, running);
  }

  /** Nothing wakes it: the time is over, and what is next is decided by the chance of before. */
  #waitOut(): void {
    while (this.#waiting !== null) {
      [this.#now, this.#waiting] = [this.#waiting, null];
      this.#walk(this.#chain.pick(this.#now, this.#chance), this.#chance);
    }
  }

  /** Ask until a call is under way, the chain waits or nothing is left. */
  #walk(decision: Decision | null, chance = EVEN): void {
    this.#chance = chance;
    while (decision?.do === "ask") {
      const { permit, option } = decision;
      if (this.#trace.asks === "told") {
        [this.#asked, this.#isBeside] = [decision, this.#chain.state !== "PICKING"];
        return void this.#decided.push(["ask", permit, option]);
      }
      const until = (permit === "draw" && this.#allowances.get(option)) || -Infinity;
      const granted = permit === "draw" ? until <= this.#now : this.#health.permit(permit, option, this.#now);
      this.#asks.push([permit, option, granted]);
      decision = this.#chain.answered(this.#now, granted, chance, until);
    }
    if (decision?.do === "wait") {
      this.#waits.push((this.#waiting = decision.until));
      this.#decided.push(["wait", decision.until]);
    } else if (decision) {
      this.reported.calls(this.#now, decision.attempt);
      this.#decided.push(["call", decision.option, decision.attempt]);
    }
  }

  /** One step: what was decided, what an end meant, and all there is to read now. */
  #note(kind: string, step: Step | null): void {
    const decided = this.#decided;
    this.#decided = [];
    if (!this.#watched) return;
    const { option, outcome, stage, actions, firstToken, aside = null, model = null, spared } = step ?? {};
    const told = step && [option, outcome, stage, actions, number(firstToken), aside, model, spared];
    const chain = this.#chain;
    const attempts = chain.running.map((attempt) => [
      attempt,
      chain.stateOf(attempt),
      number(chain.due(attempt)),
      chain.isPast(this.#now, attempt),
      chain.isCut(this.#now, attempt),
      chain.handsOver(attempt),
      chain.outstays(this.#now, attempt),
      chain.verdictSeconds(this.#now, attempt),
      chain.isProbe(attempt),
      chain.isUntimed(attempt),
      Object.values(chain.keysOf(attempt)),
      chain.wantsText(STATUSES[this.steps.length % STATUSES.length] ?? 0, attempt),
    ]);
    this.steps.push([
      [kind],
      this.#now,
      decided,
      told,
      chain.state,
      chain.attempts,
      attempts,
      number(chain.hedgeAt()),
      number(chain.raceAt()),
      [...chain.outrun].map(([attempt, { outcome, stage, actions }]) => [attempt, outcome, stage, actions]),
      [...chain.skipped],
      chain.kept,
      number(chain.waitsFor),
      chain.isOffline,
      this.reported.fresh(),
      this.#known(this.#options[this.steps.length % this.#options.length] ?? ""),
    ]);
  }

  #known(option: string): unknown[] {
    const [health, now] = [this.#health, this.#now];
    const [blocked, aside] = [health.blocks.data(option), health.asides.data(option)];
    const { state, until, since } = health.breaker(option).data();
    return [
      number(health.cooldowns.until(option)),
      blocked && [blocked.reason, blocked.until],
      [state, until, since],
      aside && [aside.reason, aside.until, aside.model ?? null],
      health.keys.data(option).map((one) => [one.key, one.until, one.reason ?? null]),
      health.history(option, true).p95,
      health.history(option, false).p95,
      health.history(option, true).firstToken,
      health.admits(option, now, 0.2, "m"),
      number(health.returns(option, now)),
    ];
  }

  #seen(): unknown {
    const chain = this.#chain;
    const states = this.#options.map((option) => [option, this.#health.breaker(option).data().state] as const);
    const rare = {
      waits: this.#waits,
      asks: this.#asks,
      breakers: Object.fromEntries(states.filter(([, state]) => state !== "closed")),
      kept: chain.kept,
      returns: chain.waitsFor,
      running: chain.running,
      aside: Object.fromEntries(
        this.#options
          .map((option) => [option, this.#health.asides.data(option)] as const)
          .filter(([, data]) => data && this.#now < data.until)
          .map(([option, data]) => [option, data?.reason]),
      ),
      keys: Object.fromEntries(
        this.#options
          .map((option) => [option, this.#health.keys.data(option)] as const)
          .filter(([, keys]) => keys.length > 0),
      ),
      blocked: Object.fromEntries(
        this.#options
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

function endingIn({ kind, status, retry_after_s, says, reason }: TraceEvent): Ending {
  const ending = { kind, status, retry_after_s, says, reason };
  return Object.fromEntries(Object.entries(ending).filter(([, said]) => said !== undefined)) as unknown as Ending;
}

function isEmpty(value: unknown): boolean {
  return typeof value === "object" && value !== null && Object.keys(value).length === 0;
}

/** A number as JSON can say it. */
function number(x: number | null | undefined): number | string | null {
  return x === null || x === undefined ? null : Number.isFinite(x) ? x : String(x);
}
