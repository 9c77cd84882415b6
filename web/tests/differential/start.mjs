/** Bundles `serve.ts` in memory and runs it: one process, no file left behind. */
import { Buffer } from "node:buffer";
import { resolve } from "node:path";
import { build } from "vite";

const bundled = await build({
  configFile: false,
  root: resolve(import.meta.dirname, "../.."),
  logLevel: "error",
  build: {
    ssr: resolve(import.meta.dirname, "serve.ts"),
    target: "node20",
    write: false,
    rollupOptions: { output: { codeSplitting: false } },
  },
  ssr: { noExternal: true },
});
const [{ code }] = bundled.output;
await import(`data:text/javascript;base64,${Buffer.from(code).toString("base64")}`);
