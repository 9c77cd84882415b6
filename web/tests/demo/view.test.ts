import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import {
  asideOf,
  barsOf,
  cost,
  counted,
  dropText,
  endOf,
  isAnswer,
  knownFrom,
  lasting,
  orderText,
  plain,
  ringed,
  sourceText,
  tally,
  throttled,
  total,
  valueOf,
  withAttempt,
  withEnd,
  without,
  type Bar,
  type Call,
} from "../../demo/view";
import type { AttemptDetail, Num, Ranked, Term } from "../../src/types";

const ME = { workspace: "demo", device: "device-1" };

function term(dimension: string, value: Num, weight: Num | null, product: Num): Term {
  return {
    dimension,
    value,
    weight,
    product,
    value_source: ["global", ""],
    weight_source: ["global", ""],
    prior: false,
  };
}

function attempt(call: number, option: string, outcome: AttemptDetail["outcome"], latency = 0.1): AttemptDetail {
  return { call, option, outcome, latency, reason: "" };
}

describe("numbers", () => {
  it("are written with three significant digits and never with an exponent", () => {
    expect([0, 0.1, 0.21456, 1.5, 12.345, 1234.5, 0.000805, 500].map(plain)).toEqual([
      "0",
      "0.1",
      "0.215",
      "1.5",
      "12.3",
      "1235",
      "0.000805",
      "500",
    ]);
  });

  it("keep their sign, and what JSON lacks has one too", () => {
    expect([-0.25, "inf", "-inf", "nan", null].map((x) => plain(x as Num | null))).toEqual([
      "−0.25",
      "+∞",
      "−∞",
      "not a number",
      "none",
    ]);
  });

  it("carry the unit of their dimension (D4)", () => {
    expect(valueOf("latency", 0.25)).toBe("0.25 s");
    expect(valueOf("failure", 0.013)).toBe("1.3 %");
    expect(valueOf("financial", 0.000805)).toBe("$0.000805");
    expect(valueOf("explore", -0.5)).toBe("−0.5");
    expect(valueOf("latency", "inf")).toBe("+∞");
  });

  it("say for how long: in minutes where seconds are too many", () => {
    expect([1, 119, 120, 121, 300].map(lasting)).toEqual(["1 s", "119 s", "2 min", "3 min", "5 min"]);
  });

  it("line up as costs", () => {
    expect([0, 1.23456, -0.5, "inf"].map((x) => cost(x as Num))).toEqual(["0.000", "1.235", "−0.500", "+∞"]);
    expect([-0.0001, -0].map(cost)).toEqual(["0.000", "0.000"]);
  });
});

describe("bars", () => {
  const latency = (cost: number): Term => term("latency", cost, 1, cost);
  const explore = (cost: number): Term => term("explore", cost, 1, cost);

  it("are on one scale, and leave out what counts nothing", () => {
    const ranked: Ranked[] = [
      { option: "a", score: 1, terms: [latency(1), term("failure", 0, 5, 0)] },
      { option: "b", score: 4, terms: [latency(4)] },
    ];
    expect(barsOf(ranked)).toEqual(
      new Map([
        ["a", { zero: 0, lowering: [], adding: [{ dimension: "latency", share: 0.25 }] }],
        ["b", { zero: 0, lowering: [], adding: [{ dimension: "latency", share: 1 }] }],
      ]),
    );
  });

  it("take what lowers a cost off it: the other way from one line for all of them", () => {
    const ranked: Ranked[] = [
      { option: "a", score: 2, terms: [explore(-1), latency(3)] },
      { option: "b", score: 2.5, terms: [explore(-0.5), latency(3)] },
      { option: "c", score: -0.5, terms: [explore(-1), latency(0.5)] },
    ];
    const bars = barsOf(ranked);
    expect([...bars.values()].map(({ zero }) => zero)).toEqual([0.25, 0.25, 0.25]);
    expect(bars.get("b")).toEqual({
      zero: 0.25,
      lowering: [{ dimension: "explore", share: 0.125 }],
      adding: [{ dimension: "latency", share: 0.75 }],
    });
    for (const { option, score } of ranked) {
      const { lowering, adding } = bars.get(option) as Bar;
      expect((total(adding) - total(lowering)) * 4).toBeCloseTo(score as number);
    }
  });

  it("leave what lowers a cost no more room than what adds to one, and say where it goes on", () => {
    const ranked: Ranked[] = [
      { option: "a", score: -174, terms: [explore(-175), latency(1)] },
      { option: "b", score: 1.5, terms: [explore(-0.5), latency(2)] },
    ];
    const bars = barsOf(ranked);
    expect(bars.get("a")).toEqual({
      zero: 0.5,
      lowering: [{ dimension: "explore", share: 0.5 }],
      adding: [{ dimension: "latency", share: 0.25 }],
      cut: true,
    });
    expect(bars.get("b")).toEqual({
      zero: 0.5,
      lowering: [{ dimension: "explore", share: 0.125 }],
      adding: [{ dimension: "latency", share: 0.5 }],
    });
  });

  it("show what an option costs, not that it is set aside", () => {
    const aside = term("aside:key", 1, 1_000_000, 1_000_000);
    const ranked: Ranked[] = [{ option: "a", score: 1_000_001, terms: [aside, latency(1)] }];
    expect(barsOf(ranked).get("a")?.adding).toEqual([{ dimension: "latency", share: 1 }]);
  });

  it("have no parts where nothing costs anything or nothing is known", () => {
    const empty = { zero: 0, lowering: [], adding: [] };
    expect(barsOf([{ option: "a", score: 0, terms: [latency(0)] }])).toEqual(new Map([["a", empty]]));
    expect(barsOf([{ option: "a", score: "nan", terms: [term("latency", 1, "nan", "nan")] }]).get("a")).toEqual(empty);
    expect(barsOf([])).toEqual(new Map());
  });
});

describe("sources", () => {
  it("tell this device from every other place (F1)", () => {
    expect(sourceText(["device", "device-1"], ME)).toBe("this device");
    expect(sourceText(["device", "device-2"], ME)).toBe("device device-2");
    expect(sourceText(["device", ""], ME)).toBe("device, shared");
    expect(sourceText(["workspace", "demo"], ME)).toBe("workspace demo");
    expect(sourceText(["global", ""], ME)).toBe("global");
    expect(sourceText(null, ME)).toBe("nowhere");
  });

  it("say when a value is only a prior (D4)", () => {
    const known = term("latency", 1, 1, 1);
    expect(knownFrom(known, ME)).toEqual({ text: "global", prior: false });
    expect(knownFrom({ ...known, prior: true }, ME)).toEqual({ text: "assumed", prior: true });
  });
});

describe("gates", () => {
  it("of this device may be lifted here, those of an operator may not (A1)", () => {
    const own = { option: "a", dimension: "reach", value: "inf", level: "device", instance: "device-1" } as const;
    const priv = { option: "a", dimension: "priv:eu", value: "inf", level: "workspace", instance: "demo" } as const;
    expect(dropText(own, ME).own).toBe(true);
    expect(dropText({ ...own, instance: "device-2" }, ME).own).toBe(false);
    expect(dropText(priv, ME)).toEqual({
      text: "Lacks eu, which workspace demo requires; only an operator can lift that.",
      own: false,
    });
  });
});

describe("calls", () => {
  it("collect the attempts of one call and end with its answer", () => {
    let calls: Call[] = [];
    calls = withAttempt(calls, attempt(1, "groq", "server_error"), 10);
    expect(calls[0]?.end).toBe("open");
    calls = withAttempt(calls, attempt(2, "together", "ok"), 11);
    calls = withAttempt(calls, attempt(1, "anyscale", "ok"), 12);
    expect(calls.map(({ call, at, end }) => [call, at, end])).toEqual([
      [2, 11, "answered"],
      [1, 10, "answered"],
    ]);
    expect(calls[1]?.attempts.map(({ option }) => option)).toEqual(["groq", "anyscale"]);
    expect(tally(calls)).toEqual([
      ["anyscale", 1],
      ["together", 1],
    ]);
  });

  it("end as the one whose attempts are the receipt's, and show what was skipped", () => {
    const calls = withAttempt(withAttempt([], attempt(1, "a", "server_error", 0.2), 1), attempt(2, "a", "ok", 0.3), 2);
    const ended = withEnd(calls, [attempt(1, "a", "server_error", 0.2)], "failed", [
      { option: "b", reason: "cooling" },
    ]);
    expect(ended.map(({ call, end, skipped }) => [call, end, skipped.length])).toEqual([
      [2, "answered", 0],
      [1, "failed", 1],
    ]);
  });

  it("have an answer where somebody gave one, not where each declined", () => {
    const declined = attempt(1, "a", "declined");
    expect([declined, attempt(1, "b", "ok"), attempt(1, "b", "refused")].map(isAnswer)).toEqual([false, true, true]);
    expect(withAttempt([], declined, 1)[0]?.end).toBe("open");
  });

  it("are forgotten beyond the newest ones", () => {
    let calls: Call[] = [];
    for (let call = 1; call <= 9; call += 1) calls = withAttempt(calls, attempt(call, "a", "ok"), call, 3);
    expect(calls.map(({ call }) => call)).toEqual([9, 8, 7]);
  });

  it("say how an attempt ended, with its status", () => {
    expect(endOf({ outcome: "server_error", status: 503 }).text).toBe("503 server error");
    expect(endOf({ outcome: "network_error" }).text).toBe("connection lost");
  });
});

describe("announcements", () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it("name the head of the order, or that there is none", () => {
    expect(orderText(["a", "b"])).toBe("Order is now a, b.");
    expect(orderText([])).toBe("No option is left in the order.");
  });

  it("say who was set aside, and why", () => {
    const refused = term("aside:key", 1, 1_000_000, 1_000_000);
    const ranked: Ranked[] = [
      { option: "b", score: 1, terms: [term("latency", 1, 1, 1)] },
      { option: "a", score: 1_000_000, terms: [refused] },
    ];
    expect(orderText(["b", "a"], ranked)).toBe("Order is now b, a. a is set aside: its key is refused.");
    expect(ranked.map(({ terms }) => asideOf(terms))).toEqual([null, "key"]);
  });

  it("of one option are taken back without touching the others", () => {
    const told = { a: 1, b: 2 };
    expect(without(told, "a")).toEqual({ b: 2 });
    expect(without(told, "c")).toEqual(told);
    expect(told).toEqual({ a: 1, b: 2 });
  });

  it("come at once, then at most once in the gap, with the latest text", () => {
    const said: string[] = [];
    const say = throttled<string>(1000, (text) => said.push(text));
    say("one");
    say("two");
    say("three");
    expect(said).toEqual(["one"]);
    vi.advanceTimersByTime(1000);
    expect(said).toEqual(["one", "three"]);
    vi.advanceTimersByTime(5000);
    say("four");
    expect(said).toEqual(["one", "three", "four"]);
  });
});

describe("what stands behind a value", () => {
  const local = (dimension: string, value: Num, weight: Num | null): Term => ({
    ...term(dimension, value, weight, 0),
    value_source: ["local", "device-1/"],
  });
  const all = [
    { ...term("count:latency", 6.2, null, 0), value_source: ["device", "device-1"] as [string, string] },
    { ...local("explore", -0.1, 0.5), weight_source: ["local", "device-1/"] as [string, string] },
    local("latency", 0.5, 1),
    local("own:latency", 0.94, null),
    { ...term("support:latency", 3, null, 0), value_source: ["workspace", "demo"] as [string, string] },
  ];

  it("is no term of its own", () => {
    expect(counted(all).map(({ dimension }) => dimension)).toEqual(["explore", "latency"]);
  });

  it("is told beside the value: how many calls here, and how much of it is the device's own", () => {
    const [, explore, latency] = all as [Term, Term, Term];
    expect(knownFrom(latency, ME, all).text).toBe("this device, 6 calls, 94 % own evidence");
    expect(knownFrom({ ...latency, value_source: ["workspace", "demo"] }, ME, all).text).toBe(
      "workspace demo, 3 voices",
    );
    expect(knownFrom(explore, ME, all).text).toBe("little known, worth a try");
    expect(knownFrom({ ...explore, product: -9 }, ME, all).text).toMatch(/tried next/);
    expect(knownFrom({ ...explore, weight: 0 }, ME, all).text).toBe("nothing to find out now");
    expect(knownFrom({ ...explore, weight: 1e-8 }, ME, all).text).toBe("nothing to find out now");
    expect(sourceText(explore.weight_source, ME)).toBe("this device");
  });

  it("is not told where nobody said it", () => {
    const one = [local("failure", 0.1, 1), local("count:failure", 0.3, null), local("own:failure", 1, null)];
    expect(knownFrom(one[0] as Term, ME, one).text).toBe("this device, 1 call");
    expect(knownFrom(term("failure", 0.1, 1, 0.1), ME, one).text).toBe("global");
  });
});

describe("the receipts that are kept", () => {
  it("are the last so many, in order, however many calls there were", () => {
    let kept: readonly number[] = [];
    for (let call = 0; call < 10_000; call += 1) {
      kept = ringed(kept, call, 500);
      expect(kept.length).toBe(Math.min(call + 1, 500));
    }
    expect([kept[0], kept.at(-1)]).toEqual([9500, 9999]);
  });
});
