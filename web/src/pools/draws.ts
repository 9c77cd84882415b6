/** The draw of a call: estimated before it is sent, and what its answer says it was (P2); as `pools/draws.py`. */
import { tableOf } from "../base";
import type { PoolUnit } from "../types";
import { measures, minor, type Pool } from "./declared";

const FIRST_ANSWER = 512;
const FIRST_SECONDS = 1;
/** The share of the newest answer in the mean. */
const NEWEST = 0.1;

/** Minor units by pool. */
export type Draw = Readonly<Record<string, number>>;

/** A request: its tokens, the most that its answer may have, and US dollars per million tokens of its option. */
export interface Asked {
  tokens?: number;
  maxTokens?: number | undefined;
  priceIn?: number;
  priceOut?: number;
}

/** The use that a call made; what is not said stands as estimated. `refused`: it was not served, and costs no tokens. */
export interface Used {
  tokens?: number | undefined;
  usd?: number | undefined;
  seconds?: number | undefined;
  refused?: boolean;
}

/** The learned mean answer of one option. */
export class Means {
  answer = FIRST_ANSWER;
  seconds = FIRST_SECONDS;

  learn(tokens: number | undefined, seconds: number | undefined): void {
    if (measures(tokens)) this.answer += (tokens - this.answer) * NEWEST;
    if (measures(seconds)) this.seconds += (seconds - this.seconds) * NEWEST;
  }

  data(): number[] {
    return [this.answer, this.seconds];
  }

  restore(data: unknown): void {
    if (Array.isArray(data) && data.length === 2 && data.every(measures)) [this.answer = 0, this.seconds = 0] = data;
  }
}

/** The draw of a call on each pool; at least one of each, or an empty pool would cover it. */
export function estimated(pools: readonly Pool[], asked: Asked, means: Means): Draw {
  const { tokens = 0, maxTokens: answer = means.answer, priceIn = 0, priceOut = 0 } = asked;
  const amounts: Record<PoolUnit, number> = {
    requests: 1,
    concurrent: 1,
    tokens: tokens + answer,
    usd: (tokens * priceIn + answer * priceOut) / 1e6,
    seconds: means.seconds,
  };
  return tableOf(pools.map(({ name, unit }) => [name, Math.max(1, minor(amounts[unit], unit))]));
}

/** The draw of a call that is over, on each pool of which that is known. */
export function drawn(pools: readonly Pool[], used: Used): Draw {
  const refused = used.refused ? 0 : undefined;
  const amounts: Partial<Record<PoolUnit, number | undefined>> = {
    tokens: used.tokens ?? refused,
    usd: used.usd ?? refused,
    seconds: used.seconds,
  };
  return tableOf(
    pools.flatMap(({ name, unit }): [string, number][] => {
      const amount = amounts[unit];
      return amount !== undefined && Number.isFinite(amount) ? [[name, minor(amount, unit)]] : [];
    }),
  );
}
