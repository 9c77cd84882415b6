/** Probes that a page leaves behind. */
import { expect, it } from "vitest";
import { Probes } from "../../src/worker/probes";

const GRANTED = { ok: true as const, body: { granted: true } };
const DONE = { ok: true as const, body: {} };
const given = (option: string): object => ({ option, outcome: "aborted", attempt: 2, probe: true });

it("are given back: those that were granted and of whose end nobody was told", () => {
  const probes = new Probes();
  for (const option of ["a", "b", "c", "d"]) probes.note("permit", { permit: "probe", option }, GRANTED);
  probes.note("permit", { permit: "retry", option: "e" }, GRANTED);
  probes.note("permit", { permit: "probe", option: "f" }, { ok: true, body: { granted: false } });
  probes.note("permit", { permit: "probe", option: "g" }, { ok: false, error: { code: "engine", message: "" } });
  probes.note("outcome", { option: "a", outcome: "ok", probe: true }, DONE);
  probes.note("outcome", { option: "b", outcome: "ok", probe: false }, DONE);
  const calls = [
    { call: "began", body: { option: "d" } },
    { call: "outcome", body: { option: "c", outcome: "network", probe: true } },
  ];
  probes.note("batch", { calls }, DONE);
  expect(probes.abandoned()).toEqual([given("b"), given("d")]);
});
