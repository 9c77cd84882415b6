/** Run a Python file in Pyodide under Node: `node python.mjs <pyodide folder> <file.py> <argument>`; prints what its `main` gives. */
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";

// Only the reason, which holds the Python traceback: Node would print the minified interpreter with it, a megabyte of source.
const fail = (error) => {
  process.stderr.write(`${String(error?.message ?? error).slice(-4000)}\n`);
  process.exit(1);
};
process.on("uncaughtException", fail);

const [folder, script, argument] = process.argv.slice(2);
const index = resolve(folder);
const { loadPyodide } = await import(pathToFileURL(resolve(index, "pyodide.mjs")).href);
try {
  const python = await loadPyodide({
    indexURL: index,
    env: { PYTHONHASHSEED: "0", HOME: "/" }, // a fixed seed, so that the same sources give the same bytecode
    stdout: console.error, // what is printed to standard output is the answer alone
  });
  python.mountNodeFS("/host", "/"); // this machine's files, for the script
  await python.runPythonAsync(readFileSync(script, "utf8"));
  process.stdout.write(`${await python.globals.get("main")(argument)}\n`);
} catch (error) {
  fail(error);
}
