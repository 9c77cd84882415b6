/** Who rations probes, retries and hedges: the engine for all tabs; before it is up, a page for itself. */
import { seconds } from "./abort";
import { asError } from "./errors";
import type { Permit } from "./generated/calls";
import type { Health } from "./health";
import type { Session } from "./session";

/** A busy engine must not hold up a call: what it does not answer within this is refused. */
const PERMIT_MS = 500;

/** `engine`: null while it is not up. */
export function permit(
  kind: Permit,
  option: string,
  health: Health,
  engine: Session | null,
): boolean | Promise<boolean> {
  const own = (): boolean => health.permit(kind, option, seconds());
  if (!engine) return own();
  return engine.call("permit", { permit: kind, option }, PERMIT_MS).then(
    ({ granted }) => granted,
    (error: unknown) => (asError(error).code === "timeout" ? false : own()),
  );
}
