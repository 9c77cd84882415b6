/** The caller's own mistakes: what `fetch` throws, after one attempt, and nothing learned of anybody. */
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { RoutedFetch } from "../../src/call/fetch";
import { PLAN } from "../../src/generated/plan";
import type { OutcomeBody } from "../../src/generated/calls";
import { Health } from "../../src/routing/health";
import { isWhatItSays } from "../../src/network/integrity";
import { failsAt } from "../../src/call/misuse";
import type { AttemptDetail, RoutedInit } from "../../src/types";
import { contextOf } from "../context";

const HERE = "https://here.example/";
const SAID = "sha256-+0bHm363rxdfSTdVtJGvqbJVdKkjC4gixinyJKLfTlg=";

let sent: Request[];
let learned: OutcomeBody[];
let attempts: AttemptDetail[];
let health: Health;
/** What the network does with a request that the browser lets out. */
let answer: (request: Request) => Response | Promise<Response>;

beforeEach(() => {
  [sent, learned, attempts, health] = [[], [], [], new Health(PLAN)];
  answer = () => new Response("said");
  vi.stubGlobal("location", new URL(HERE));
  // As a browser does: what the standard forbids never leaves it.
  vi.stubGlobal("fetch", async (request: Request) => {
    sent.push(request);
    const size = request.body ? (await request.clone().arrayBuffer()).byteLength : 0;
    const isForeign = new URL(request.url).origin !== new URL(HERE).origin;
    if ((request.mode === "same-origin" && isForeign) || (request.keepalive && size > 65_536))
      throw new TypeError("Failed to fetch");
    return answer(request);
  });
});

afterEach(() => {
  vi.unstubAllGlobals();
});

function routed(addresses: Record<string, string> = { a: "https://a.example", b: "https://b.example" }): RoutedFetch {
  const upstreams = Object.fromEntries(Object.entries(addresses).map(([option, url]) => [option, { url }]));
  return new RoutedFetch(
    contextOf(upstreams, {
      health,
      onAttempt: (detail) => attempts.push(detail),
      onOutcome: (body) => learned.push(body),
    }),
  );
}

/** As a browser makes it of a redirect that is not followed. */
function redirected(): Response {
  return Object.defineProperties(new Response(null), { type: { value: "opaqueredirect" }, status: { value: 0 } });
}

describe("a request that no option could answer", () => {
  const post = { method: "POST", body: "said", idempotent: true };
  it.each<[string, RoutedInit]>([
    ["too long for keepalive", { ...post, keepalive: true, body: "x".repeat(65_537) }],
    ["of this origin alone", { ...post, mode: "same-origin" }],
    ["not to be redirected", { ...post, redirect: "error" }],
    ["in a mode that follows redirects alone", { method: "POST", body: "x", mode: "no-cors", redirect: "manual" }],
  ])("is the caller's, %s: one attempt, and nobody to blame", async (_, init) => {
    answer = () => {
      if (init.redirect !== "error") throw new TypeError("Failed to fetch");
      return redirected();
    };
    const router = routed();
    for (let call = 1; call <= 6; call += 1) {
      const error: unknown = await router.fetch("/x", init).catch((thrown: unknown) => thrown);
      expect(Object.getPrototypeOf(error)).toBe(TypeError.prototype);
      expect(router.receipt(error as object)).toMatchObject({ end: "aborted", attempts: [{ outcome: "unusable" }] });
      expect([sent.length, attempts.length]).toEqual([init.keepalive ? 0 : call, call]);
    }
    expect(learned).toEqual([]);
    expect(health.breaker("a").data()).toMatchObject({ state: "closed" });
  });

  it("goes on to an option that it suits", async () => {
    const router = routed({ a: "https://a.example", home: `${HERE}api` });
    const response = await router.fetch("/x", { mode: "same-origin" });
    expect(router.receipt(response)?.attempts).toMatchObject([
      { option: "a", outcome: "unusable" },
      { option: "home", outcome: "ok" },
    ]);
    expect(learned.map(({ option }) => option)).toEqual(["home"]);
  });

  it("counts the bodies that are kept alive at once together", async () => {
    const half = { ...post, keepalive: true, body: "x".repeat(40_000) };
    let release = (): void => undefined;
    answer = async () => {
      await new Promise<void>((resolve) => {
        release = resolve;
      });
      return new Response();
    };
    const router = routed();
    const first = router.fetch("/x", half);
    await expect.poll(() => sent.length).toBe(1);
    await expect(router.fetch("/x", half)).rejects.toThrow("keepalive");
    expect([sent.length, learned.length]).toEqual([1, 0]);
    release();
    await first;
    answer = () => new Response("said");
    expect(await (await router.fetch("/x", half)).text()).toBe("said");
  });

  it("is told by its address and its wishes", () => {
    const wishes = (init: RequestInit): Request => new Request("https://a.example/", init);
    const only = Object.defineProperty(wishes({}), "cache", { value: "only-if-cached" });
    const [far, near] = ["https://a.example/x", `${HERE}x`];
    expect([failsAt(far, only), failsAt(near, only)]).toEqual([true, true]);
    const cases: [RequestInit, boolean, boolean][] = [
      [{}, false, false],
      [{ redirect: "error", integrity: SAID }, false, false],
      [{ mode: "same-origin" }, true, false],
      [{ mode: "no-cors" }, false, false],
      [{ mode: "no-cors", redirect: "error" }, true, false],
      [{ mode: "no-cors", integrity: SAID }, true, false],
    ];
    for (const [init, away, here] of cases) {
      expect(failsAt(far, wishes(init))).toBe(away);
      expect(failsAt(near, wishes(init))).toBe(here);
    }
  });
});

describe("integrity", () => {
  it("is looked into here: an answer that is another is the caller's TypeError, and no failure", async () => {
    const router = routed();
    const same = await router.fetch("/x", { integrity: SAID });
    expect([await same.text(), router.receipt(same)?.option]).toEqual(["said", "a"]);
    expect(sent[0]?.integrity).toBe("");
    answer = () => new Response("another");
    const error: unknown = await router.fetch("/x", { ...{ method: "POST", body: "b" }, integrity: SAID }).catch((thrown: unknown) => thrown); // prettier-ignore
    expect(Object.getPrototypeOf(error)).toBe(TypeError.prototype);
    expect(router.receipt(error as object)).toMatchObject({ option: "a", attempts: [{ outcome: "ok" }] });
    expect([sent.length, new Set(learned.map(({ outcome }) => outcome))]).toEqual([2, new Set(["ok"])]);
    answer = () => new Response(null, { status: 204 });
    await expect(router.fetch("/x", { integrity: SAID })).rejects.toThrow("without a body");
  });

  it("goes on to the next option where a connection fails, which is no mistake of the caller's", async () => {
    answer = ({ url }) => {
      if (url.includes("a.example")) throw new TypeError("Failed to fetch");
      return new Response("said");
    };
    expect(await (await routed().fetch("/x", { integrity: SAID })).text()).toBe("said");
  });

  it.each([
    [SAID, true],
    [`${SAID}?with=option`, true],
    [SAID.replace("+", "-"), true],
    [`sha256-AAAA\n${SAID}`, true],
    [`${SAID} sha384-AAAA`, false],
    ["sha256-AAAA", false],
    ["md5-abc", true],
    [" ", true],
  ])("says by %j: %s", async (metadata, same) => {
    expect(await isWhatItSays(new TextEncoder().encode("said").buffer, metadata)).toBe(same);
  });
});

describe("a request as it goes out", () => {
  it("keeps the caller's referrer, signal and priority, also where an upstream makes another of it", async () => {
    const upstreams = {
      a: { url: "https://a.example" },
      b: { url: "https://b.example", prepare: ({ url, headers }: Request) => new Request(url, { headers }) },
    };
    for (const option of ["a", "b"]) {
      const router = new RoutedFetch(contextOf(upstreams, { queue: () => [option] }));
      const stop = new AbortController();
      answer = () => new Promise(() => undefined);
      const waiting = router.fetch("/x", { signal: stop.signal, referrerPolicy: "no-referrer" });
      await expect.poll(() => sent.length).toBe(1);
      if (option === "a") expect(sent[0]?.referrerPolicy).toBe("no-referrer");
      stop.abort();
      await expect(waiting).rejects.toThrow("aborted");
      expect(sent.pop()?.signal.aborted).toBe(true);
    }
  });
});
