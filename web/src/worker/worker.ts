/** The worker's entry: a SharedWorker, a dedicated worker, or `serve` for a page that runs the engine in its own thread. */
import { endpointOf, type Endpoint } from "../protocol";
import { Host } from "./host";

interface SharedScope {
  addEventListener(type: "connect", listener: (event: MessageEvent) => void): void;
  close(): void;
}

/** Run an engine in this thread for one page; returns the way to end it. */
export function serve(endpoint: Endpoint): () => void {
  return new Host(() => undefined, 0).accept(endpoint);
}

const scope = globalThis as unknown as Record<string, unknown>;
if ("SharedWorkerGlobalScope" in scope) {
  const shared = globalThis as unknown as SharedScope;
  const host = new Host(() => {
    shared.close();
  });
  shared.addEventListener("connect", ({ ports: [port] }) => {
    if (port) host.accept(endpointOf(port));
  });
} else if ("DedicatedWorkerGlobalScope" in scope) {
  new Host(() => undefined, 0).accept(endpointOf(globalThis));
}
