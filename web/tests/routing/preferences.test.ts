/** The preferences of a call: the rules by the corpus that Python runs as well, their checks, and calls that have some. */
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { meant } from "../../src/base";
import { checkChatWords } from "../../src/config";
import { RoutedFetch } from "../../src/call/fetch";
import { Chat } from "../../src/chat/chat";
import type { Figures, Preferences } from "../../src/generated/calls";
import { type TokenCount, tokensOf } from "../../src/routing/call-size";
import { arrange, figuresFor, whySkipped, type Properties } from "../../src/routing/preferences";
import type { FetchContext } from "../../src/call/call-context";
import type { RoutedInit } from "../../src/types";
import { contextOf } from "../context";
import { replayed } from "../replayed";
import { pairForEach, type TestUpstream } from "../upstream";

interface Case {
  name: string;
  queue: string[];
  asked: Preferences;
  figures?: Record<string, Figures>;
  properties?: Record<string, Properties>;
  want: { queue: string[]; skipped: Record<string, string> };
}

function casesOf<T>(file: string): T[] {
  return JSON.parse(readFileSync(resolve(import.meta.dirname, "../../../tests/routing", file), "utf-8")) as T[];
}

let alpha: TestUpstream;
let beta: TestUpstream;

pairForEach((...pair) => {
  [alpha, beta] = pair;
});

describe("the rules", () => {
  it.each(casesOf<Case>("preferences.json"))("$name", ({ queue, asked, figures, properties, want }) => {
    const found = arrange(queue, asked, figures, properties);
    expect({ ...found, skipped: [...found.skipped] }).toEqual({ ...want, skipped: Object.entries(want.skipped) });
  });

  it.each(casesOf<{ name: string; figures: Figures; tokens: TokenCount; want: Figures }>("call-costs.json"))(
    "cost of a call: $name",
    ({ figures, tokens, want }) => {
      const { a = {} } = figuresFor({ a: figures }, tokens);
      expect(Object.keys(a)).toEqual(Object.keys(want));
      for (const name of ["cost", "latency"] as const) if (name in want) expect(a[name]).toBeCloseTo(want[name] ?? 0);
    },
  );

  it.each(casesOf<{ name: string; body: unknown; want: TokenCount }>("call-sizes.json"))(
    "size of a request: $name",
    ({ body, want }) => {
      expect(tokensOf(body)).toEqual(want);
    },
  );

  it.each(casesOf<{ word: string; known: string[]; meant: string | null }>("spelling.json"))(
    "spelling: $word among $known",
    ({ word, known, meant: wanted }) => {
      expect(meant(word, known) ?? null).toBe(wanted);
    },
  );

  it("give reasons with their numbers", () => {
    const [asked, figures] = [{ max_cost: 0.01, max_latency: 2 }, { a: { cost: 0.5, latency: 3.25 } }];
    expect(whySkipped("a", "max-cost", asked, figures)).toBe("max-cost: 0.5 USD expected, 0.01 allowed");
    expect(whySkipped("a", "max-latency", asked, figures)).toBe("max-latency: 3.25 s expected, 2 allowed");
    expect(whySkipped("a", "ignored", asked, figures)).toBe("ignored");
  });
});

describe("a call with preferences", () => {
  let began: unknown[];
  let context: FetchContext;
  let router: RoutedFetch;

  beforeEach(() => {
    began = [];
    context = contextOf(
      { alpha: { url: alpha.url }, beta: { url: beta.url } },
      { onBegan: (option, first) => began.push([option, first]) },
    );
    router = new RoutedFetch(context);
  });

  it("is answered by the options that it admits, and its receipt replays", async () => {
    const response = await router.fetch("/v1/hello", { only: ["beta"] });
    expect(await response.text()).toBe("beta");
    const receipt = router.receipt(response);
    expect(receipt).toMatchObject({
      queue: ["beta"],
      preferences: { asked: { only: ["beta"] }, from: ["alpha", "beta"] },
      skipped: [{ option: "alpha", reason: "not-only" }],
    });
    expect(began).toEqual([["beta", false]]);
  });

  it("keeps the order that it says, and falls back within it", async () => {
    beta.status = 503;
    const response = await router.fetch("/v1/hello", { order: ["beta"] });
    expect(await response.text()).toBe("alpha");
    expect(router.receipt(response)).toMatchObject({ queue: ["beta", "alpha"], skipped: [] });
  });

  it("is nobody's choice but the learner's where it leaves the first option", async () => {
    await (await router.fetch("/v1/hello", { prefer: ["alpha"] })).text();
    expect(began).toEqual([["alpha", true]]);
  });

  it("fails at once where it leaves no option, and says what excluded which", async () => {
    const call = router.fetch("/v1/hello", { only: ["alpha"], ignore: ["alpha"] });
    const error: unknown = await call.catch((why: unknown) => why);
    expect(error).toMatchObject({
      code: "excluded",
      message: "what GET /v1/hello asks for leaves no option: alpha: skipped (ignored); beta: skipped (not-only)",
      skipped: [
        { option: "alpha", reason: "ignored" },
        { option: "beta", reason: "not-only" },
      ],
    });
    expect(alpha.seen).toEqual([]);
    expect(router.receipt(error as object)).toMatchObject({ end: "failed", error: "excluded" });
  });

  it("is made at its own cursor, which stands in the receipt", async () => {
    const places: unknown[] = [];
    const routed = new RoutedFetch({
      ...context,
      queue: (at) => {
        places.push({ ...at });
        return Promise.resolve(at?.["site"] === "ulm" ? ["beta"] : ["alpha"]);
      },
      onOutcome: ({ task }) => places.push(task),
    });
    const response = await routed.fetch("/v1/hello", { cursor: { site: "ulm" }, task: "sums", ignore: ["alpha"] });
    expect(await response.text()).toBe("beta");
    const at = { site: "ulm", task: "sums" };
    expect(places).toEqual([at, at, "sums"]);
    expect(routed.receipt(response)).toMatchObject({ cursor: at, task: "sums", queue: ["beta"] });
  });

  it("is passed over by what is dearer or slower than it may be, as far as that is known", async () => {
    const known = { alpha: { cost: 0.02, latency: 0.1, price_in: 4000 }, beta: { latency: 3 } };
    const routed = new RoutedFetch({ ...context, figures: () => Promise.resolve(known) });
    const cheap = await routed.fetch("/v1/hello", { maxCost: 0.01 });
    expect(await cheap.text()).toBe("beta");
    const receipt = routed.receipt(cheap);
    expect(receipt?.skipped).toEqual([{ option: "alpha", reason: "max-cost" }]);
    expect(receipt?.preferences?.figures).toEqual({ alpha: { cost: 0.02, latency: 0.1 }, beta: { latency: 3 } });
    const quick = await routed.fetch("/v1/hello", { maxLatency: 2 });
    expect(await quick.text()).toBe("alpha");
    const error: unknown = await routed
      .fetch("/v1/hello", { maxCost: 0.01, maxLatency: 2 })
      .catch((why: unknown) => why);
    expect(error).toMatchObject({
      code: "excluded",
      message:
        "what GET /v1/hello asks for leaves no option: alpha: skipped (max-cost: 0.02 USD expected, 0.01 allowed); " +
        "beta: skipped (max-latency: 3 s expected, 2 allowed)",
    });
    const decided = await replayed([receipt, routed.receipt(quick), routed.receipt(error as object)]);
    expect(decided.map(({ order }) => order)).toEqual([["beta"], ["alpha"], []]);
  }, 20_000);

  it("is as large as what it sends, a body or a chat", async () => {
    const known = { alpha: { cost: 0.001, price_in: 1 } };
    const routed = new RoutedFetch({ ...context, figures: () => known });
    const text = "x".repeat(400_000);
    const body = JSON.stringify({ messages: [{ role: "user", content: text }] });
    const large = await routed.fetch("/v1/hello", { method: "POST", body, maxCost: 0.05 });
    expect(await large.text()).toBe("beta");
    const small = await routed.fetch("/v1/hello", { method: "POST", body: "no JSON", maxCost: 0.05 });
    expect(await small.text()).toBe("alpha");
    const chat = new Chat(routed, { messages: [{ role: "user", content: text }] }, { maxCost: 0.05, only: ["alpha"] });
    await expect(chat.text()).rejects.toMatchObject({ code: "excluded" });
  });

  it("stays with the option that holds its prompt, and takes it along where that fails; the receipt says why", async () => {
    const figures = { alpha: { score: 1, dollar: 1 }, beta: { score: 1, dollar: 1 } };
    const routed = new RoutedFetch({ ...context, figures: () => figures });
    const option = async (affinity: string): Promise<string | undefined> =>
      routed.receipt(await routed.fetch("/v1/hello", { affinity }))?.option;
    const keys = Array.from({ length: 12 }, (_, number) => `talk ${number}`);
    const homes = await Promise.all(keys.map(option));
    expect(new Set(homes)).toEqual(new Set(["alpha", "beta"]));
    expect(await Promise.all(keys.map(option))).toEqual(homes);
    const affinity = keys[homes.indexOf("beta")] ?? "";
    beta.status = 503;
    expect(await option(affinity)).toBe("alpha");
    beta.status = 200;
    const response = await routed.fetch("/v1/hello", { affinity });
    const receipt = routed.receipt(response);
    expect(receipt?.option).toBe("alpha");
    expect(receipt?.preferences?.asked).toEqual({ affinity: { option: "alpha", saves: 0.02 } });
    expect((await replayed([receipt]))[0]?.order).toEqual(["alpha", "beta"]);
    for (const odd of ["", 3, "x".repeat(257)])
      await expect(routed.fetch("/x", { affinity: odd as string })).rejects.toThrow(/affinity: .*1 to 256 letters/);
  }, 20_000);

  it("needs what is declared of the upstreams", async () => {
    const properties = { region: ["eu"], capabilities: ["tools", "vision"] };
    const routed = new RoutedFetch(
      contextOf({
        alpha: { url: alpha.url, properties: { region: "us" } },
        beta: { url: beta.url, properties },
      }),
    );
    const response = await routed.fetch("/v1/hello", { needs: { region: ["eu", "ch"], capabilities: "tools" } });
    expect(await response.text()).toBe("beta");
    const receipt = routed.receipt(response);
    expect(receipt?.skipped).toEqual([{ option: "alpha", reason: "needs:region" }]);
    expect(receipt?.preferences).toMatchObject({ properties: { alpha: { region: ["us"] }, beta: properties } });
    expect((await replayed([receipt]))[0]?.order).toEqual(["beta"]);
  }, 20_000);

  it("has no cap that is known where nobody knows figures", async () => {
    const response = await router.fetch("/v1/hello", { maxCost: 0 });
    expect(await response.text()).toBe("alpha");
    expect(router.receipt(response)?.preferences).toEqual({ asked: { max_cost: 0 }, from: ["alpha", "beta"] });
  });

  it("is decided again from its receipt", async () => {
    const receipts = [];
    for (const init of [{ only: ["beta"] }, { order: ["beta"], ignore: ["alpha"] }, { prefer: ["beta"] }]) {
      const response = await router.fetch("/v1/hello", init);
      await response.text();
      receipts.push(router.receipt(response));
    }
    const error: unknown = await router.fetch("/", { ignore: ["alpha", "beta"] }).catch((why: unknown) => why);
    receipts.push(router.receipt(error as object));
    const decided = await replayed(receipts);
    expect(decided.map(({ order }) => order)).toEqual([["beta"], ["beta"], ["beta", "alpha"], []]);
    expect(decided[3]?.skipped).toEqual({ alpha: "ignored", beta: "ignored" });
  }, 20_000);

  it("has a deadline of its own", async () => {
    alpha.mode = beta.mode = "silent";
    const began = performance.now();
    await expect(router.fetch("/v1/hello", { deadline: 200 })).rejects.toMatchObject({ code: "exhausted" });
    expect(performance.now() - began).toBeLessThan(2000);
  });

  it("stands in a chat, too", async () => {
    const chat = new Chat(router, { messages: [] }, { only: ["beta"], ignore: ["beta"] });
    await expect(chat.text()).rejects.toMatchObject({ code: "excluded" });
  });

  it.each<[RoutedInit & Record<string, unknown>, string]>([
    [{ onyl: ["beta"] }, 'fetch: onyl: did you mean "only"?'],
    [{ Prefer: ["beta"] }, 'fetch: Prefer: did you mean "prefer"?'],
    [{ only: [] }, "only: an empty list admits no option"],
    [{ only: "beta" as unknown as string[] }, 'only: "beta" is not a list of options'],
    [{ ignore: [3 as unknown as string] }, "ignore[0]: 3 is not the name of an option"],
    [{ order: ["betta"] }, 'order: "betta" is no option: did you mean "beta"? (known: alpha, beta)'],
    [{ prefer: ["nobody"] }, 'prefer: "nobody" is no option (known: alpha, beta)'],
    [{ cursor: 3 as never }, "cursor: 3 is not an object of texts"],
    [{ cursor: { site: 3 as never } }, 'cursor["site"]: 3 is not a text'],
    [{ cursor: { task: "a" }, task: "b" }, 'task: "b" and cursor.task: "a" are two kinds of work'],
    [{ needs: ["eu"] as never }, "needs: an object is not an object of properties"],
    [{ needs: { region: [] } }, "needs.region: an object is not a text or a list of texts"],
    [{ maxCost: -1 }, "maxCost: -1 is not a finite number, at least 0"],
    [{ maxLatency: "2" as never }, 'maxLatency: "2" is not a finite number, at least 0'],
    [{ max_cost: 1 }, 'fetch: max_cost: did you mean "maxCost"?'],
    [{ deadline: 0 }, "deadline: 0 is not a positive number of milliseconds, at most 2147483647"],
  ])("is refused by name for what cannot be meant: %o", async (init, message) => {
    await expect(router.fetch("/v1/hello", init)).rejects.toMatchObject({ code: "config", message });
    expect(alpha.seen).toEqual([]);
  });

  it("leaves alone what other fetches know and this one does not", async () => {
    const init = { dispatcher: null, next: { revalidate: 1 }, only: undefined, ignore: [] } as RoutedInit;
    const response = await router.fetch("/v1/hello", init);
    expect(router.receipt(response)).not.toHaveProperty("preferences");
    await response.text();
  });

  it("is refused in a chat for any word that a chat does not have", () => {
    const refuse = (init: Record<string, unknown>): void => {
      checkChatWords(init);
    };
    expect(() => {
      refuse({ maxTokens: 3 });
    }).toThrow(/^chat: maxTokens: is none of signal, restart/);
    expect(() => {
      refuse({ odrer: [] });
    }).toThrow('chat: odrer: did you mean "order"?');
    expect(() => {
      refuse({ order: [], headers: {}, task: "x" });
    }).not.toThrow();
  });

  it("lists a few known options where there are many", async () => {
    const many = Object.fromEntries(Array.from({ length: 30 }, (_, at) => [`o${at}`, { url: alpha.url }]));
    const call = new RoutedFetch(contextOf(many)).fetch("/", { only: ["nobody"] });
    await expect(call).rejects.toThrow(/\(known: o0, o1, o10, .*, …\)/);
  });
});
