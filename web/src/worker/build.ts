/** The values that the bundler puts into the worker: every file that a start needs, under a name by its content. */

/** Places are relative to the folder that serves the build (docs/reference/build.md). */
export interface Runtime {
  /** Pyodide's folder, with its closing slash. */
  index: string;
  lock: string;
  /** The project as bytecode, which Python imports from as it is. */
  archive: string;
  files: Record<string, { bytes: number; sha256: string }>;
  /** The lock file's contents: one request less. */
  packages: object;
}

declare const __RUNTIME__: Runtime;

export const RUNTIME = __RUNTIME__;

const OWN_ADDRESS: string = import.meta.url;

/** The folder that serves the build, absolute: this module is in `runtime/` below it. */
export const FOLDER = new URL("../", OWN_ADDRESS).href;
