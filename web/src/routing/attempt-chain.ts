/** One routed call as a state machine without I/O: interprets the plan that Python exports (docs/reference/plan.md). */
import { ruleOf, textMatters, type Ending } from "./classify";
import { EVEN } from "./cooldown";
import { SporewrightError } from "../errors";
import type { Aside, ChainState, Outcome, Plan, Restart, Rule, Signal } from "../generated/calls";
import type { Body, CallTraits, Decision, Rationed, Step } from "./decisions";
import type { Health } from "./health";
import { FRESH, isOver, isSilent, Patience, UNANSWERED, type AttemptState } from "./patience";
import { Candidates, type Candidate, type SkipReason } from "./candidates";

/** Ends that, after a gap in the clock, are its echo: the connection did not outlive the sleep. */
const ECHOES: ReadonlySet<Ending["kind"]> = new Set(["timeout", "network", "connect", "truncated"]);
type Why = "pick" | "hedge" | "race";

/** The same rules as `sporewright/routing/attempt_chain.py`. Time is an argument, in seconds, and so is chance, in [0, 1). */
export class AttemptChain extends Patience {
  /** The attempt whose response is the caller's if nothing better comes. */
  kept: number | null = null;
  /** The time at which the first option returns, if the chain ended because all that are left are away. */
  waitsFor: number | null = null;
  /** The ends of silent attempts beside which another one was asked, and has answered. */
  readonly outrun = new Map<number, Step>();
  readonly #plan: Plan;
  readonly #judged: boolean;
  readonly #restart: Restart;
  #mayHedge: boolean;
  #mayRace = true;
  #asked: { decision: Decision; permit: Rationed; option: string; why: Why } | null = null;
  #hasWaited = false;
  #state: ChainState = "PICKING";

  constructor(
    queue: readonly string[],
    upstreams: { has(option: string): boolean },
    { plan, health, now, ...traits }: { plan: Plan; health: Health; now: number } & CallTraits,
  ) {
    const { repeatable = true, streaming = false, restart = "error", hedge = true, facts = {}, model } = traits;
    const left = new Candidates(queue, upstreams, { facts, health, limits: plan.limits, model });
    super(health, left, plan.limits, now + plan.limits.deadline_s, { streaming, repeatable });
    [this.#plan, this.#judged, this.#restart] = [plan, traits.judged ?? false, restart];
    this.#mayHedge = hedge && repeatable;
  }

  get state(): ChainState {
    return this.#state;
  }

  /** The options called, in order. */
  get attempts(): string[] {
    return this.all.map(({ option }) => option);
  }

  /** Option → reason, in the order they were passed over. */
  get skipped(): ReadonlyMap<string, SkipReason> {
    return this.left.skipped;
  }

  /** True if this attempt is the one probe of its option. */
  isProbe(attempt: number): boolean {
    return this.all[attempt]?.probe ?? false;
  }

  /** True if this attempt's duration is no measurement. */
  isUntimed(attempt: number): boolean {
    return this.all[attempt]?.untimed ?? false;
  }

  /** True if the device has no network, as far as the chain was told. */
  get isOffline(): boolean {
    return this.left.isOffline;
  }

  /** The device has lost its network, or has it again; a chain that waits for it is to be asked anew. */
  network(isOffline: boolean): void {
    this.left.network(isOffline);
  }

  /** The clock had a gap: it is taken out of all that is waited for, and how long what is under way takes is no lesson. */
  slept(gap: number): void {
    this.deadline += gap;
    for (const one of this.running.map((number) => this.underWay(number)))
      [one.began, one.heard, one.slept, one.untimed] = [one.began + gap, one.heard + gap, true, true];
  }

  /** This attempt's request waited on this side for a connection, so long; 0: it may have, nobody knows how long. */
  queued(gap: number, attempt: number): void {
    const one = this.underWay(attempt);
    [one.began, one.heard, one.untimed, one.hadAll] = [one.began + gap, one.heard + gap, true, false];
  }

  /** The next decision; null once nothing is left: the chain is EXHAUSTED, or DELIVERED with what it kept. */
  pick(now: number, chance = EVEN): Decision | null {
    if (this.#state !== "PICKING") throw new SporewrightError("protocol", `pick: the chain is ${this.#state}`);
    this.#asked = null; // a hedge that is still asked for would be beside an attempt that has ended
    const may = now < this.deadline && !this.isLast;
    let found = may ? this.left.next(now, chance) : null;
    if (!found || found.until >= this.deadline) {
      const resort = may ? this.left.lastResort(now) : null;
      if (!resort && now < this.deadline && this.left.wantsNetwork) return this.#wait(this.deadline);
      this.waitsFor = found?.until ?? null;
      found = resort;
    }
    if (!found) {
      this.#state = this.#plan.transitions.PICKING?.[this.kept === null ? "nothing_left" : "kept"]?.to ?? "EXHAUSTED";
      return null;
    }
    return found.until > now ? this.#wait(found.until) : this.#callOrAsk(found, now, "pick");
  }

  /** The time from which another option is asked beside what is under way; ∞ if never. */
  anotherAt(): number {
    return Math.min(this.hedgeAt(), this.raceAt());
  }

  /** A second call beside what is under way: a race with what is silent, where its time has come, else a hedge. */
  another(now: number, chance = EVEN): Decision | null {
    return this.raceAt() <= this.hedgeAt() ? this.race(now, chance) : this.hedge(now, chance);
  }

  /** A call beside those that are silent, if another option is free: a failover that cuts nobody off. */
  race(now: number, chance = EVEN): Decision | null {
    const found = this.silent() && now < this.deadline ? this.left.next(now, chance) : null;
    if (found && found.until <= now) return this.#callOrAsk(found, now, "race");
    this.#mayRace = this.raceAt() > now; // it would be asked for again at this very moment
    return null;
  }

  /** The time from which the call is raced; ∞ if never. */
  raceAt(): number {
    const one = this.#asked?.why === "race" ? undefined : this.silent();
    return one && this.#mayRace ? this.raceFrom(one) : Infinity;
  }

  /** A second call beside the one that is late, if there is another option for it; null: none. */
  hedge(now: number, chance = EVEN): Decision | null {
    this.#mayHedge = false;
    const found = this.left.next(now, chance);
    if (this.#asked || !this.late() || !found || found.until > now) return null;
    if (found.permit !== undefined && found.permit !== "draw") return null;
    return this.#callOrAsk({ ...found, permit: "hedge" }, now, "hedge");
  }

  /** True if an answer to this is still wanted: the attempt that it is to be beside may have ended meanwhile. */
  asks(decision: Decision): boolean {
    if (this.#asked?.decision !== decision) return false;
    return this.#asked.why !== "race" || this.silent() !== undefined;
  }

  /** The next decision, now that this was granted or refused (a draw: `until` then); null: go on without. */
  answered(now: number, granted: boolean, chance = EVEN, until = -Infinity): Decision | null {
    const asked = this.#asked;
    if (!asked) throw new SporewrightError("protocol", "answered: nothing was asked for");
    this.#asked = null;
    const { option, permit, why } = asked;
    if (why !== "pick" && !(why === "hedge" ? this.late() : this.silent())) return null; // the race is over already
    if (granted && permit !== "draw") return this.#call(option, now, why, permit === "probe");
    if (why === "hedge") return null;
    if (granted) this.left.funded(option);
    else this.left.refused(option, permit, now, until);
    return why === "race" ? this.race(now, chance) : this.pick(now, chance);
  }

  /** The state of this attempt. */
  stateOf(attempt: number): ChainState {
    return this.all[attempt]?.state ?? "PICKING";
  }

  /** The time from which a second call is worth its price: the p95 of the option that is late; ∞ if never. */
  hedgeAt(): number {
    const late = this.late();
    if (!this.#mayHedge || !late || this.#asked) return Infinity;
    const { p95 } = this.health.history(late.option, this.streaming);
    return p95 === null ? Infinity : late.began + p95;
  }

  /**
   * Good headers are in, and this kind of body follows; with `restart` buffer, bytes are held as well. Said again with
   * `bytes` of a body that has become too long to be held: it is handed over as it comes.
   */
  opened(now: number, body: Body, attempt = this.all.length - 1): Step {
    const one = this.underWay(attempt);
    if (one.state === "CALLING" && body !== "events") one.first = now - one.began;
    one.short = body === "whole";
    return this.#move(one, body === "bytes" && this.#restart === "buffer" ? "whole" : body, "ok", now);
  }

  /**
   * Something of the answer came; the first of a stream decides a race. `finished`: the answer is whole so far. Providers that
   * give each piece a finish reason take it back with the next one. `blank`: white space before an answer in one piece.
   */
  token(now: number, attempt = this.all.length - 1, finished = false, blank = false): Step | null {
    const one = this.underWay(attempt);
    [one.finished, one.begun] = [finished, one.begun || !blank];
    if (one.state === "OPENED") {
      one.first = now - one.began;
      return this.#move(one, this.#plan.restarts[this.#restart] ?? "stream", "ok", now);
    }
    // What is handed over in time, however it comes, is not held longer for what comes.
    if (!one.any || one.state !== "HOLDING") one.heard = now;
    return null;
  }

  /** Nobody wanted more of the answer meanwhile: that was no silence. */
  paused(since: number, now: number, attempt: number): void {
    const one = this.underWay(attempt);
    if (!UNANSWERED.has(one.state)) one.heard = Math.min(now, one.heard + Math.max(0, now - since));
  }

  /** End an attempt (the newest, if none is named) and carry out on the health the actions of the plan. */
  ended(now: number, ending: Ending, attempt = this.all.length - 1, chance = EVEN): Step {
    const one = this.underWay(attempt);
    const whole = one.finished && ["timeout", "network", "truncated"].includes(ending.kind);
    const { brought = false, keyed = false } = this.left.facts(one.option);
    const [fallback, judged] = [this.left.hasFailed || one.fallback, this.isJudged(one.option)];
    this.#mayRace = true;
    const full: Ending = { ...ending, stage: one.state, fallback, brought, keyed, judged };
    if (one.slept && ECHOES.has(ending.kind)) full.kind = "slept";
    // A timer may go off early: no option is picked in what little is left.
    else if (ending.kind === "deadline") this.deadline = Math.min(now, this.deadline);
    const rule = ruleOf(whole ? { kind: "complete" } : full, this.#plan);
    if (one.state === "CALLING" && rule.outcome === "ok") one.first = now - one.began;
    const step = this.#move(one, rule.outcome, rule.outcome, now, { ...ending, aside: rule.reason }, chance);
    if (one.state === "PICKING") this.#failed(attempt, step, ending, rule, now, chance);
    if (one.state === "PICKING" && step.actions.includes("keep_first") && !fallback) this.kept = attempt;
    return step;
  }

  /** The caller rejects what this attempt delivered: another option is asked, in what is left of the time. */
  rejected(attempt: number): void {
    const one = this.all[attempt];
    if (!one || (this.#state !== "DELIVERED" && this.#state !== "BODY"))
      throw new SporewrightError("protocol", `rejected: the chain is ${this.#state}`);
    for (const number of this.running) this.#end(this.underWay(number), "ABORTED");
    this.left.rejected(one.option);
    this.#state = "PICKING";
  }

  /** The caller gave up: every attempt is aborted; a chain that has ended stays as it is. */
  abort(): void {
    this.#asked = null;
    for (const number of this.running) this.#end(this.underWay(number), "ABORTED");
    if (this.#plan.transitions[this.#state]) this.#state = "ABORTED";
  }

  /** True if an answer of a certain kind is expected of this option. */
  isJudged(option: string): boolean {
    return this.left.facts(option).judged ?? this.#judged;
  }

  /** The number of the key that this attempt uses, and the number of keys that its option has. */
  keysOf(attempt: number): { key: number; keys: number } {
    const { key, option } = this.all[attempt] ?? { key: 0, option: "" };
    return { key, keys: this.left.facts(option).keys ?? 1 };
  }

  /** True if the text of a response of this status is waited for: it decides, or it may go to the caller. */
  wantsText(status: number, attempt: number): boolean {
    const rule = ruleOf({ kind: "status", status, judged: this.isJudged(this.underWay(attempt).option) }, this.#plan);
    return (
      textMatters(status, rule, this.#plan) || (this.#isUnsafe(rule) && !this.mayRepeat(this.underWay(attempt).option))
    );
  }

  #failed(attempt: number, step: Step, ending: Ending, rule: Rule, now: number, chance: number): void {
    if (step.actions.includes("put_back")) this.left.putBack(step.option, step.outcome);
    else if (step.spared) this.left.nextKey(step.option);
    else this.left.failed(step.option, step.actions, rule.retries ?? 0, now, chance);
    if (step.actions.includes("keep")) this.kept = attempt;
    if (!this.#isUnsafe(rule) || this.mayRepeat(step.option)) return;
    // It may have been carried out: what came of it is the caller's.
    this.kept = ending.kind === "status" ? attempt : null;
    this.left.close("not-repeatable");
  }

  /** True if the request may have been carried out. */
  #isUnsafe({ unsafe, outcome }: Rule): boolean {
    return unsafe ?? this.#plan.unsafe.includes(outcome);
  }

  #wait(until: number): Decision {
    this.#hasWaited = true;
    return { do: "wait", until };
  }

  #callOrAsk({ option, permit }: Candidate, now: number, why: Why): Decision {
    if (permit === undefined) return this.#call(option, now, why, false);
    const decision: Decision = { do: "ask", permit, option };
    this.#asked = { decision, permit, option, why };
    return decision;
  }

  #call(option: string, now: number, why: Why, probe: boolean): Decision {
    if (this.all.length === 0) this.health.called();
    this.left.take(option);
    this.#asked = null;
    const hadAll = this.all.length === 0 && !this.#hasWaited;
    const { any = false, keys = 1 } = this.left.facts(option);
    const key = this.health.keys.first(option, keys, now, this.left.modelOf(option));
    const fallback = why === "race";
    if (fallback) for (const number of this.running) this.underWay(number).raced = true;
    this.all.push({ ...FRESH, option, began: now, probe, fallback, key, hadAll, heard: now, any });
    if (this.#state === "PICKING") this.#state = this.#plan.transitions.PICKING?.picked?.to ?? "CALLING";
    return { do: "call", option, attempt: this.all.length - 1 };
  }

  #move(
    one: AttemptState,
    signal: Signal,
    outcome: Outcome,
    now: number,
    { retry_after_s: retryAfter, reason, aside }: Partial<Ending> & { aside?: Aside | undefined } = {},
    chance = EVEN,
  ): Step {
    const { state: stage, option } = one;
    const step = this.#plan.transitions[stage]?.[signal];
    if (!step) throw new SporewrightError("protocol", `${signal}: the attempt at ${option} is ${stage}`);
    const [{ keys }, { key }] = [this.health, one];
    const model = aside === "model" ? this.left.modelOf(option) : undefined;
    const refused = { key, keys: this.left.facts(option).keys ?? 1, reason: aside, retryAfter, chance, model };
    const spared = keys.spares(option, step.do, now, refused);
    const asked = spared ? keys.spared(step.do) : step.do;
    const actions = one.untimed ? asked.filter((action) => !this.#plan.timed.includes(action)) : asked;
    one.heard = now;
    const firstToken = one.untimed ? undefined : one.first;
    this.health.apply(option, actions, now, {
      ...{ retryAfter, firstToken, streaming: this.streaming, chance, reason, aside, key },
      model,
    });
    this.#end(one, step.to);
    if (actions.includes("win")) this.#win(one, now, chance);
    const other = step.to === "LOST" || step.to === "PICKING" ? this.running[0] : undefined;
    this.#state = other === undefined ? step.to : this.underWay(other).state;
    return { option, outcome, stage, actions, firstToken, aside, model, spared };
  }

  /** The others of the race are lost: they end without having failed, unless they were raced for their silence. */
  #win(one: AttemptState, now: number, chance: number): void {
    for (const number of this.running) {
      const other = this.underWay(number);
      if (other === one) continue;
      if (other.raced && isSilent(other) && !other.slept && !this.isOffline) {
        const { outcome } = ruleOf({ kind: this.silenceOf(other, now), stage: other.state }, this.#plan);
        this.outrun.set(number, this.#move(other, outcome, outcome, now, {}, chance));
      } else this.#end(other, "LOST");
    }
  }

  /** Into its next state; a probe that has ended leaves its place to the next one. */
  #end(one: AttemptState, state: ChainState): void {
    one.state = state;
    if (one.probe && isOver(one)) this.health.release(one.option);
  }
}
