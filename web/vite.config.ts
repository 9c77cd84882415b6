/** The inspector: an ordinary page of its own, served beside the library from one folder. */
import { defineConfig } from "vitest/config";

export default defineConfig({
  root: "demo",
  base: "./",
  publicDir: false,
  build: { target: "es2022", outDir: process.env["OUT"] ?? "../dist", emptyOutDir: false },
  test: { root: ".", include: ["tests/**/*.test.ts"], testTimeout: 10_000 },
});
