/** The page's side of the engine: which kind, under which key, its sign of life, and how to let go of it. */
import { fingerprint } from "./config";
import { messageOf, SporewrightError } from "./errors";
import { holdLife } from "./life";
import { endpointOf, type Endpoint, type Hello, type Manifest } from "./protocol";
import type { EngineKind } from "./types";

const MANIFEST_TIMEOUT_MS = 15_000;

/** What tells engines of one origin apart: tabs whose values agree share one. */
export interface EngineKey {
  workspace: string;
  device: string;
  orchestrator: string;
  config: string;
}

export interface OpenEngine {
  endpoint: Endpoint;
  close(): void;
}

/** The best this browser has; Chrome on Android long had no SharedWorker. */
export function bestKind(): EngineKind {
  if (typeof SharedWorker !== "undefined") return "shared";
  return typeof Worker === "undefined" ? "inline" : "dedicated";
}

/** What is served at `runtime`; EngineError naming the stage when it cannot be had. */
export async function loadManifest(runtime: string, signal: AbortSignal): Promise<Manifest> {
  const address = new URL("manifest.json", runtime).href;
  try {
    const limit = AbortSignal.any([signal, AbortSignal.timeout(MANIFEST_TIMEOUT_MS)]);
    const response = await fetch(address, { signal: limit, cache: "no-cache" });
    if (!response.ok) throw new Error(`HTTP ${response.status}`);
    return (await response.json()) as Manifest;
  } catch (error) {
    throw new SporewrightError("engine", `stage manifest: ${address}: ${messageOf(error)}`, { cause: error });
  }
}

/** Open an engine and greet it. `failed` is told when its script cannot be loaded or dies. */
export async function openEngine(
  kind: EngineKind,
  settings: { runtime: string; manifest: Manifest; key: EngineKey; stageTimeout: number },
  failed: (error: SporewrightError) => void,
): Promise<OpenEngine> {
  const { runtime, manifest, key, stageTimeout } = settings;
  const build = fingerprint(JSON.stringify(manifest));
  // The build is in the address, so that neither a cache nor a living worker of another build answers.
  const script = new URL(`worker.js?build=${build}`, runtime).href;
  const life = await holdLife("page");
  const name = `sporewright ${JSON.stringify([build, key])}`;
  const opened = await OPENERS[kind](script, name, failed);
  const hello: Hello["hello"] = { runtime, manifest, stageTimeout, storage: storageName(key), life: life.name };
  opened.endpoint.post({ hello });
  return {
    endpoint: opened.endpoint,
    close: () => {
      opened.close();
      life.release();
    },
  };
}

/** Cells belong to a device of a workspace, whatever the config and the build: one database each, one writer at a time. */
function storageName({ workspace, device }: EngineKey): string {
  return `sporewright ${JSON.stringify([workspace, device])}`;
}

type Opener = (
  script: string,
  name: string,
  failed: (error: SporewrightError) => void,
) => OpenEngine | Promise<OpenEngine>;

const OPENERS: Record<EngineKind, Opener> = {
  shared: (script, name, failed) => {
    const worker = new SharedWorker(script, { type: "module", name });
    worker.addEventListener("error", (event) => {
      failed(scriptError(script, event));
    });
    return {
      endpoint: endpointOf(worker.port),
      close: () => {
        worker.port.close();
      },
    };
  },
  dedicated: (script, name, failed) => {
    const worker = new Worker(script, { type: "module", name });
    worker.addEventListener("error", (event) => {
      failed(scriptError(script, event));
    });
    return {
      endpoint: endpointOf(worker),
      close: () => {
        worker.terminate();
      },
    };
  },
  inline: async (script) => {
    const { serve } = (await import(/* @vite-ignore */ script)) as { serve: (endpoint: Endpoint) => () => void };
    const { port1, port2 } = new MessageChannel();
    const stop = serve(endpointOf(port2));
    return {
      endpoint: endpointOf(port1),
      close: () => {
        stop();
        port1.close();
        port2.close();
      },
    };
  },
};

function scriptError(script: string, event: Event): SporewrightError {
  const said = (event as Partial<ErrorEvent>).message;
  return new SporewrightError("engine", `stage worker: ${script} ${said ? `failed: ${said}` : "cannot be loaded"}`);
}
