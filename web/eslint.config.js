import js from "@eslint/js";
import compat from "eslint-plugin-compat";
import ts from "typescript-eslint";
import { members } from "./eslint/members.js";

export default ts.config(
  { ignores: ["dist", "node_modules", "src/generated"] },
  js.configs.recommended,
  ...ts.configs.strictTypeChecked,
  {
    languageOptions: { parserOptions: { project: "./tsconfig.json", tsconfigRootDir: import.meta.dirname } },
    rules: {
      "max-lines": ["error", 400],
      "max-lines-per-function": ["error", 60],
      "@typescript-eslint/restrict-template-expressions": ["error", { allowNumber: true }],
    },
  },
  // What a page loads: nothing that a browser of `browserslist` (package.json) lacks, unless it is asked for.
  { files: ["src/**/*.ts", "demo/**/*.{ts,tsx}"], ...compat.configs["flat/recommended"] },
  {
    files: ["src/**/*.ts", "demo/**/*.{ts,tsx}"],
    plugins: { sporewright: { rules: { members } } },
    rules: { "sporewright/members": "error" },
  },
  { files: ["**/*.js", "**/*.mjs"], ...ts.configs.disableTypeChecked },
  { files: ["**/*.js", "**/*.mjs"], languageOptions: { globals: { process: "readonly", console: "readonly" } } },
  // A suite is one `describe`: its length says nothing about the length of a test.
  { files: ["tests/**"], rules: { "max-lines-per-function": "off" } },
);
