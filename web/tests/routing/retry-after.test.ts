/** Retry-After in all its forms: the corpus that Python runs, too. */
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { describe, expect, it } from "vitest";
import { retryAfterSeconds } from "../../src/routing/retry-after-header";

const NOW = Date.UTC(1994, 10, 6, 8, 49, 7) / 1000;
const CORPUS = JSON.parse(
  readFileSync(resolve(import.meta.dirname, "../../../tests/routing/retry-after.json"), "utf-8"),
) as { header: string; now: number; seconds: number | null }[];

describe("Retry-After", () => {
  it.each([
    ["120", 120],
    [" 1.5 ", 1.5],
    ["0", 0],
    ["Sun, 06 Nov 1994 08:49:37 GMT", 30],
    ["Sunday, 06-Nov-94 08:49:37 GMT", 30],
    ["Sun Nov  6 08:49:37 1994", 30],
    ["Sun, 06 Nov 1994 08:00:00 GMT", 0],
  ])("reads %s", (header, seconds) => {
    expect(retryAfterSeconds(header, NOW)).toBe(seconds);
  });

  it.each([null, "", "soon", "-5", "1e3", "Sun, 99 Xxx 1994 08:49:37 GMT", "1994-11-06T08:49:37Z"])(
    "does not read %s",
    (header) => {
      expect(retryAfterSeconds(header, NOW)).toBeUndefined();
    },
  );

  it.each(CORPUS.map((each) => [each.header, each] as const))("reads %s as Python does", (header, { now, seconds }) => {
    expect(retryAfterSeconds(header, now) ?? null).toBe(seconds);
  });
});
