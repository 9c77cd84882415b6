/** Options to leave alone, over a reload: known to a page before its engine is up, and to an engine that starts. */
import { seconds } from "../base";
import type { OptionHealth } from "../generated/calls";
import type { Health } from "../routing";
import { OptionCache, nameOf } from "./option-cache";
import type { Mirror } from "./mirror";
import type { Settings } from "../config";

/** By option and server: until when it cools down, until when its breaker is open; 0: it does not, it is not. */
type Times = [name: string, cooling: number, open: number];

const KIND = "away";

export class HealthCache {
  readonly #kept: OptionCache<Times>;
  readonly #health: Health;
  readonly #settings: Pick<Settings, "bases" | "cursor" | "device" | "plan">;
  /** The state of each option that this page kept last, or found. */
  readonly #last = new Map<string, string>();

  constructor(mirror: Mirror, health: Health, settings: Pick<Settings, "bases" | "cursor" | "device" | "plan">) {
    [this.#health, this.#settings] = [health, settings];
    const { cursor, device = "" } = settings;
    // What refuses one account, or one device, need not refuse another.
    const place = JSON.stringify([cursor["workspace"] ?? "", device]);
    this.#kept = new OptionCache(mirror, KIND, place, (entry) => isEntry(entry) && this.#lasting(entry));
  }

  /** Take over what was kept; what an engine is told of it. */
  async recall(): Promise<OptionHealth[]> {
    const kept = new Map((await this.#kept.all()).map(([name, ...times]) => [name, times]));
    const found: OptionHealth[] = [];
    for (const option of this.#settings.bases.keys()) {
      const times = kept.get(nameOf(option, this.#settings.bases));
      if (!times) continue;
      const [cooling_until, until] = times;
      const breaker = { state: until > 0 ? ("open" as const) : ("closed" as const), until, since: 0 };
      found.push({
        option,
        cooling_until,
        breaker,
        blocked: null,
        aside: null,
        keys: [],
        first_token_p95_s: null,
        headers_p95_s: null,
      });
      this.#last.set(option, String(times));
    }
    for (const news of found) this.#health.told(news);
    return found;
  }

  /** The engine says so. */
  told(news: OptionHealth): void {
    this.#health.told(news);
    this.note(news.option);
  }

  /** Something has changed of this option. */
  note(option: string): void {
    if (!this.#settings.bases.has(option)) return;
    const breaker = this.#health.breaker(option).data();
    const entry: Times = [
      nameOf(option, this.#settings.bases),
      Math.max(this.#health.cooldowns.until(option), 0),
      breaker.state === "open" ? breaker.until : 0,
    ];
    const times = this.#lasting(entry) ? String(entry.slice(1)) : "";
    if (times === (this.#last.get(option) ?? "")) return;
    this.#last.set(option, times);
    this.#kept.change((kept) => [...kept.filter(([name]) => name !== entry[0]), ...(times === "" ? [] : [entry])]);
  }

  /** Nothing is kept any more; whom to leave alone now is known all the same. */
  forget(): void {
    this.#last.clear();
    this.#kept.change(() => []);
  }

  /** True if it still counts: a breaker that has half opened does for as long as its evidence; a clock set back is none. */
  #lasting([, cooling, open]: Times): boolean {
    const { retry_after_cap_s, cooldown_cap_s, breaker_cap_s, breaker_window_s, jitter } = this.#settings.plan.limits;
    const now = seconds();
    const [longest, longestOpen] = [
      Math.max(retry_after_cap_s, cooldown_cap_s * (1 + jitter)),
      breaker_cap_s * (1 + jitter),
    ];
    return (cooling > now && cooling <= now + longest) || (open > now - breaker_window_s && open <= now + longestOpen);
  }
}

function isEntry(found: unknown): found is Times {
  if (!Array.isArray(found)) return false;
  const [name, ...times] = found as unknown[];
  return typeof name === "string" && times.length === 2 && times.every(Number.isFinite);
}
