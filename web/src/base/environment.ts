/** The surroundings of a router: a page or a worker of one, and the kinds of engine that the browser can run. */
import { SporewrightError } from "../errors";
import type { EngineKind } from "../types";

/**
 * Code `config` where there is no browser (Node, Deno, a page that is rendered on a server): Pyodide would start after the
 * host's own fashion there, and what it then rejects ends the process.
 */
export function checkEnvironment(): void {
  const { document, WorkerGlobalScope, Worker, process } = globalThis as Partial<Record<string, unknown>>;
  const isPage = document !== undefined || WorkerGlobalScope !== undefined;
  // A document in Node is a test's (jsdom), which has no workers.
  const isNode = (process as { versions?: { node?: string } } | undefined)?.versions?.node !== undefined;
  if (isPage && (Worker !== undefined || !isNode)) return;
  throw new SporewrightError(
    "config",
    "environment: a router runs in a browser's page or worker, and this is neither; start it where the page has been " +
      "loaded, and route on a server with the Python package (RoutingTransport)",
  );
}

/**
 * The kinds of engine that this browser can run, the best first; Chrome on Android long had no SharedWorker. Where a site may not store, a browser
 * has the class and refuses the worker, so there are others to try; never `inline`, which blocks the page.
 */
export function bestKinds(): readonly EngineKind[] {
  if (typeof Worker === "undefined") return ["inline"];
  const own: EngineKind[] = canLead() ? ["led", "dedicated"] : ["dedicated"];
  return typeof SharedWorker === "undefined" ? own : ["shared", ...own];
}

/** True if this browser lets one tab run an engine for others. */
function canLead(): boolean {
  return typeof BroadcastChannel !== "undefined" && "locks" in navigator;
}
