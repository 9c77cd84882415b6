/** Headers that say what is left: the corpus that Python runs, too. */
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { describe, expect, it } from "vitest";
import { PLAN } from "../../src/generated/plan";
import { wordsOf } from "../../src/routing/allowance-headers";

const CASES = JSON.parse(
  readFileSync(resolve(import.meta.dirname, "../../../tests/routing/allowance-headers.json"), "utf-8"),
) as { name: string; headers: Record<string, string>; words: [string, number, number | null][] }[];

describe("headers that say what is left", () => {
  it.each(CASES.map((each) => [each.name, each] as const))("%s", (_, { headers, words }) => {
    const found = wordsOf(new Headers(Object.entries(headers).filter(([, text]) => !/[^\x20-\x7e]/.test(text))), PLAN);
    expect(found.map(({ unit, left, limit }) => [unit, left, limit ?? null])).toEqual(words);
  });
});
