/** From how an attempt ended to its outcome, by the plan's rows; the twin of `sporewright/routing/classify.py`. */
import { SporewrightError } from "./errors";
import type { Block, ChainState, Ended, Plan, Rule, Sign, When } from "./generated/calls";

/** How an attempt ended; `retry_after_s` is what the response asked for. `stage` and `fallback` are the chain's to say. */
export interface Ending {
  kind: "status" | "abort" | Ended;
  status?: number;
  retry_after_s?: number;
  says?: readonly Sign[];
  /** What keeps this page from it, where it is blocked or unreadable. */
  reason?: Block;
  stage?: ChainState;
  fallback?: boolean;
}

function holds(when: When, ending: Ending): boolean {
  const event = ending.kind === "abort" ? "aborted" : ending.kind;
  if (when.event !== undefined && event !== when.event) return false;
  if (when.stage !== undefined && !when.stage.includes(ending.stage ?? "CALLING")) return false;
  if (when.retry_after !== undefined && (ending.retry_after_s !== undefined) !== when.retry_after) return false;
  if (when.says !== undefined && !(ending.says ?? []).includes(when.says)) return false;
  if (when.fallback !== undefined && (ending.fallback ?? false) !== when.fallback) return false;
  if (when.status === undefined) return true;
  const [low, high] = when.status;
  return ending.kind === "status" && ending.status !== undefined && low <= ending.status && ending.status <= high;
}

/** The plan's first row that holds. */
export function ruleOf(ending: Ending, plan: Plan): Rule {
  const row = plan.classes.find(({ when }) => holds(when, ending));
  if (!row) throw new SporewrightError("config", `no row of the plan classifies ${JSON.stringify(ending)}`);
  return row;
}

/** What the text of a refusal says, of the plan's error signs, in their order. */
export function says(text: string, plan: Plan): Sign[] {
  const lower = text.toLowerCase();
  return plan.error_signs.filter(({ any }) => any.some((part) => lower.includes(part))).map(({ sign }) => sign);
}

/** Whether a request may be sent twice: by its method, its path (no query), or a header's name. */
export function isRepeatable(method: string, path: string, headers: Headers, plan: Plan): boolean {
  const { methods, paths, headers: names } = plan.repeatable;
  const bare = path.replace(/\/+$/, "");
  return (
    methods.includes(method.toUpperCase()) ||
    paths.some((end) => bare.endsWith(end)) ||
    names.some((name) => headers.has(name))
  );
}
