/**
 * From nothing to a bridge, stage by stage, each with a deadline: a wasm file that is blocked, missing or cut off leaves
 * `loadPyodide` pending for ever, and a package that fails does not reject (Pyodide only warns).
 */
import { messageOf, SporewrightError } from "../errors";
import type { Hello, Manifest } from "../protocol";
import { openBridge, type Pyodide, type Python } from "./python";

interface PyodideModule {
  loadPyodide: (options: { indexURL: string }) => Promise<Pyodide>;
}

/** Start Python; `onStage` hears each stage begin. Rejects with `engine`, the message names the stage. */
export async function boot(
  { runtime, manifest, stageTimeout }: Hello["hello"],
  onStage: (stage: string) => void,
): Promise<Python> {
  const stage = <T>(name: string, work: () => Promise<T> | T): Promise<T> => {
    onStage(name);
    return withDeadline(name, stageTimeout, work);
  };
  await stage("manifest", () => {
    checkManifest(manifest);
  });
  const indexURL = new URL("runtime/", runtime).href;
  const { loadPyodide } = await stage(
    "loader",
    () => import(/* @vite-ignore */ `${indexURL}pyodide.mjs`) as Promise<PyodideModule>,
  );
  const archive = stage("wheel", () => fetchWheel(runtime, manifest));
  archive.catch(() => undefined); // reported below, after the runtime's own report
  const pyodide = await stage("runtime", () => loadPyodide({ indexURL }));
  pyodide.unpackArchive(await archive, "wheel");
  return stage("import", () => openBridge(pyodide));
}

async function withDeadline<T>(name: string, timeout: number, work: () => Promise<T> | T): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      reject(new Error(`not done within ${timeout} ms; a file may be missing, cut off or blocked`));
    }, timeout);
  });
  try {
    return await Promise.race([Promise.resolve().then(work), late]);
  } catch (error) {
    throw new SporewrightError("engine", `stage ${name}: ${firstLine(messageOf(error))}`, { cause: error });
  } finally {
    clearTimeout(timer);
  }
}

/** Pyodide prints pages of a stack; the last line of a Python traceback, or the first line, says what it is. */
function firstLine(message: string): string {
  const lines = message.trim().split("\n");
  return (message.includes("Traceback") ? lines.at(-1) : lines[0]) ?? message;
}

function checkManifest(manifest: Manifest): void {
  const listed = Object.keys(manifest.files);
  const missing = [...manifest.boot, `runtime/${manifest.wheel}`].filter((name) => !listed.includes(name));
  if (missing.length > 0) throw new Error(`manifest.json does not list ${missing.join(", ")}`);
}

async function fetchWheel(runtime: string, manifest: Manifest): Promise<ArrayBuffer> {
  const name = `runtime/${manifest.wheel}`;
  const sha256 = manifest.files[name]?.sha256 ?? "";
  const bytes = (sha256.match(/../g) ?? []).map((pair) => String.fromCharCode(Number.parseInt(pair, 16)));
  // The browser itself compares: a wheel of another build, or one cut off, never gets as far as Python.
  const response = await fetch(new URL(name, runtime), { integrity: `sha256-${btoa(bytes.join(""))}` });
  if (!response.ok) throw new Error(`${name}: HTTP ${response.status}`);
  return response.arrayBuffer();
}
