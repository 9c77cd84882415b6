/** A caller's report on an answer, as the engine takes it. */
import type { Calls } from "../generated/calls";
import type { Receipt, Report } from "../types";

/** A receipt, or only the name of who answered. */
export type Reported = Pick<Receipt, "option"> & Partial<Pick<Receipt, "attempts" | "task">>;

export function reportBody(
  { option, attempts = [], task: said }: Reported,
  bound: string | undefined,
  { quality, cost, tokens, more, task = said ?? bound }: Report,
): Calls["report"]["body"] {
  // What a chat cost is learned with its outcome, by the engine that knows the prices.
  const counted = attempts.some((attempt) => attempt.option === option && attempt.outcome === "ok" && attempt.tokens);
  const charged = { cost_usd: cost, tokens_in: tokens?.in, tokens_out: tokens?.out };
  return { option, task, quality, ...charged, more, ...(counted ? { counted } : {}) };
}
