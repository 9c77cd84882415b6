/** The page's side of the engine: which kind, under which key, its sign of life, and how to let go of it. */
import { WORKER } from "./build";
import { SporewrightError } from "../errors";
import { LED, takeRole } from "./leader-election";
import { holdLife, useLatest, type Life } from "./liveness-lock";
import { endpointOf, type Endpoint, type Hello } from "./protocol";
import { scriptAddress } from "../base";
import type { EngineKind } from "../types";

/** The values that tell engines of one origin apart: tabs whose values agree share one. */
export interface EngineKey {
  workspace: string;
  device: string;
  orchestrator: string;
  config: string;
}

export interface OpenEngine {
  endpoint: Endpoint;
  /** Another tab runs it: when that one goes, it is nobody's fault. */
  isFollowed?: boolean;
  /** Its number in a row of workers for the same pages: one that is lost has no other of its name. */
  nth: number;
  close(): void;
}

/** The arguments for opening one. */
export interface Opening {
  /** The folder that serves the build. */
  runtime: string;
  key: EngineKey;
  stageTimeout: number;
  /** Its number in that row, at least. A worker that hangs, or is about to end, still answers to its name. */
  nth: number;
  /** A leading tab that does not answer within so many milliseconds is deposed. */
  patience: number;
  signal: AbortSignal;
}

/** Open an engine and greet it. `failed` is told when its script cannot be loaded or dies, or its tab is gone. */
export async function openEngine(
  kind: EngineKind,
  opening: Opening,
  failed: (error: SporewrightError) => void,
): Promise<OpenEngine> {
  const { key, stageTimeout } = opening;
  const opened = await OPENERS[kind](opening, failed);
  const life = await holdLife("page");
  const hello: Hello["hello"] = { stageTimeout, storage: storageName(key), life: life.name };
  opened.endpoint.post({ hello });
  return {
    ...opened,
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

/** The script's name says its content, and it names the rest: neither a cache nor a living worker of another build answers. */
const scriptOf = ({ runtime }: Opening): string => new URL(WORKER, runtime).href;
const nameOf = ({ key }: Opening): string => JSON.stringify([WORKER, key]);

type Opener = (opening: Opening, failed: (error: SporewrightError) => void) => OpenEngine | Promise<OpenEngine>;

const OPENERS: Record<EngineKind, Opener> = {
  shared: async (opening, failed) => {
    const script = scriptOf(opening);
    const used = await useLatest(`sporewright ${nameOf(opening)}`, opening.nth);
    const worker = sharedWorker(script, `sporewright ${nameOf(opening)} ${used.nth}`, used);
    worker.addEventListener("error", (event) => {
      failed(scriptError(event));
    });
    return {
      endpoint: endpointOf(worker.port),
      nth: used.nth,
      close: () => {
        worker.port.close();
        used.release();
      },
    };
  },
  led: async (opening, failed) => {
    const name = LED + nameOf(opening);
    const { patience, signal, nth } = opening;
    const role = await takeRole({ name, patience, signal, failed });
    const release = role.release.bind(role);
    if (role.endpoint) return { endpoint: role.endpoint, isFollowed: true, nth, close: release };
    const engine = ownWorker(opening, name, failed);
    return {
      ...engine,
      close: () => {
        engine.close();
        release();
      },
    };
  },
  dedicated: (opening, failed) => ownWorker(opening, `sporewright ${nameOf(opening)}`, failed),
  inline: async (opening) => {
    const script = scriptOf(opening);
    const { serve } = (await import(/* @vite-ignore */ script)) as { serve: (endpoint: Endpoint) => () => void };
    const { port1, port2 } = new MessageChannel();
    const stop = serve(endpointOf(port2));
    return {
      endpoint: endpointOf(port1),
      nth: opening.nth,
      close: () => {
        stop();
        port1.close();
        port2.close();
      },
    };
  },
};

/** A SharedWorker. If a site may not store, a browser throws. */
function sharedWorker(script: string, name: string, { release }: Life): SharedWorker {
  try {
    return new SharedWorker(scriptAddress(script), { type: "module", name });
  } catch (error) {
    release();
    throw error;
  }
}

function ownWorker(opening: Opening, name: string, failed: (error: SporewrightError) => void): OpenEngine {
  const script = scriptOf(opening);
  const worker = new Worker(scriptAddress(script), { type: "module", name });
  worker.addEventListener("error", (event) => {
    failed(scriptError(event));
  });
  return {
    endpoint: endpointOf(worker),
    nth: opening.nth,
    close: () => {
      worker.terminate();
    },
  };
}

/** A script that cannot be had says nothing; why it cannot is looked into if no other worker comes of it either. */
function scriptError(event: Event): SporewrightError {
  const said = (event as Partial<ErrorEvent>).message;
  const what = said ? `the worker's script failed: ${said}` : "the worker's script cannot be loaded";
  return new SporewrightError("engine", `stage worker: ${what}`, { stage: "worker" });
}
