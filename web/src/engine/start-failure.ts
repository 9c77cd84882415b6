/** The reason why an engine did not come up: looked into while it can be, and shown once where a developer reads it. */
import { WORKER } from "./build";
import { messageOf, SporewrightError } from "../errors";
import { LOOK_MS, lookAt } from "./served-file";
import { POLICY } from "../base";

const EMBEDDED = "; if this page has a Cross-Origin-Embedder-Policy, the worker's script needs the same";
const DOCUMENTATION = 'docs/how-to/deploy.md, "When a start fails"';

/** Hears what the page's Content-Security-Policy refuses meanwhile: of a worker it says nothing else. */
export class Refusals {
  #directive = "";

  constructor() {
    if (typeof document !== "undefined") document.addEventListener("securitypolicyviolation", this.#heard);
  }

  /** The directive that refused a script; "" if none did. */
  stop(): string {
    if (typeof document !== "undefined") document.removeEventListener("securitypolicyviolation", this.#heard);
    return this.#directive;
  }

  readonly #heard = ({ disposition, effectiveDirective }: SecurityPolicyViolationEvent): void => {
    if (disposition === "enforce" && /^(worker|script|child|default)-src/.test(effectiveDirective))
      this.#directive = effectiveDirective;
  };
}

/** The error of a worker that never came alive, with what is wrong with its script, or with this page. */
export async function explained(error: unknown, runtime: string, refusedBy: string): Promise<SporewrightError> {
  const why = await whyNone(messageOf(error).replace(/^stage worker: /, ""), runtime, refusedBy);
  return new SporewrightError("engine", `stage worker: ${WORKER}: ${why}`, { cause: error, stage: "worker" });
}

async function whyNone(said: string, runtime: string, refusedBy: string): Promise<string> {
  const address = new URL(WORKER, runtime);
  // Not the location's: that of a frame that was written, not loaded, has none.
  const { crossOriginIsolated, location, origin } = globalThis as Partial<typeof globalThis>;
  if (/trusted ?(type|script)/i.test(said)) return `${said} (this page's policy has to allow: trusted-types ${POLICY})`;
  if (refusedBy !== "") return `refused by this page's Content-Security-Policy, ${refusedBy}`;
  if (origin === "null" && location?.protocol !== "file:")
    return `this page has an opaque origin (a frame with sandbox and without allow-same-origin): ${said}`;
  const { says, isGood, headers } = await lookAt(address, AbortSignal.timeout(LOOK_MS));
  if (!isGood) return says;
  if (origin !== undefined && address.origin !== origin)
    return `${says}, of another origin than this page, ${origin}: ${said}`;
  if (crossOriginIsolated === true && !headers?.has("cross-origin-embedder-policy"))
    return `${says}, without the Cross-Origin-Embedder-Policy that this page has and wants of its workers`;
  const lacks = headers?.has("cross-origin-embedder-policy") ? "" : EMBEDDED;
  return `${says}, and no worker comes of it: ${said}${lacks}`;
}

/** Say it, with what to look at next; without a stage it was up before. `named`: the option `runtime` as it was given. */
export function warnOf(
  { code, message }: SporewrightError,
  stage: string | undefined,
  { runtime, named }: { runtime: string; named: string | URL | undefined },
): void {
  const option = named === undefined ? "no option `runtime` was given" : `option \`runtime\`: ${String(named)}`;
  const what = stage === undefined ? `the engine is gone (${code})` : `the engine did not start, stage ${stage}`;
  console.warn(
    `sporewright: ${what}: ${message.replace(/^stage \w+: /, "")}\n` +
      `Its files are those below ${runtime} (${option}). ` +
      "Calls are routed all the same, in the order that was remembered or declared; nothing is learned, no limits are shared.\n" +
      `What to do: ${DOCUMENTATION}${stage === undefined ? "" : `, stage \`${stage}\``}`,
  );
}
