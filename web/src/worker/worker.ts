/** The worker's entry: a SharedWorker, a dedicated worker (of one page, or led by it for others), or `serve` for a page that runs the engine in its own thread. */
import { admit, type Endpoint, endpointOf, LED } from "../engine";
import { Host } from "./host";

interface SharedScope {
  addEventListener(type: "connect", listener: (event: MessageEvent) => void): void;
  close(): void;
}

/** Run an engine in this thread for one page; returns the way to end it. */
export function serve(endpoint: Endpoint): () => void {
  return new Host(() => undefined, 0).accept(endpoint, true);
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
  const host = new Host(() => undefined, 0);
  host.accept(endpointOf(globalThis), true);
  const { name } = globalThis as unknown as { name: string };
  if (name.startsWith(LED)) admit(name, (endpoint) => host.accept(endpoint));
}
