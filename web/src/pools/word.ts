/** The provider's word on its pools: what is left tightens the ledger, a refusal closes it (P6); as `pools/word.py`. */
import type { PoolUnit } from "../types";
import { LENGTH } from "./account";
import { minor, type Pool } from "./declared";
import type { Ledger } from "./ledger";

/** So much of a unit is left, of a limit where that is said. */
export interface Word {
  unit: PoolUnit;
  left: number;
  limit?: number | null | undefined;
}

/** Take over what an answer of the option says is left. Of words that contradict each other the least counts. */
export function hear(ledger: Ledger, option: string, words: readonly Word[], now: number): void {
  for (const word of words) {
    const pools = ledger.poolsOf(option).filter(({ unit }) => unit === word.unit);
    const pool = meant(pools, word);
    if (pool && Number.isFinite(word.left)) ledger.tighten(pool.name, minor(word.left, word.unit), now);
  }
}

/** The option refused for its rate (429) or for money (402), for so long; undefined: it did not say. */
export function declined(ledger: Ledger, option: string, status: number, wait: number | undefined, now: number): void {
  const units: readonly PoolUnit[] = status === 402 ? ["usd"] : status === 429 ? ["requests", "tokens"] : [];
  const pool = shortest(ledger.poolsOf(option).filter(({ unit }) => units.includes(unit)));
  if (!pool) return;
  if (wait !== undefined && wait > 0) ledger.close(pool.name, now + wait, now);
  else if (status === 429) ledger.tighten(pool.name, 0, now);
}

function shortest(pools: readonly Pool[]): Pool | undefined {
  return least(pools, ({ turn, window }) => (turn ? LENGTH[turn] : window));
}

/** The pool that is spoken of: that of the limit which is said, else the one with the shortest window. */
function meant(pools: readonly Pool[], { unit, limit }: Word): Pool | undefined {
  if (typeof limit !== "number" || !Number.isFinite(limit)) return shortest(pools);
  const cap = minor(limit, unit);
  return least(pools, (pool) => Math.abs(pool.cap - cap));
}

function least(pools: readonly Pool[], of: (pool: Pool) => number): Pool | undefined {
  return pools.reduce<Pool | undefined>((best, pool) => (best && of(best) <= of(pool) ? best : pool), undefined);
}
