/** Receipts decided again by Python, as `sporewright replay` does. */
import { execFile } from "node:child_process";
import { mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import type { Receipt } from "../src/types";

export interface Replayed {
  order: string[];
  attempts: string[];
  skipped: Record<string, string>;
}

/** Rejects with what the command says where another decision comes out. */
export async function replayed(receipts: readonly (Receipt | undefined)[]): Promise<Replayed[]> {
  const path = join(await mkdtemp(join(tmpdir(), "receipt-")), "receipts.json");
  await writeFile(path, JSON.stringify(receipts));
  const python = join(import.meta.dirname, "../../.venv/bin/python");
  const { stdout } = await promisify(execFile)(python, ["-m", "sporewright.cli", "replay", path, "--json"]);
  return JSON.parse(stdout) as Replayed[];
}
