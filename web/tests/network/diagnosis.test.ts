/** What a page finds out about a failed call: over a network that is made up, by clocks that are pushed. */
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Awake } from "../../src/network/sleep-detector";
import { Gaps } from "../../src/routing/clock-gap";
import { PLAN } from "../../src/generated/plan";
import { CorsHistory } from "../../src/state/cors-history";
import { isLoopback, isMixed, FailureDiagnosis } from "../../src/network/diagnosis";

const LIMITS = { ...PLAN.limits };
const ADDRESS = "https://far.example/v1/chat?key=secret";

let page: EventTarget;
let asked: [address: string, mode: string | undefined][];
let reachable: (address: string, mode: string | undefined) => boolean;
let sight: FailureDiagnosis;

beforeEach(() => {
  page = new EventTarget();
  [asked, reachable] = [[], () => false];
  vi.stubGlobal("addEventListener", page.addEventListener.bind(page));
  vi.stubGlobal("removeEventListener", page.removeEventListener.bind(page));
  vi.stubGlobal("navigator", { onLine: true });
  vi.stubGlobal("location", new URL("https://here.example/"));
  vi.stubGlobal("fetch", (address: string, { mode }: RequestInit) => {
    asked.push([address, mode]);
    return reachable(address, mode) ? Promise.resolve(new Response()) : Promise.reject(new TypeError("failed"));
  });
  sight = new FailureDiagnosis(LIMITS, new CorsHistory());
});

afterEach(() => {
  sight.close();
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

const failed = (address = ADDRESS) => ({ option: "a", address, began: performance.now() - 5 });
const violation = (more: object): Event =>
  Object.assign(
    new Event("securitypolicyviolation"),
    { disposition: "enforce", effectiveDirective: "connect-src" },
    more,
  );

describe("a failed call", () => {
  it("is an outage where nobody answers, and is looked into once in a period", async () => {
    expect(await sight.look(failed())).toMatchObject({ kind: "network" });
    expect(asked).toEqual([
      ["https://far.example/v1/chat", "no-cors"],
      ["https://far.example/%76%31/%63%68%61%74", "no-cors"],
    ]);
    expect(await sight.look(failed())).toMatchObject({ kind: "network" });
    expect(asked).toHaveLength(2);
    page.dispatchEvent(new Event("online"));
    await sight.look(failed());
    expect(asked).toHaveLength(4);
  });

  it("may not be read, or is hidden for now where it could be read before", async () => {
    reachable = (_, mode) => mode === "no-cors";
    expect(await sight.look(failed())).toMatchObject({ kind: "unreadable", reason: "cors" });
    const known = new FailureDiagnosis(LIMITS, new CorsHistory());
    known.reads("a", new Response());
    expect(await known.look(failed())).toMatchObject({ kind: "masked" });
    known.close();
  });

  it("that asked for an answer unread is withheld where it may be read alone, and else an outage", async () => {
    const sealed = { ...failed(), request: { mode: "no-cors" } as const };
    reachable = (_, mode) => mode === "cors";
    expect(await sight.look(sealed)).toMatchObject({ kind: "prepare" });
    expect(await sight.look(failed())).toMatchObject({ kind: "network" });
    page.dispatchEvent(new Event("online"));
    reachable = (_, mode) => mode === "no-cors";
    expect(await sight.look(sealed)).toMatchObject({ kind: "network" });
    expect(await sight.look(failed())).toMatchObject({ kind: "unreadable" });
    page.dispatchEvent(new Event("online"));
    reachable = () => false;
    expect(await sight.look(sealed)).toMatchObject({ kind: "network" });
  });

  it("was one connection where the server answers readably", async () => {
    reachable = () => true;
    expect(await sight.look(failed())).toMatchObject({ kind: "network" });
  });

  it("is blocked on this device where only the spelling of its address fails", async () => {
    reachable = (address) => !address.includes("/v1/chat");
    expect(await sight.look(failed())).toMatchObject({ kind: "blocked", reason: "client" });
  });

  it("is its server's where the address fails in every spelling, though its root answers", async () => {
    reachable = (address) => new URL(address).pathname === "/";
    expect(await sight.look(failed())).toMatchObject({ kind: "network" });
    expect(await sight.look({ ...failed("https://far.example/%76-.~?q"), option: "b" })).toMatchObject({
      kind: "network",
    });
    expect(asked.at(-1)).toEqual(["https://far.example/%76-.~", "no-cors"]);
  });

  it("is forbidden by the page's own policy, and by nothing less", async () => {
    page.dispatchEvent(violation({ blockedURI: "https://far.example/v1/chat?key=secret", disposition: "report" }));
    page.dispatchEvent(violation({ blockedURI: "https://far.example/", effectiveDirective: "img-src" }));
    page.dispatchEvent(violation({ blockedURI: "https://other.example/v1/chat" }));
    expect(await sight.look(failed())).toMatchObject({ kind: "network" });
    page.dispatchEvent(violation({ blockedURI: "https://far.example/v1/chat?key=secret" }));
    asked = [];
    expect(await sight.look(failed())).toMatchObject({ kind: "blocked", reason: "csp" });
    expect(asked).toEqual([]);
  });

  it("is nobody's fault without a network, now or meanwhile", async () => {
    vi.stubGlobal("navigator", { onLine: false });
    expect(sight.isOffline).toBe(true);
    expect(await sight.look(failed())).toMatchObject({ kind: "offline" });
    vi.stubGlobal("navigator", { onLine: true });
    const began = performance.now();
    expect(await sight.look({ ...failed(), began })).toMatchObject({ kind: "network" });
    page.dispatchEvent(new Event("offline"));
    expect(await sight.look({ ...failed(), began })).toMatchObject({ kind: "offline" });
  });

  it("of an insecure address is the secure page's, and its own server's is an outage", async () => {
    expect(await sight.look(failed("http://far.example/"))).toMatchObject({ reason: "mixed-content" });
    expect(await sight.look(failed("https://here.example/v1"))).toMatchObject({ kind: "network" });
    expect(asked).toEqual([]);
    expect(isMixed(new URL("http://127.0.0.1:8000/"))).toBe(false);
    expect(["localhost", "127.0.0.1", "[::1]", "a.localhost"].every(isLoopback)).toBe(true);
    expect(["127.0.0.1.example", "localhost.example", "10.0.0.1"].some(isLoopback)).toBe(false);
  });

  it("waits until its time, or until the network comes or goes", async () => {
    const control = new AbortController();
    const waiting = sight.wait(Date.now() / 1000 + 60, control.signal);
    page.dispatchEvent(new Event("online"));
    await waiting;
    const aborted = sight.wait(Date.now() / 1000 + 60, control.signal);
    control.abort(new Error("enough"));
    await expect(aborted).rejects.toThrow("enough");
    await sight.wait(Date.now() / 1000 - 1, new AbortController().signal);
  });
});

describe("the clock", () => {
  it("finds the gaps that Python finds", () => {
    const gaps = new Gaps(1000, 0, LIMITS);
    expect([1, 2, 7.9].map((at) => gaps.seen(1000 + at, at))).toEqual([0, 0, 0]);
    expect(gaps.seen(1069, 69, { hidden: true })).toBe(0);
    expect(gaps.seen(1130, 130)).toBe(0);
    expect(new Gaps(1000, 0, LIMITS).seen(1600, 0.5, { hidden: true })).toBe(599);
    expect(new Gaps(1000, 0, LIMITS).seen(1003, 3, { frozen: true })).toBe(2);
    expect(new Gaps(1000, 0, LIMITS).seen(1000.4, 0.4, { frozen: true })).toBe(0);
    expect(new Gaps(1000, 0, LIMITS).seen(400, 1)).toBe(-601);
  });

  it("tells whoever waits of a gap before anything is decided on that time", () => {
    vi.useFakeTimers();
    const tab = Object.assign(new EventTarget(), { visibilityState: "visible" });
    vi.stubGlobal("document", tab);
    const [awake, gaps]: [Awake, number[]] = [new Awake(LIMITS), []];
    const stop = awake.watch((gap) => gaps.push(Math.round(gap)));
    vi.advanceTimersByTime(5000);
    expect(gaps).toEqual([]);
    vi.setSystemTime(Date.now() + 600_000);
    awake.now();
    expect(gaps).toEqual([599]);
    tab.dispatchEvent(new Event("freeze"));
    vi.setSystemTime(Date.now() + 4000);
    tab.dispatchEvent(new Event("resume"));
    expect(gaps).toEqual([599, 3]);
    tab.visibilityState = "hidden";
    tab.dispatchEvent(new Event("visibilitychange"));
    vi.setSystemTime(Date.now() + 60_000);
    awake.now();
    expect(gaps).toHaveLength(2);
    stop();
    vi.setSystemTime(Date.now() + 600_000);
    awake.now();
    expect(gaps).toHaveLength(2);
    vi.advanceTimersByTime(LIMITS.tick_s * 1000);
    expect(vi.getTimerCount()).toBe(0); // nobody waits: it has stopped looking
  });
});
