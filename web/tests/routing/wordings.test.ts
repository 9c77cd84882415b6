/** What refusals say, by the corpus that Python runs as well. */
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { expect, it } from "vitest";
import { ruleOf, says } from "../../src/routing/classify";
import { PLAN } from "../../src/generated/plan";

interface Refusal {
  provider: string;
  status: number;
  body: unknown;
  says: string[];
  /** Its outcome where nothing is inferred; `keyed`: where a key is declared besides. */
  plain?: string;
  keyed?: string;
}

const FILE = resolve(import.meta.dirname, "../../../tests/routing/refusals.json");
const REFUSALS = JSON.parse(readFileSync(FILE, "utf-8")) as Refusal[];

it.each(REFUSALS)("$provider, $status: $body", ({ body, says: expected }) => {
  expect(says(typeof body === "string" ? body : JSON.stringify(body), PLAN)).toEqual(expected);
});

const PLAIN = REFUSALS.flatMap(({ plain, keyed, ...refusal }) => [
  ...(plain === undefined ? [] : [{ ...refusal, isKeyed: false, outcome: plain }]),
  ...(keyed === undefined ? [] : [{ ...refusal, isKeyed: true, outcome: keyed }]),
]);

it.each(PLAIN)("plain, $status, keyed $isKeyed: $body", ({ body, status, isKeyed, outcome }) => {
  const said = says(typeof body === "string" ? body : JSON.stringify(body), PLAN);
  expect(ruleOf({ kind: "status", status, says: said, keyed: isKeyed }, PLAN).outcome).toBe(outcome);
});

it("looks at nothing that is quoted of the request", () => {
  const message = "Refused: 'input': {'messages': 'insufficient_quota'}";
  expect(says(JSON.stringify({ error: { message } }), PLAN)).toEqual([]);
  expect(says(JSON.stringify({ message: "Bad", input: "insufficient_quota" }), PLAN)).toEqual([]);
});
