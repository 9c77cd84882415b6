/** The page's side of the engine: which kind, under which key, its sign of life, and how to let go of it. */
import { WORKER } from "./build";
import { SporewrightError } from "./errors";
import { holdLife } from "./life";
import { endpointOf, type Endpoint, type Hello } from "./protocol";
import type { EngineKind } from "./types";

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

/**
 * What this browser has, the best first; Chrome on Android long had no SharedWorker. Where a site may not store, a browser
 * has the class and refuses the worker, so there is a second one to try; never `inline`, which blocks the page.
 */
export function bestKinds(): readonly EngineKind[] {
  if (typeof Worker === "undefined") return ["inline"];
  return typeof SharedWorker === "undefined" ? ["dedicated"] : ["shared", "dedicated"];
}

/** Open an engine and greet it. `failed` is told when its script cannot be loaded or dies. */
export async function openEngine(
  kind: EngineKind,
  settings: { runtime: string; key: EngineKey; stageTimeout: number },
  failed: (error: SporewrightError) => void,
): Promise<OpenEngine> {
  const { runtime, key, stageTimeout } = settings;
  // The script's name says its content, and it names the rest: neither a cache nor a living worker of another build answers.
  const script = new URL(WORKER, runtime).href;
  const name = `sporewright ${JSON.stringify([WORKER, key])}`;
  const [opened, life] = await Promise.all([OPENERS[kind](script, name, failed), holdLife("page")]);
  const hello: Hello["hello"] = { stageTimeout, storage: storageName(key), life: life.name };
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
export function storageName({ workspace, device }: EngineKey): string {
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
