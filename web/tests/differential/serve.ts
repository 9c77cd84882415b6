/** The page's interpreters as a process: a question a line on stdin, its answer a line on stdout, both JSON. */
import { createInterface } from "node:readline";
import { SporewrightError } from "../../src/errors";
import { Replay } from "../routing/replay";
import type { Trace } from "../routing/trace";
import { run, type Script } from "../pools/script";
import * as readers from "./readers";

function trace(asked: Trace): unknown {
  const replay = new Replay(asked, { watched: true });
  const seen = replay.run();
  return { seen, steps: replay.steps, budgets: replay.budgets(), receipts: replay.written() };
}

const READERS = { trace, pools: (script: Script) => run(script), ...readers } as const;

/** A reader that throws has said something, too: an error of ours is its code, any other one is a mistake. */
function answer(line: string): unknown {
  const [reader, asked] = JSON.parse(line) as [keyof typeof READERS, never];
  try {
    return READERS[reader](asked);
  } catch (error) {
    return { threw: error instanceof SporewrightError ? error.code : String(error) };
  }
}

/** What JSON has no number for is a word. */
function plain(_name: string, value: unknown): unknown {
  return typeof value === "number" && !Number.isFinite(value) ? String(value) : value;
}

createInterface({ input: process.stdin }).on("line", (line) => {
  process.stdout.write(`${JSON.stringify(answer(line), plain)}\n`);
});
