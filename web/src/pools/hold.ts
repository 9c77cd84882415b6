/** The hold of a call, or of a lease: what it may still draw, and its data. */
import { type Account, isTime } from "./account";
import { isAmount } from "./declared";

/** The amounts by pool, in minor units, until a time; `turns`: the next turn of each quota as it lapsed, null before. */
export interface Hold {
  option: string;
  amounts: Map<string, number>;
  until: number;
  lasts: number;
  holder: string;
  isLease: boolean;
  turns: Map<string, number> | null;
}

export type HoldData = [
  option: string,
  amounts: Record<string, number>,
  until: number,
  lasts: number,
  holder: string,
  isLease: boolean,
  turns: Record<string, number> | null,
];

export function holdData({ option, amounts, until, lasts, holder, isLease, turns }: Hold): HoldData {
  const told = turns && Object.fromEntries(turns);
  return [option, Object.fromEntries(amounts), until, lasts, holder, isLease, told];
}

/** A hold from its data, of the pools that are left; null if it is none. */
export function holdOf(data: unknown, accounts: ReadonlyMap<string, Account>): Hold | null {
  if (!Array.isArray(data) || data.length !== 7) return null;
  const [option, said, until, lasts, holder, isLease, turned] = data as unknown[];
  if (typeof option !== "string" || typeof holder !== "string" || typeof isLease !== "boolean") return null;
  const [told, turns] = [numbersOf(said), turned === null ? null : numbersOf(turned)];
  if (!told || turns === undefined || ![...told.values()].every(isAmount)) return null;
  if (!isTime(until) || !isTime(lasts) || ![...(turns ?? new Map<string, number>()).values()].every(isTime))
    return null;
  const amounts = new Map([...told].filter(([name]) => accounts.has(name)));
  if (amounts.size === 0 || (isLease && amounts.size > 1)) return null;
  return { option, amounts, until, lasts, holder, isLease, turns };
}

function numbersOf(data: unknown): Map<string, number> | undefined {
  if (typeof data !== "object" || data === null || Array.isArray(data)) return undefined;
  return new Map(Object.entries(data as Record<string, number>));
}
