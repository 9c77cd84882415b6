/** The fault of an attempt that threw: for the chain, and for people. */
import type { CallRequest, CallContext } from "./call-context";
import type { AttemptIO } from "./attempt-io";
import type { Ending } from "../routing";
import { messageOf, nameOf, SporewrightError } from "../errors";
import { CallerFault } from "./secrets";
import { failsAt, Misuse } from "./misuse";
import type { FailureDiagnosis } from "../network";

export interface Fault {
  ending: Ending;
  says: string;
  /** Name of the exception whose text `says` is. */
  threw?: string;
  /** The caller's own mistake, whoever is asked: he gets what was thrown. */
  misuse?: unknown;
}

const OFFLINE: Fault = { ending: { kind: "offline" }, says: "the device is offline" };

/** At once where that can be known; what failed before any answer and says nothing is looked into. */
export function faultOf(
  one: AttemptIO,
  error: unknown,
  { sight, bases, upstreams }: CallContext,
  { queue, template: { request } }: CallRequest,
): Fault | Promise<Fault> {
  // Before the call it was `headers` or `prepare`: this option cannot be called, and that is not the option's fault.
  if (!one.called) {
    const isOurs = error instanceof CallerFault || error instanceof SporewrightError;
    const why = one.late?.says ?? (isOurs ? error.message : nameOf(error));
    return { ending: { kind: "prepare" }, says: `not callable: ${why}` };
  }
  const upstream = upstreams[one.option];
  if (upstream?.run) return ofFunction(one, error, upstream.local === false && sight.wasOffline(one.began));
  if (error instanceof Misuse) return misused(error.thrown);
  const others = queue.flatMap((option) => bases.get(option)?.href ?? []);
  if (one.late === null && !one.response && failsAt(one.address, request)) {
    const isFunctionThere = queue.some((option) => upstreams[option]?.run);
    if (!isFunctionThere && others.every((address) => failsAt(address, request))) return misused(error);
    return { ending: { kind: "prepare" }, says: `not callable in mode ${request.mode}`, threw: nameOf(error) };
  }
  if (sight.wasOffline(one.began)) return OFFLINE;
  if (one.late !== null) return { ending: { kind: one.late.kind }, says: one.late.says };
  if (one.response) return thrown(error);
  return looked(one, error, sight, others.length === 1);
}

/** The failure of a function: there is nothing to look into, and its words may be a secret. */
function ofFunction({ late }: AttemptIO, error: unknown, isOffline: boolean): Fault {
  if (isOffline) return OFFLINE;
  if (late !== null) return { ending: { kind: late.kind }, says: late.says };
  const says = error instanceof CallerFault ? error.message : `its answer broke off: ${nameOf(error)}`;
  return { ending: { kind: "network" }, says };
}

async function looked(one: AttemptIO, error: unknown, sight: FailureDiagnosis, isAlone: boolean): Promise<Fault> {
  const { kind, reason, says } = await sight.look(one);
  if (kind === "network") return thrown(error);
  if (kind === "prepare" && isAlone) return misused(error);
  return { ending: reason === undefined ? { kind } : { kind, reason }, says };
}

function misused(thrown: unknown): Fault {
  return { ending: { kind: "prepare" }, says: messageOf(thrown), threw: nameOf(thrown), misuse: thrown };
}

function thrown(error: unknown): Fault {
  return { ending: { kind: "network" }, says: messageOf(error), threw: nameOf(error) };
}
