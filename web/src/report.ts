/** What a caller says of an answer, as the engine takes it. */
import type { Calls } from "./generated/calls";
import type { Report } from "./types";

export function reportBody(option: string, task: string | undefined, report: Report): Calls["report"]["body"] {
  const { quality, cost, tokens, more } = report;
  return { option, task, quality, cost_usd: cost, tokens_in: tokens?.in, tokens_out: tokens?.out, more };
}
