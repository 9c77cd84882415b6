/** The rationing of probes, retries and hedges: by the engine for all tabs; before it is up, by a page for itself. */
import { seconds } from "../base";
import { asError } from "../errors";
import type { OutcomeBody, Permit } from "../generated/calls";
import type { Health } from "../routing";
import type { Session } from "./engine-client";

/** A busy engine must not hold up a call: what it does not answer within this is refused. A hedge holds up nothing. */
const PERMIT_MS = 500;

/** The health that the page knows by itself, and the function that is told of a probe that was not used. */
export interface Rationed {
  health: Health;
  onOutcome: (body: OutcomeBody) => void;
}

/** `engine`: null while it is not up. */
export function permit(
  kind: Permit,
  option: string,
  context: Rationed,
  engine: Pick<Session, "call"> | null,
): boolean | Promise<boolean> {
  const own = (): boolean => context.health.permit(kind, option, seconds());
  if (!engine) return own();
  const asked = engine.call("permit", { permit: kind, option }).then(
    ({ granted }) => granted,
    (error: unknown) => (asError(error).code === "timeout" ? false : own()),
  );
  if (kind === "hedge") return asked;
  return inTime(asked, () => {
    if (kind === "probe") unused(option, context);
  });
}

/** A probe was granted to a call that has gone on, or has ended, without it: the next one may have it. */
export function unused(option: string, { health, onOutcome }: Rationed): void {
  health.release(option);
  onOutcome(unmade(option));
}

/** A probe that is over and says nothing: it is no attempt of its call, so it is not its first, which would pay for it. */
export function unmade(option: string): OutcomeBody {
  return { option, outcome: "aborted", attempt: 2, probe: true };
}

/** The answer, or a refusal where it takes too long; `spare`: what becomes of a yes that came after that. */
function inTime(asked: Promise<boolean>, spare: () => void): Promise<boolean> {
  return new Promise((resolve) => {
    let isLate = false;
    const timer = setTimeout(() => {
      isLate = true;
      resolve(false);
    }, PERMIT_MS);
    void asked.then((granted) => {
      clearTimeout(timer);
      resolve(granted);
      if (isLate && granted) spare();
    });
  });
}
