/** What a router needs around it: a page, or a worker of one. */
import { SporewrightError } from "../errors";

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
