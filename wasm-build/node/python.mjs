/** Run a Python file in Pyodide under Node: `node python.mjs <pyodide folder> <file.py> <json argument>`; prints what its `main` returns. */
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";

const [folder, script, argument] = process.argv.slice(2);
const index = resolve(folder);
const { loadPyodide } = await import(pathToFileURL(resolve(index, "pyodide.mjs")).href);
// A fixed hash seed, so that the same sources give the same bytecode; this machine's files are mounted for the script.
const python = await loadPyodide({
  indexURL: index,
  env: { PYTHONHASHSEED: "0", HOME: "/" },
  stdout: console.error, // what is printed to standard output is the answer alone
});
python.mountNodeFS("/host", "/");
await python.runPythonAsync(readFileSync(script, "utf8"));
const main = python.globals.get("main");
try {
  process.stdout.write(`${await main(argument)}\n`);
} catch (error) {
  // Pyodide's own stack holds the minified interpreter, a megabyte of it: the message has the Python traceback.
  process.stderr.write(`${String(error.message ?? error).slice(-4000)}\n`);
  process.exit(1);
}
