/** Build everything TypeScript into one folder (`OUT`, default `dist`): library, worker, declarations, inspector. */
import { existsSync, mkdirSync } from "node:fs";
import { resolve } from "node:path";
import { rollup } from "rollup";
import { dts } from "rollup-plugin-dts";
import { build } from "vite";

const here = import.meta.dirname;
const out = resolve(process.env.OUT ?? resolve(here, "dist"));
process.env.OUT = out;
process.chdir(here);
mkdirSync(out, { recursive: true });

for (const mode of ["sporewright", "worker"]) {
  await build({ configFile: resolve(here, "vite.lib.config.ts"), mode, logLevel: "warn" });
  console.log(`built ${mode}.js`);
}

const bundle = await rollup({ input: resolve(here, "src/index.ts"), plugins: [dts()] });
await bundle.write({ file: resolve(out, "sporewright.d.ts"), format: "es" });
await bundle.close();
console.log("built sporewright.d.ts");

if (existsSync(resolve(here, "demo/index.html"))) {
  await build({ configFile: resolve(here, "vite.config.ts"), logLevel: "warn" });
  console.log("built the inspector");
}
