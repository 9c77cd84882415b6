/** The reasons, for people, for which calls and attempts end: a caller's errors, and the lines of a receipt. */
import { type AttemptChain, type Ending, whySkipped } from "../routing";
import { SporewrightError } from "../errors";
import type { Outcome } from "../generated/calls";
import type { Refused } from "../pools";
import type { Attempt, Skipped } from "../types";
import type { CallRequest } from "./call-context";
import type { AttemptIO } from "./attempt-io";

/** A status for people. */
export function reasonOf({ status = 0, retry_after_s: retryAfter, says = [] }: Ending): string {
  const asked = status < 400 || retryAfter === undefined ? "" : `, to be left alone for ${Math.round(retryAfter)} s`;
  return `HTTP ${status}${asked}${says.length > 0 ? `: ${says.join(", ")}` : ""}`;
}

/** The options that the call itself passed over, then those that its chain did. */
export function skippedOf({ arranged }: Pick<CallRequest, "arranged">, chain: AttemptChain): Skipped[] {
  return [...(arranged?.skipped ?? []), ...chain.skipped].map(([option, reason]) => ({ option, reason }));
}

/** An answer that began and will not be whole, or not here. */
export function broken(
  { option, answer }: AttemptIO,
  outcome: Outcome,
  reason: string,
  attempts: readonly Attempt[],
): SporewrightError {
  if (outcome === "too_large")
    return new SporewrightError("too-large", `the answer of ${option} is too long to be held back: ${reason}`, {
      attempts,
    });
  const what = `the answer of ${option} broke off after ${answer?.length ?? 0} bytes: ${reason}`;
  return new SporewrightError("broken", what, { attempts });
}

/** Nobody answered: every attempt and every option passed over, with its reason, and when the first returns. */
export function exhausted(
  asked: CallRequest,
  attempts: readonly Attempt[],
  chain: AttemptChain,
  refused: ReadonlyMap<string, Refused>,
): SporewrightError {
  const { queue, template, target, arranged } = asked;
  const [passed, returns] = [skippedOf(asked, chain), chain.waitsFor];
  const named = new Set([...attempts, ...passed].map(({ option }) => option));
  // The call's time, or its attempts, were over before it was their turn.
  const rest = queue.filter((option) => !named.has(option)).map((option) => ({ option, reason: "not-reached" }));
  const skipped = [...passed, ...rest];
  const told = [
    ...attempts.map(({ option, outcome, reason }) => `${option}: ${outcome} (${reason})`),
    ...skipped.map(
      ({ option, reason }) =>
        `${option}: skipped (${arranged ? whySkipped(option, reason, arranged.asked, arranged.figures) : reason})`,
    ),
    ...(returns === null ? [] : [`the first returns at ${new Date(returns * 1000).toISOString()}`]),
  ];
  const why = told.length === 0 ? "the queue is empty" : told.join("; ");
  const what = `${template.request.method} ${target.path}`;
  const detail = { attempts, skipped, ...(returns === null ? {} : { returnsAt: returns * 1000 }) };
  if (queue.length === 0 && passed.length > 0)
    return new SporewrightError("excluded", `what ${what} asks for leaves no option: ${why}`, detail);
  if (chain.isOffline)
    return new SporewrightError("offline", `the device was offline until the deadline of ${what}: ${why}`, detail);
  const [first] = [...refused.values()].sort((one, other) => one.until - other.until);
  if (first && attempts.length === 0 && passed.some(({ reason }) => reason === "no-allowance")) {
    const when = first.until === Infinity ? "never" : `again at ${new Date(first.until * 1000).toISOString()}`;
    return new SporewrightError("budget", `pool ${JSON.stringify(first.pool)} covers ${what} ${when}: ${why}`, detail);
  }
  return new SporewrightError("exhausted", `no option answered ${what}: ${why}`, detail);
}
