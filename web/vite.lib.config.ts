/** The library: self-contained ES modules, each built alone, so that a page copies files and has everything. */
import { resolve } from "node:path";
import { defineConfig } from "vite";

const ENTRIES: Record<string, string> = {
  worker: "src/worker/worker.ts",
  sporewright: "src/index.ts",
  "service-worker": "src/offline/service-worker.ts",
};

export default defineConfig(({ mode }) => ({
  publicDir: false as const,
  build: {
    target: "es2022",
    outDir: process.env["OUT"] ?? "dist",
    emptyOutDir: false,
    minify: true,
    sourcemap: false,
    lib: {
      entry: resolve(import.meta.dirname, ENTRIES[mode] ?? mode),
      formats: ["es" as const],
      fileName: () => `${mode}.js`,
    },
  },
}));
