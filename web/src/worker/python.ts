/** The only file that touches Pyodide's proxies: text in, text out. */

/** A Python object held from JavaScript; must be destroyed, the collectors of the two sides cannot see each other. */
interface Proxy {
  destroy(): void;
}

/** The part of Pyodide's documented interface that is used here. */
export interface Pyodide {
  /** Resolves even when a package could not be had: `loadedPackages` tells. */
  loadPackage(
    name: string,
    options: Record<"messageCallback" | "errorCallback", (text: string) => void>,
  ): Promise<void>;
  loadedPackages: Record<string, string>;
  runPython(source: string): unknown;
  FS: { writeFile(path: string, bytes: Uint8Array): void };
  pyimport(module: string): Proxy & Record<string, unknown>;
}

/** The path of the archive; Python imports from it as it is, unpacking would take longer than the rest of the import. */
const ARCHIVE = "/lib/sporewright.zip";

export interface Python {
  /** One step of the bridge: JSON text in, JSON text out; never throws for what the text says. */
  handle(text: string): string;
  /** Make a package of the lock file importable; rejects with what is wrong. */
  load(name: string): Promise<void>;
  /** Let go of every proxy. */
  close(): void;
}

/** Dataclasses compile their methods at import, a third of its time; the build has done so (wasm-build/node/precompile.py). */
const PRECOMPILED = `
import dataclasses, marshal, zipimport
_known = marshal.loads(zipimport.zipimporter("${ARCHIVE}").get_data("dataclasses.bin"))
dataclasses.exec = lambda text, *spaces: exec(_known.get(text, text), *spaces)
`;

/** Import the bridge and hold its one function: looking it up for each call would cost ten times the call. */
export function openBridge(pyodide: Pyodide, archive: Uint8Array): Python {
  const held: Proxy[] = [];
  const hold = <T>(proxy: T & Proxy): T => {
    held.unshift(proxy);
    return proxy;
  };
  pyodide.FS.writeFile(ARCHIVE, archive);
  const path = hold(hold(pyodide.pyimport("sys"))["path"] as Proxy & { append(place: string): void });
  path.append(ARCHIVE);
  pyodide.runPython(PRECOMPILED);
  const module = hold(pyodide.pyimport("sporewright.device.bridge"));
  const make = hold(module["Bridge"] as Proxy & (() => Proxy & Record<string, unknown>));
  const bridge = hold(make());
  const handle = hold(bridge["handle"] as Proxy & ((text: string) => string));
  return {
    handle: (text) => handle(text),
    load: async (name) => {
      const said: string[] = [];
      const errorCallback = (text: string): void => {
        said.push(text);
      };
      await pyodide.loadPackage(name, { messageCallback: () => undefined, errorCallback });
      if (!Object.hasOwn(pyodide.loadedPackages, name)) throw new Error(said.join("; ") || `${name} was not loaded`);
      pyodide.pyimport(name).destroy(); // a broken one is found here, not by the code that uses it
    },
    close: () => {
      for (const proxy of held.splice(0)) proxy.destroy();
    },
  };
}
