/** The reports on a call's attempts, case by case; the twin of `tests/routing/test_attempt_reports.py`. */
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { expect, it } from "vitest";
import { Replay } from "./replay";
import type { Trace } from "./trace";

const FILE = resolve(import.meta.dirname, "../../../tests/routing/reports.json");
const CASES = JSON.parse(readFileSync(FILE, "utf-8")) as (Trace & { reports: unknown[] })[];

it.each(CASES)("$name", ({ reports, ...trace }) => {
  const replay = new Replay(trace);
  replay.run();

  expect(replay.reported.written()).toEqual(reports);
});
