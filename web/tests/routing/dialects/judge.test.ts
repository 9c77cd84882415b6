/** The corpus of responses, through the page's judge; Python runs the same file through its own. */
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { describe, expect, it } from "vitest";
import type { Expects } from "../../../src/generated/calls";
import { PLAN } from "../../../src/generated/plan";
import { Judge } from "../../../src/routing/dialects/judge";
import { joined } from "../../../src/streams/bytes";

interface Case {
  name: string;
  type?: string;
  path?: string;
  expects?: Expects;
  streaming?: boolean | null;
  any_form?: boolean;
  body: string;
  encoding?: "latin-1";
  want: unknown;
}

const FILE = resolve(import.meta.dirname, "../../../../tests/routing/answers.json");
const CASES = JSON.parse(readFileSync(FILE, "utf-8")) as Case[];

/** The twin of tests/routing/judged.py. */
function judged(one: Case, size: number): unknown {
  const { type: mediaType = "", path = "/v1/chat/completions", expects = "answer", streaming = false } = one;
  const asked = { expects, mediaType, path, streaming: streaming ?? undefined, anyForm: one.any_form ?? false };
  const judge = new Judge(asked, PLAN);
  const body = one.encoding ? Uint8Array.from(Buffer.from(one.body, "latin1")) : new TextEncoder().encode(one.body);
  const pieces: Uint8Array[] = [];
  for (let at = 0; at < body.length; at += size) pieces.push(body.slice(at, at + size));
  const began: Uint8Array[] = [];
  while (judge.form === undefined && judge.invalid === undefined && pieces.length > 0) {
    const piece = pieces.shift() ?? new Uint8Array();
    began.push(piece);
    judge.feed(piece);
  }
  if (judge.form === undefined && judge.invalid === undefined) judge.ends();
  if (judge.invalid !== undefined || judge.form === undefined) return { invalid: judge.invalid };
  const listener = judge.listener();
  let isHanded = false;
  for (const piece of [joined(began), ...pieces]) {
    const { error, tokens, others, finished } = listener.feed(piece);
    if (error !== undefined) return { form: judge.form, ends: "failed" };
    isHanded ||= tokens + others > 0 || finished;
  }
  const ends = listener.ends();
  const told = isHanded && judge.form === "events" && ends !== "complete" ? { handed: true } : {};
  return { form: judge.form, ends, ...told };
}

describe("a response", () => {
  it.each(CASES.map((one) => [one.name, one] as const))("%s", (_name, one) => {
    expect([1, 7, 1 << 20].map((size) => judged(one, size))).toEqual([one.want, one.want, one.want]);
  });
});
