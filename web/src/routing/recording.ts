/** A chain that writes down whatever it was told and asked: enough to let it decide again (`sporewright replay`). */
import { AttemptChain } from "./attempt-chain";
import type { Ending } from "./classify";
import type { Body, CallTraits, Decision, Step } from "./decisions";
import { EVEN } from "./cooldown";
import type { Plan } from "../generated/calls";
import type { Health } from "./health";
import type { Recorded } from "../types";

export class RecordedChain extends AttemptChain {
  /** In the order it happened; read by whoever writes the receipt. */
  readonly log: Recorded[] = [];
  readonly #queue: readonly string[];
  readonly #known: Health;
  /** Attempts that have said that they are whole. */
  readonly #finished = new Set<number>();
  /** Attempts of which something of the answer has come. */
  readonly #heard = new Set<number>();
  /** A decision that another one leads to is not told by the caller. */
  #inside = false;

  constructor(
    queue: readonly string[],
    upstreams: { has(option: string): boolean },
    more: { plan: Plan; health: Health; now: number } & CallTraits,
  ) {
    super(queue, upstreams, more);
    [this.#queue, this.#known] = [queue, more.health];
  }

  override pick(at: number, chance = EVEN): Decision | null {
    if (!this.#inside) this.log.push({ do: "pick", at, chance, health: this.#known.seen(this.#queue) });
    return super.pick(at, chance);
  }

  override hedge(at: number, chance = EVEN): Decision | null {
    this.log.push({ do: "hedge", at, chance, health: this.#known.seen(this.#queue) });
    return super.hedge(at, chance);
  }

  override race(at: number, chance = EVEN): Decision | null {
    if (!this.#inside) this.log.push({ do: "race", at, chance, health: this.#known.seen(this.#queue) });
    return super.race(at, chance);
  }

  override answered(at: number, granted: boolean, chance = EVEN, until = -Infinity): Decision | null {
    const told = until === -Infinity ? {} : { until: until === Infinity ? ("inf" as const) : until };
    this.log.push({ do: "answered", at, chance, granted, ...told, health: this.#known.seen(this.#queue) });
    this.#inside = true;
    try {
      return super.answered(at, granted, chance, until);
    } finally {
      this.#inside = false;
    }
  }

  override opened(at: number, body: Body, attempt = this.attempts.length - 1): Step {
    this.log.push({ do: "opened", at, attempt, body });
    return super.opened(at, body, attempt);
  }

  /**
   * Only a token that moves the chain, ends a silence, or says or takes back that it is whole, is written down: a long
   * answer has thousands.
   */
  override token(at: number, attempt = this.attempts.length - 1, finished = false, blank = false): Step | null {
    const wasSilent = this.stateOf(attempt) === "CALLING" && !this.#heard.has(attempt);
    const step = super.token(at, attempt, finished, blank);
    this.#heard.add(attempt);
    const turns = finished !== this.#finished.has(attempt);
    if (finished) this.#finished.add(attempt);
    else this.#finished.delete(attempt);
    if (step || turns || wasSilent) this.log.push({ do: "token", at, attempt, finished });
    return step;
  }

  override ended(at: number, ending: Ending, attempt = this.attempts.length - 1, chance = EVEN): Step {
    // Another tab may have brought a key back meanwhile; it decides whether the next key is used.
    const seen = this.keysOf(attempt).keys > 1 ? { health: this.#known.seen(this.#queue) } : {};
    this.log.push({ do: "ended", at, attempt, chance, ending: { ...ending }, ...seen });
    return super.ended(at, ending, attempt, chance);
  }

  override network(offline: boolean): void {
    this.log.push({ do: "network", offline });
    super.network(offline);
  }

  override slept(gap: number): void {
    this.log.push({ do: "slept", gap });
    super.slept(gap);
  }

  override queued(gap: number, attempt: number): void {
    this.log.push({ do: "queued", gap, attempt });
    super.queued(gap, attempt);
  }

  override rejected(attempt: number): void {
    this.log.push({ do: "rejected", attempt });
    super.rejected(attempt);
  }

  override abort(): void {
    this.log.push({ do: "abort" });
    super.abort();
  }
}
