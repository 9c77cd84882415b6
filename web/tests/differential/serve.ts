/** The page's interpreters as a process: a question a line on stdin, its answer a line on stdout, both JSON. */
import { createInterface } from "node:readline";
import { Replay, type Trace } from "../replay";

function trace(asked: Trace): unknown {
  const replay = new Replay(asked, { watched: true });
  const seen = replay.run();
  return { seen, steps: replay.steps, budgets: replay.budgets(), receipts: replay.written() };
}

const READERS = { trace } as const;

/** A reader that throws has said something, too: which error, never where. */
function answer(line: string): unknown {
  const [reader, asked] = JSON.parse(line) as [keyof typeof READERS, never];
  try {
    return READERS[reader](asked);
  } catch (error) {
    return { threw: error instanceof Error ? `${error.name}: ${error.message}` : String(error) };
  }
}

for await (const line of createInterface({ input: process.stdin }))
  process.stdout.write(`${JSON.stringify(answer(line))}\n`);
