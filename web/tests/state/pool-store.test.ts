/** Pools of a page: one ledger for all tabs, over a reload; calls pass over, wait, and end with the code `budget`. */
import { describe, expect, it } from "vitest";
import { RoutedFetch } from "../../src/call/fetch";
import { PLAN } from "../../src/generated/plan";
import { PoolStore } from "../../src/state/pool-store";
import type { Mirror } from "../../src/state/mirror";
import type { PoolConfig, Receipt, TensorConfig } from "../../src/types";
import { contextOf } from "../context";
import { mirrored } from "./mirrored";
import { pairForEach, type TestUpstream } from "../upstream";

const mirror = mirrored();
let [alpha, beta]: TestUpstream[] = [];
pairForEach((...pair) => {
  [alpha, beta] = pair;
});

const RATE: PoolConfig = { unit: "requests", cap: 2, window: 60, options: ["alpha"] };
const TOKENS: PoolConfig = { unit: "tokens", cap: 1000, window: "day", options: ["alpha"] };
const configOf = (pools: Record<string, PoolConfig>): TensorConfig => ({ levels: ["global"], pools });

async function open(pools: Record<string, PoolConfig>, on: Mirror = mirror()): Promise<PoolStore> {
  const store = new PoolStore(
    on,
    () => undefined,
    () => undefined,
  );
  await store.declare(configOf(pools));
  return store;
}

function routed(pools: PoolStore, queue: string[], deadline = 2): { fetch: RoutedFetch; receipts: Receipt[] } {
  const plan = { ...PLAN, limits: { ...PLAN.limits, deadline_s: deadline } };
  const receipts: Receipt[] = [];
  const upstreams = Object.fromEntries([alpha, beta].flatMap((one) => (one ? [[one.name, { url: one.url }]] : [])));
  const more = { plan, pools, queue: () => queue, onReceipt: (receipt: Receipt) => receipts.push(receipt) };
  return { fetch: new RoutedFetch(contextOf(upstreams, more)), receipts };
}

const settled = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 50));

describe("pools of a page", () => {
  it("passes over an option without allowance, and says so", async () => {
    const store = await open({ rate: RATE });
    const { fetch } = routed(store, ["alpha", "beta"]);
    const said = [];
    for (let call = 0; call < 3; call += 1) said.push(await (await fetch.fetch("/v1/x")).text());
    const last = await fetch.fetch("/v1/x");

    expect(said).toEqual(["alpha", "alpha", "beta"]);
    expect(fetch.receipt(last)?.skipped).toEqual([{ option: "alpha", reason: "no-allowance" }]);
    expect(store.state["rate"]).toMatchObject({ unit: "requests", cap: 2, price: 0 });
    expect(store.state["rate"]?.left).toBeLessThan(1);
    store.close();
  });

  it("waits for the soonest within the deadline, and else ends with the code budget", async () => {
    const quick = await open({ quick: { ...RATE, cap: 1, window: 0.4 } });
    const { fetch } = routed(quick, ["alpha"]);
    await fetch.fetch("/v1/x");
    expect((await fetch.fetch("/v1/x")).status).toBe(200);
    quick.close();

    const slow = await open({ slow: { ...RATE, cap: 1 } });
    const other = routed(slow, ["alpha"], 0.5).fetch;
    await other.fetch("/v1/x");
    await expect(other.fetch("/v1/x")).rejects.toMatchObject({
      code: "budget",
      message: expect.stringMatching(/^pool "slow" covers GET \/v1\/x again at 20/) as string,
    });
    slow.close();
  });

  it("shares one ledger over tabs and over a reload, however they interleave", async () => {
    const [one, other] = [await open({ rate: { ...RATE, cap: 5 } }), await open({ rate: { ...RATE, cap: 5 } })];
    const asked = Array.from({ length: 10 }, (_, at) => (at % 2 ? one : other).reserve("alpha", {}));
    const granted = (await Promise.all(asked)).filter((found) => typeof found === "string");
    expect(granted).toHaveLength(5);
    one.close();
    other.close();
    const again = await open({ rate: { ...RATE, cap: 5 } });
    expect(typeof (await again.reserve("alpha", {}))).toBe("object");
    again.close();
  });

  it("corrects a draw by what the answer counts, and takes nothing for a refusal", async () => {
    const store = await open({ tokens: TOKENS });
    const { fetch } = routed(store, ["alpha"]);
    const usage = { prompt_tokens: 7, completion_tokens: 13 };
    if (alpha)
      alpha.answer = (response) => {
        response.writeHead(200, { "content-type": "application/json" });
        response.end(JSON.stringify({ usage }));
      };
    await (await fetch.fetch("/v1/x", { method: "POST", body: JSON.stringify({ max_tokens: 300 }) })).text();
    await settled();
    expect(store.state["tokens"]?.left).toBe(980);
    if (alpha)
      alpha.answer = (response) => {
        response.writeHead(500);
        response.end();
      };
    await (await fetch.fetch("/v1/x", { method: "POST", body: "{}" })).text();
    await settled();
    expect(store.state["tokens"]?.left).toBe(980);
    store.close();
  });

  it("admits nothing of a hard pool whose ledger cannot be stored; of a soft one the page counts itself", async () => {
    const broken = { change: () => Promise.reject(new Error("no storage")) } as unknown as Mirror;
    const hard = await open({ rate: { ...RATE, hard: true } }, broken);
    const soft = await open({ rate: RATE }, broken);

    expect(await hard.reserve("alpha", {})).toMatchObject({ pool: "rate" });
    expect(typeof (await soft.reserve("alpha", {}))).toBe("string");
    expect(soft.state["rate"]?.left).toBe(1);
    hard.close();
    soft.close();
  });
});
