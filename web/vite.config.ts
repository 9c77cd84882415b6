/** The inspector: an ordinary page of its own, served beside the library from one folder. */
import { defineConfig } from "vitest/config";

const RUNTIME = { index: "runtime/none/", lock: "", archive: "runtime/none.zip", files: {}, packages: {} };
const PLACEHOLDERS = { __WORKER__: '"runtime/worker-0.js"', __RUNTIME__: JSON.stringify(RUNTIME) };

export default defineConfig({
  root: "demo",
  base: "./",
  publicDir: false,
  build: { target: "es2022", outDir: process.env["OUT"] ?? "../dist", emptyOutDir: false },
  // In tests nothing is built: a start fails at its first file.
  ...(process.env["VITEST"] ? { define: PLACEHOLDERS } : {}),
  test: { root: ".", include: ["tests/**/*.test.ts"], setupFiles: ["tests/setup.ts"], testTimeout: 10_000 },
});
