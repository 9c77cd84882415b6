/** What refusals say, by the corpus that Python runs as well. */
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { expect, it } from "vitest";
import { says } from "../src/routing/classify";
import { PLAN } from "../src/generated/plan";

interface Refusal {
  provider: string;
  status: number;
  body: unknown;
  says: string[];
}

const FILE = resolve(import.meta.dirname, "../../tests/routing/refusals.json");
const REFUSALS = JSON.parse(readFileSync(FILE, "utf-8")) as Refusal[];

it.each(REFUSALS)("$provider, $status: $body", ({ body, says: expected }) => {
  expect(says(typeof body === "string" ? body : JSON.stringify(body), PLAN)).toEqual(expected);
});

it("looks at nothing that is quoted of the request", () => {
  const message = "Refused: 'input': {'messages': 'insufficient_quota'}";
  expect(says(JSON.stringify({ error: { message } }), PLAN)).toEqual([]);
  expect(says(JSON.stringify({ message: "Bad", input: "insufficient_quota" }), PLAN)).toEqual([]);
});
