/** A script of steps on a ledger, run as Python runs it (`tests/pools/script.py`): both must say the same. */
import { SporewrightError } from "../../src/errors";
import { poolsOf } from "../../src/pools/declared";
import type { Asked, Draw } from "../../src/pools/draws";
import { Ledger } from "../../src/pools/ledger";
import { declined, hear, type Word } from "../../src/pools/word";
import type { Zone } from "../../src/pools/calendar";

interface Step {
  do: string;
  at?: number;
  key?: string;
  option?: string;
  needs?: Draw;
  asked?: { tokens_in?: number; max_tokens?: number | null; price_in?: number; price_out?: number };
  lasts?: number;
  holder?: string;
  used?: Draw & { refused?: boolean };
  counted?: boolean;
  pool?: string;
  amount?: number;
  tokens_out?: number;
  seconds?: number;
  words?: Word[];
  status?: number;
  wait_s?: number;
  data?: unknown;
}

export interface Script {
  name?: string;
  at?: number;
  pools: unknown;
  zones?: Record<string, Zone>;
  steps: Step[];
}

/** The result of each step, and the whole ledger after it. */
export function run({ at = 0, pools, zones = {}, steps }: Script): unknown[] {
  const [declared, tables] = [poolsOf(pools), new Map(Object.entries(zones))];
  let [now, ledger] = [at, new Ledger(declared, tables, at)];
  return steps.map((step) => {
    now = step.at ?? now;
    let said: unknown = null;
    if (step.do === "reload") {
      const kept: unknown = JSON.parse(JSON.stringify(step.data ?? ledger.data()));
      ledger = new Ledger(declared, tables, now);
      ledger.restore(kept);
    } else said = saidOf(ledger, step, now);
    const states = Object.entries(ledger.state(now)).map(([name, { left, price, until }]) => [
      name,
      [left, price, until],
    ]);
    return [said, ledger.data(), Object.fromEntries(states) as unknown, ledger.draws()];
  });
}

function saidOf(ledger: Ledger, step: Step, now: number): unknown {
  try {
    const found = carriedOut(ledger, step, now) ?? null;
    if (typeof found !== "object" || found === null) return found;
    return [found.pool, found.until === Infinity ? "never" : found.until];
  } catch (error) {
    if (error instanceof SporewrightError) return { code: error.code };
    throw error;
  }
}

type Found = ReturnType<Ledger["reserve"]> | number | boolean;

function carriedOut(ledger: Ledger, step: Step, now: number): Found | undefined {
  const { key = "", option = "", lasts = 30, holder = "", pool = "", amount = 0 } = step;
  switch (step.do) {
    case "reserve":
      return ledger.reserve(key, option, needsOf(ledger, step), now, lasts, holder);
    case "admits":
      return ledger.admits(option, needsOf(ledger, step), now);
    case "settle":
      if (step.counted ?? true) ledger.settle(key, step.used ?? {}, now);
      else ledger.ends(key, step.used ?? {}, now);
      return undefined;
    case "release":
      ledger.release(key, now);
      return undefined;
    case "renew":
      ledger.renew(key, now);
      return undefined;
    case "give_back":
      ledger.giveBack(key, now);
      return undefined;
    case "lease":
      return ledger.lease(key, pool, amount, now, lasts, holder);
    case "spend":
      return ledger.spend(key, amount, now);
    case "learn":
      ledger.learn(option, step.tokens_out, step.seconds);
      return undefined;
    case "hear":
      hear(ledger, option, step.words ?? [], now);
      return undefined;
    case "declined":
      declined(ledger, option, step.status ?? 0, step.wait_s, now);
      return undefined;
    case "tick":
      return ledger.tick(now);
    default:
      throw new Error(`no step ${step.do}`);
  }
}

function needsOf(ledger: Ledger, { option = "", needs, asked = {} }: Step): Draw {
  if (needs) return needs;
  const { tokens_in: tokens = 0, max_tokens, price_in: priceIn = 0, price_out: priceOut = 0 } = asked;
  const said: Asked = { tokens, maxTokens: max_tokens ?? undefined, priceIn, priceOut };
  return ledger.estimate(option, said);
}
