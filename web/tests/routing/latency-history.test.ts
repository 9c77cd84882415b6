/** The p95 of an option's times, kept in order as they come, beside the plain definition. */
import { expect, it } from "vitest";
import { PLAN } from "../../src/generated/plan";
import { LatencyHistory } from "../../src/routing/latency-history";

it("has the p95 that sorting its last times gives, whatever comes", () => {
  const limits = { ...PLAN.limits, history: 20, history_min: 3 };
  const [history, times] = [new LatencyHistory(limits), [] as number[]];
  for (let at = 0; at < 2000; at += 1) {
    const odd = [Number.NaN, Infinity, -1][at % 50];
    // Few values, so that many are equal.
    const seconds = odd ?? Math.floor(Math.random() * 10) / 10;
    history.add(seconds);
    if (odd === undefined) times.push(seconds);
    const last = times.slice(-limits.history).sort((one, other) => one - other);
    const wanted = last.length < limits.history_min ? null : (last[Math.ceil(0.95 * last.length) - 1] ?? null);
    expect(history.p95).toBe(wanted);
  }
});
