/** The options that a call has left, and which of them is next: in place, in order, or the first to return. */
import type { Action, Facts, Limits, Outcome } from "../generated/calls";
import type { Rationed } from "./decisions";
import type { Admits, Health } from "./health";

export type SkipReason =
  | "no-upstream"
  | "blocked"
  | "offline"
  | "cooling-down"
  | "open"
  | "probing"
  | "ramping"
  | "set-aside"
  | "rejected"
  | "no-allowance"
  | "not-repeatable";

/** An option, when it may be called, and what has to be asked for first. */
export interface Candidate {
  option: string;
  until: number;
  permit?: Rationed;
}

const REASONS: Record<Exclude<Admits, "yes">, SkipReason> = {
  blocked: "blocked",
  "cooling-down": "cooling-down",
  open: "open",
  ask: "probing",
  ramping: "ramping",
  "set-aside": "set-aside",
};

/** The least pause after a permit was refused, where `backoff_s` is less. */
const ASK_AGAIN_S = 0.001;

/** The same rules as `sporewright/routing/candidates.py`. */
export class Candidates {
  /** Option → reason, in the order they were passed over. */
  readonly skipped = new Map<string, SkipReason>();
  hasFailed = false;
  /** Only options on this machine can be reached. */
  isOffline = false;
  /** Of those, the ones that turned out not to be. */
  readonly #stranded = new Set<string>();
  readonly #upstreams: { has(option: string): boolean };
  readonly #facts: Readonly<Record<string, Facts>>;
  readonly #health: Health;
  readonly #limits: Limits;
  readonly #model: string | undefined;
  readonly #queue: readonly string[];
  #untried: Set<string>;
  /** Tried before and may be asked again, not before this time. */
  readonly #again = new Map<string, number>();
  readonly #tries = new Map<string, number>();
  /** Options whose probe is out: not asked about again before this time. */
  readonly #busy = new Map<string, number>();
  /** Options whose pools do not cover a draw before this time. */
  readonly #unfunded = new Map<string, number>();
  /** Options whose draw was granted, and not used yet. */
  readonly #funded = new Set<string>();
  #inPlace: { option: string; until: number } | null = null;
  #retries: number;

  constructor(
    queue: readonly string[],
    upstreams: { has(option: string): boolean },
    {
      facts,
      health,
      limits,
      model,
    }: { facts: Readonly<Record<string, Facts>>; health: Health; limits: Limits; model?: string | undefined },
  ) {
    this.#model = model;
    [this.#queue, this.#upstreams, this.#facts] = [queue, upstreams, facts];
    this.#untried = new Set(queue);
    [this.#health, this.#limits, this.#retries] = [health, limits, limits.retries];
  }

  /** The retry in place, else the first in order that admits a call, else the first to return; null: nobody. */
  next(now: number, chance: number): Candidate | null {
    return this.#paid(this.#next(now, chance));
  }

  /** An option that draws on pools is asked for its draw first (P3). */
  #paid(found: Candidate | null): Candidate | null {
    if (!found || this.#funded.has(found.option) || !this.facts(found.option).pooled) return found;
    return { ...found, permit: "draw" };
  }

  #lacks(option: string, now: number): boolean {
    return (this.#unfunded.get(option) ?? -Infinity) > now;
  }

  #next(now: number, chance: number): Candidate | null {
    if (this.#inPlace) {
      const { option, until } = this.#inPlace;
      const may = this.#isNear(option) && !this.#lacks(option, until);
      if (may && this.#admits(option, now, 0) === "yes") return { option, until, permit: "retry" };
      this.#inPlace = null;
    }
    let turnedAway: string | undefined;
    for (const option of this.#untried) {
      if (!this.#upstreams.has(option)) {
        this.#skip(option, "no-upstream");
        continue;
      }
      if (!this.#isNear(option)) {
        this.#skip(option, "offline");
        continue;
      }
      if (this.#lacks(option, now)) {
        this.#skip(option, "no-allowance");
        continue;
      }
      const admits = this.#admits(option, now, chance);
      if (admits === "yes") return { option, until: now };
      if (admits === "ask" && this.#busyUntil(option) <= now) return { option, until: now, permit: "probe" };
      this.#skip(option, REASONS[admits]);
      if (admits === "ramping") turnedAway ??= option;
    }
    return turnedAway === undefined ? this.#firstToReturn(now, chance) : { option: turnedAway, until: now };
  }

  /** The first of those set aside: where nobody else is left its own refusal says more than silence would. */
  lastResort(now: number): Candidate | null {
    for (const option of this.#untried)
      if (this.#isOpen(option, now) && this.#admits(option, now, 0) === "set-aside")
        return this.#paid({ option, until: now });
    return null;
  }

  /** True if an option that has not been asked could be asked at that time, as far as is known now. */
  isAnotherReady(at: number): boolean {
    return [...this.#untried].some(
      (option) => this.#isOpen(option, at) && this.#health.isReady(option, at, this.modelOf(option)),
    );
  }

  /** The time, from `at` on, at which `next` has an option that may be asked, as far as is known now; ∞ if none. */
  freeFrom(at: number): number {
    if (this.#inPlace) {
      const [{ option }, until] = [this.#inPlace, Math.max(at, this.#inPlace.until)];
      if (this.#isOpen(option, until) && this.#health.isReady(option, until, this.modelOf(option))) return until;
    }
    const again: ReadonlyMap<string, number> = this.#retries > 0 ? this.#again : new Map();
    const free = [...this.#untried, ...again.keys()]
      .filter((option) => this.#upstreams.has(option) && this.#isNear(option))
      .map((option) =>
        Math.max(
          again.get(option) ?? at,
          this.#busyUntil(option),
          this.#unfunded.get(option) ?? at,
          this.#health.freeFrom(option, at, this.modelOf(option)),
        ),
      );
    return Math.min(...free, Infinity);
  }

  #isOpen(option: string, at: number): boolean {
    return this.#upstreams.has(option) && this.#isNear(option) && !this.#lacks(option, at);
  }

  /** The facts declared about an option. */
  facts(option: string): Facts {
    // Names are any text: "constructor" is something that every object has.
    return Object.hasOwn(this.#facts, option) ? (this.#facts[option] ?? {}) : {};
  }

  /** The model that a call asks of this option: its own, else the request's. */
  modelOf(option: string): string | undefined {
    return this.facts(option).model ?? this.#model;
  }

  /** Another key of this one may be used: it has its place in line again. */
  nextKey(option: string): void {
    this.#untried = new Set(this.#queue.filter((each) => each === option || this.#untried.has(each)));
  }

  /** This one is called now. */
  take(option: string): void {
    if (!this.#untried.delete(option)) this.#retries -= 1;
    this.#inPlace = null;
    this.#funded.delete(option);
    this.#again.delete(option);
    this.skipped.delete(option);
    this.#tries.set(option, (this.#tries.get(option) ?? 0) + 1);
  }

  /** Its draw is granted: it may be called. */
  funded(option: string): void {
    this.#funded.add(option);
  }

  /** Refused: no retries in this call, another call has the probe, or no pool covers a draw before `until`. */
  refused(option: string, permit: Rationed, now: number, until = -Infinity): void {
    if (permit === "draw") {
      this.#skip(option, "no-allowance");
      this.#unfunded.set(option, Math.max(until, now + ASK_AGAIN_S));
    } else if (permit === "probe") {
      this.#skip(option, REASONS.ask);
      // Without a pause it would be asked for again at this very moment, without end.
      this.#busy.set(option, now + Math.max(this.#limits.backoff_s, ASK_AGAIN_S));
    } else [this.#retries, this.#inPlace] = [0, null];
  }

  /** An attempt there has failed; what its transition allows from here on. */
  failed(option: string, actions: readonly Action[], retries: number, now: number, chance: number): void {
    this.hasFailed = true;
    const tries = this.#tries.get(option) ?? 0;
    const { backoff_s, backoff_cap_s } = this.#limits;
    const until = now + chance * Math.min(backoff_s * 2 ** tries, backoff_cap_s);
    if (actions.includes("retry") && tries <= retries && this.#retries > 0) this.#inPlace = { option, until };
    if (actions.includes("again")) this.#again.set(option, until);
    if (actions.includes("larger")) this.#keepLargerThan(option);
  }

  /** Nobody else may be asked. */
  close(reason: SkipReason): void {
    for (const option of this.#untried) this.#skip(option, reason);
    this.#untried = new Set();
    this.#again.clear();
    this.#inPlace = null;
  }

  /** True if an option could be asked if there were a network. */
  get wantsNetwork(): boolean {
    const some = [...this.#untried].some((option) => this.#upstreams.has(option));
    return this.isOffline && (some || (this.#retries > 0 && this.#again.size > 0));
  }

  /** The device has lost its network, or has it again. */
  network(isOffline: boolean): void {
    this.isOffline = isOffline;
    this.#stranded.clear();
  }

  /** It is as if this one had not been asked: it has its place in line again. */
  putBack(option: string, outcome: Outcome): void {
    this.nextKey(option);
    this.#tries.set(option, (this.#tries.get(option) ?? 1) - 1);
    if (outcome === "offline") this.#stranded.add(option);
  }

  /** Its answer will not do: it is passed over, and the next one is a fallback. */
  rejected(option: string): void {
    this.skipped.set(option, "rejected");
    this.hasFailed = true;
  }

  #isNear(option: string): boolean {
    return !this.isOffline || ((this.facts(option).local ?? false) && !this.#stranded.has(option));
  }

  #admits(option: string, now: number, chance: number): Admits {
    return this.#health.admits(option, now, chance, this.modelOf(option));
  }

  #firstToReturn(now: number, chance: number): Candidate | null {
    const waiting = new Map<string, number>();
    for (const option of this.#untried)
      if (this.#upstreams.has(option)) waiting.set(option, this.#returns(option, now));
    if (this.#retries > 0)
      for (const [option, at] of this.#again) waiting.set(option, Math.max(at, this.#returns(option, now)));
    let first: [option: string, until: number] | undefined;
    for (const entry of waiting) {
      // No call waits for a gate or a key: what keeps a call from an option so rarely goes away while the call lasts.
      if (entry[1] === Infinity || !this.#isNear(entry[0])) continue;
      if (["blocked", "set-aside"].includes(this.#admits(entry[0], now, 0))) continue;
      if (!first || entry[1] < first[1]) first = entry;
    }
    if (!first) return null;
    const [option, until] = first;
    if (until > now) return { option, until: until + chance * this.#limits.wait_spread_s };
    if (this.#admits(option, now, 0) === "ask") return { option, until: now, permit: "probe" };
    return this.#again.has(option) ? { option, until: now, permit: "retry" } : { option, until: now };
  }

  #returns(option: string, now: number): number {
    const own = Math.max(this.#busyUntil(option), this.#unfunded.get(option) ?? -Infinity);
    return Math.max(this.#health.returns(option, now), own);
  }

  #busyUntil(option: string): number {
    return this.#busy.get(option) ?? -Infinity;
  }

  /** Only options with a declared window above this one's, and another model, can take this request. */
  #keepLargerThan(option: string): void {
    const { window = 0, model } = this.facts(option);
    this.#again.clear();
    const larger = [...this.#untried].filter((other) => {
      const facts = this.facts(other);
      return (facts.window ?? 0) > window && (model === undefined || facts.model !== model);
    });
    this.#untried = new Set(larger);
  }

  #skip(option: string, reason: SkipReason): void {
    if (!this.skipped.has(option)) this.skipped.set(option, reason);
  }
}
