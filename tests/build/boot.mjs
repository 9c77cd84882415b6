/** Boot a build from a static server, every other address denied: `node boot.mjs <dist> <origin> <empty folder>`; prints JSON. */
import { mkdirSync } from "node:fs";
import { Socket } from "node:net";
import { basename, resolve } from "node:path";
import { pathToFileURL } from "node:url";

const [folder, origin, keep] = process.argv.slice(2);
const { hostname, port } = new URL(origin);
const denied = [];
const connect = Socket.prototype.connect;
Socket.prototype.connect = function (...words) {
  const options = words.flat().find((word) => typeof word === "object" && word !== null) ?? {};
  if (String(options.port) === port && options.host === hostname) return connect.apply(this, words);
  denied.push(`${options.host}:${options.port}`);
  process.nextTick(() => this.destroy(new Error(`denied: ${options.host}:${options.port}`)));
  return this;
};
const guard = await fetch("https://example.com/").then(
  () => "open",
  () => denied.splice(0).join(),
);

const manifest = await (await fetch(`${origin}/manifest.json`)).json();
const index = resolve(folder, manifest.index);
const lock = `${origin}/${manifest.lock}`;
// Node keeps what it downloads under the names of the lock file, which are of two folders.
for (const name of ["own", basename(index)]) mkdirSync(resolve(keep, name));
const { loadPyodide } = await import(pathToFileURL(resolve(index, "pyodide.mjs")).href);
const python = await loadPyodide({
  indexURL: index,
  lockFileContents: await (await fetch(lock)).text(),
  packageBaseUrl: new URL("./", lock).href,
  packageCacheDir: resolve(keep, "own"),
  stdout: console.error,
});
await python.loadPackage("numpy");
const byLock = { loaded: Object.keys(python.loadedPackages), numpy: python.runPython("import numpy; numpy.__version__") };

await python.loadPackage("micropip");
await python.runPythonAsync(`import micropip; await micropip.install("${origin}/${manifest.wheel}")`);
const order = python.runPython(`
import sporewright, sys
from sporewright.core.tensor import Tensor
tensor = Tensor(["global", "workspace", "device"])
for option, latency in (("slow", 2.0), ("quick", 0.5), ("dead", float("inf"))):
    tensor.writer("global").set_value("global", "", option, "latency", latency)
tensor.writer("global").set_weight("global", "", "latency", 1.0)
" ".join(tensor.resolve({"workspace": "acme"}))
`);
const python_version = python.runPython("sys.version.split()[0]");
const eager = python.runPython("' '.join(sorted(name for name in sys.modules if name.startswith('sporewright.server')))");
console.log(JSON.stringify({ guard, denied, byLock, order, python: python_version, eager }));
