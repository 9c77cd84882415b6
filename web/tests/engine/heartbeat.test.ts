/** An engine that says nothing, and a page that was asleep itself. */
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { PLAN } from "../../src/generated/plan";
import { Heartbeat } from "../../src/engine/heartbeat";

let asked: number;
let silent: number;
let answers: boolean;
let heart: Heartbeat;

beforeEach(() => {
  vi.useFakeTimers();
  [asked, silent, answers] = [0, 0, true];
  heart = new Heartbeat(
    PLAN.limits,
    () => {
      asked += 1;
      if (answers)
        setTimeout(() => {
          heart.heard();
        }, 10);
    },
    () => (silent += 1),
  );
});

afterEach(() => {
  heart.stop();
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

describe("an engine", () => {
  it("that answers is asked again and again", () => {
    vi.advanceTimersByTime(60_000);
    expect([asked, silent]).toEqual([13, 0]);
  });

  it("that does not answer two questions in a row hangs, and that is said once", () => {
    vi.advanceTimersByTime(30_000);
    answers = false;
    vi.advanceTimersByTime(9000);
    expect(silent).toBe(0);
    vi.advanceTimersByTime(60_000);
    expect(silent).toBe(1);
  });

  it("has had no time to answer while the device slept", () => {
    answers = false;
    vi.advanceTimersByTime(6000);
    vi.setSystemTime(Date.now() + 600_000);
    vi.advanceTimersByTime(5000);
    expect(silent).toBe(0);
    vi.advanceTimersByTime(10_000);
    expect(silent).toBe(1);
  });

  it("is not asked by a page that nobody sees", () => {
    vi.stubGlobal("document", { visibilityState: "hidden" });
    answers = false;
    vi.advanceTimersByTime(60_000);
    expect([asked, silent]).toEqual([1, 0]);
  });
});
