/** The keys of options that have several: which one is used now, and which are left alone until when. */
import { DeclinedOptions } from "./declined";
import { Cooldowns, EVEN } from "./cooldown";
import type { Action, Aside, KeyData, Limits } from "../generated/calls";

/** The reasons that may hold for one key of an option and not for another. */
const KEY_REASONS: ReadonlySet<string> = new Set<Aside>(["key", "credit", "quota", "model"]);

/** The key of an option that was refused, and the reason: none, for its rate. */
export interface Refused {
  key: number;
  keys: number;
  reason?: Aside | undefined;
  retryAfter?: number | undefined;
  chance?: number;
  model?: string | undefined;
}

/** The same rules as `sporewright/routing/keys.py`. A key is a number from 0; its text is nowhere in here. */
export class Keys {
  readonly #cooldowns: Cooldowns;
  readonly #asides: DeclinedOptions;
  readonly #seen = new Map<string, Set<number>>();

  constructor(limits: Limits) {
    [this.#cooldowns, this.#asides] = [new Cooldowns(limits), new DeclinedOptions(limits)];
  }

  /** True if these actions are about the key that was used, and not about the whole option. */
  concerns(actions: readonly Action[], reason: Aside | undefined): boolean {
    return actions.includes("cool_down") || (actions.includes("set_aside") && KEY_REASONS.has(reason ?? ""));
  }

  /** True if another of the option's `keys` is used instead of this one, which was refused and now cools down. */
  spares(option: string, actions: readonly Action[], now: number, refused: Refused): boolean {
    const { key, keys, reason, retryAfter, chance = EVEN, model } = refused;
    if (keys < 2 || !this.concerns(actions, reason)) return false;
    this.#noted(option, key);
    const slot = slotOf(option, key);
    if (reason === undefined) this.#cooldowns.coolDown(slot, now, retryAfter, chance);
    else {
      const later = retryAfter === undefined ? {} : { retryAfter };
      this.#asides.setAside(slot, now, reason, { ...later, ...(model === undefined ? {} : { model }) });
    }
    return this.isFree(option, keys, now, model);
  }

  /** The actions that remain for an option whose next key is used: none that counts against the option. */
  spared(actions: readonly Action[]): Action[] {
    return actions.filter((action) => ["mend", "keep_first", "next"].includes(action));
  }

  /** This key served a call; of a model that it may not use now, that says nothing: the call was for another. */
  answered(option: string, key: number, now: number): void {
    const slot = slotOf(option, key);
    this.#cooldowns.answered(slot);
    const data = this.#asides.data(slot);
    if (data && (data.reason !== "model" || data.until <= now)) this.#asides.lift(slot);
  }

  /** The time from which this key may be used again for this model; −∞ if it may now, as far as is known. */
  until(option: string, key: number, model?: string): number {
    const slot = slotOf(option, key);
    const data = this.#asides.data(slot);
    const isOfAnother = data?.reason === "model" && data.model !== model;
    return Math.max(this.#cooldowns.until(slot), data && !isOfAnother ? data.until : -Infinity);
  }

  /** The key to use for this model: the first that is not left alone, else the first to return. */
  first(option: string, count: number, now: number, model?: string): number {
    const times = Array.from({ length: Math.max(1, count) }, (_, key) => this.until(option, key, model));
    const free = times.findIndex((until) => until <= now);
    return free === -1 ? times.indexOf(Math.min(...times)) : free;
  }

  /** True if one of the option's `count` keys may be used now for this model. */
  isFree(option: string, count: number, now: number, model?: string): boolean {
    return this.until(option, this.first(option, count, now, model), model) <= now;
  }

  /** The keys were changed: nothing is known of these. */
  forget(option: string): void {
    for (const key of this.#seen.get(option) ?? []) {
      this.#cooldowns.forget(slotOf(option, key));
      this.#asides.lift(slotOf(option, key));
    }
    this.#seen.delete(option);
  }

  /** The state of the keys as other tabs receive it, by number. */
  data(option: string): KeyData[] {
    const keys = [...(this.#seen.get(option) ?? [])].sort((a, b) => a - b);
    return keys.map((key) => {
      const data = this.#asides.data(slotOf(option, key));
      const until = this.until(option, key, data?.model);
      const told = { key, until: until > -Infinity ? until : 0 };
      if (!data) return told;
      return { ...told, reason: data.reason, ...(data.model === undefined ? {} : { model: data.model }) };
    });
  }

  /** Take over what the engine of this profile knows. */
  told(option: string, keys: readonly KeyData[]): void {
    this.forget(option);
    for (const { key, until, reason, model } of keys) {
      this.#noted(option, key);
      if (reason === undefined) this.#cooldowns.extend(slotOf(option, key), until);
      else this.#asides.told(slotOf(option, key), { reason, until, ...(model === undefined ? {} : { model }) });
    }
  }

  #noted(option: string, key: number): void {
    this.#seen.set(option, (this.#seen.get(option) ?? new Set()).add(key));
  }
}

function slotOf(option: string, key: number): string {
  return `${key} ${option}`;
}
