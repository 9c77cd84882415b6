/**
 * Build everything TypeScript into one folder (`OUT`): worker, library, declarations, inspector, service worker.
 *
 * The order is the chain of names: the worker carries the runtime's (`RUNTIME`, from `make build`), library and inspector carry
 * the worker's, the service worker lists them all.
 */
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, readdirSync, renameSync } from "node:fs";
import { relative, resolve, sep } from "node:path";
import { rollup } from "rollup";
import { dts } from "rollup-plugin-dts";
import { build } from "vite";

const here = import.meta.dirname;
const { OUT, RUNTIME } = process.env;
if (!OUT || !RUNTIME) throw new Error("run `make build`: it says where to build (OUT) and over what (RUNTIME)");
process.chdir(here);
mkdirSync(OUT, { recursive: true });

const sha256 = (name) =>
  createHash("sha256")
    .update(readFileSync(resolve(OUT, name)))
    .digest("hex");

async function module(mode, define) {
  const configFile = resolve(here, "vite.lib.config.ts");
  await build({ configFile, mode, logLevel: "warn", define });
  console.log(`built ${mode}.js`);
}

const runtime = JSON.parse(RUNTIME);
const { index, lock, archive, files, packages } = runtime;
await module("worker", { __RUNTIME__: JSON.stringify({ index, lock, archive, files, packages }) });
const worker = `runtime/worker-${sha256("worker.js").slice(0, 12)}.js`;
renameSync(resolve(OUT, "worker.js"), resolve(OUT, worker));

const named = { __WORKER__: JSON.stringify(worker) };
await module("sporewright", named);

const bundle = await rollup({ input: resolve(here, "src/index.ts"), plugins: [dts()] });
await bundle.write({ file: resolve(OUT, "sporewright.d.ts"), format: "es" });
await bundle.close();
console.log("built sporewright.d.ts");

await build({ configFile: resolve(here, "vite.config.ts"), logLevel: "warn", define: named });
console.log("built the inspector");

const start = new Set([worker, "sporewright.js", ...Object.keys(files)]);
const need = (name) => (start.has(name) ? "start" : /^(index\.html$|assets\/)/.test(name) ? "page" : "use");
const listed = readdirSync(OUT, { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile() && !/\.(br|gz|ts)$/.test(entry.name))
  .map((entry) => relative(OUT, resolve(entry.parentPath, entry.name)).split(sep).join("/"))
  .filter((name) => name !== "manifest.json")
  .sort()
  .map((name) => ({ name, sha256: sha256(name), need: need(name) }));
await module("service-worker", { __FILES__: JSON.stringify(listed) });
