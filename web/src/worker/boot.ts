/**
 * From nothing to a bridge, stage by stage, each with a deadline: a wasm file that is blocked, missing or cut off leaves
 * `loadPyodide` pending for ever. What failed is looked into, so that the reason names the file.
 */
import { messageOf, SporewrightError } from "../errors";
import { FOLDER, RUNTIME } from "./build";
import { checked, firstBroken, whenCutOff } from "./files";
import { openBridge, type Pyodide, type Python } from "./python";

interface PyodideModule {
  loadPyodide: (options: object) => Promise<Pyodide>;
}

/** Start Python; `onStage` hears each stage begin. Rejects with `engine`, the message names the stage. */
export async function boot(stageTimeout: number, onStage: (stage: string) => void): Promise<Python> {
  const stage = <T>(name: string, work: () => Promise<T> | T): Promise<T> => {
    onStage(name);
    return withDeadline(name, stageTimeout, work);
  };
  const { index, archive, lock, packages } = RUNTIME;
  const indexURL = new URL(index, FOLDER).href;
  // All at once: Pyodide itself would ask for its second module after the first, the archive would come last.
  const loading = load(`${indexURL}pyodide.mjs`);
  load(`${indexURL}pyodide.asm.mjs`).catch(() => undefined);
  const fetching = checked(archive);
  fetching.catch(() => undefined); // reported by its own stage, after the runtime's own report
  const { loadPyodide } = await stage("loader", () => loading);
  const packageBaseUrl = new URL("./", new URL(lock, FOLDER)).href;
  const loaded = new AbortController();
  const pyodide = await stage("runtime", () =>
    Promise.race([
      loadPyodide({ indexURL, lockFileContents: packages, packageBaseUrl }),
      whenCutOff(index, loaded.signal),
    ]),
  ).finally(() => {
    loaded.abort();
  });
  const bytes = await stage("archive", () => fetching);
  return stage("import", () => openBridge(pyodide, bytes));
}

function load(address: string): Promise<PyodideModule> {
  return import(/* @vite-ignore */ address) as Promise<PyodideModule>;
}

async function withDeadline<T>(name: string, timeout: number, work: () => Promise<T> | T): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      reject(new Error(`not done within ${timeout} ms`));
    }, timeout);
  });
  try {
    return await Promise.race([Promise.resolve().then(work), late]);
  } catch (error) {
    const why = [firstLine(messageOf(error)), await firstBroken()].filter(Boolean).join("; ");
    // Files are named by their places in the build: where it is served the page knows.
    throw new SporewrightError("engine", `stage ${name}: ${why.replaceAll(FOLDER, "")}`, { cause: error });
  } finally {
    clearTimeout(timer);
  }
}

/** Pyodide prints pages of a stack; the last line of a Python traceback, or the first line, says what it is. */
function firstLine(message: string): string {
  const lines = message.trim().split("\n");
  return (message.includes("Traceback") ? lines.at(-1) : lines[0]) ?? message;
}
