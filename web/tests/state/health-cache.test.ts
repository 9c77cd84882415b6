/** Whom to leave alone, over reloads and tabs. */
import { describe, expect, it } from "vitest";
import { HealthCache } from "../../src/state/health-cache";
import { PLAN } from "../../src/generated/plan";
import { Health } from "../../src/routing/health";
import { BASES as TWO, mirrored } from "./mirrored";

const BASES = new Map([...TWO, ["c", new URL("https://c.example/v1")]]);
const PLACE = JSON.stringify(["acme", ""]);
const OPEN = { state: "open" as const, since: 0 };
const mirror = mirrored();

const seconds = (): number => Date.now() / 1000;
const kept = async (): Promise<unknown> => mirror().recall("away", PLACE);
const page = (bases = BASES, workspace = "acme"): { health: Health; away: HealthCache } => {
  const health = new Health(PLAN);
  const settings = { bases, cursor: { workspace }, device: undefined, plan: PLAN };
  return { health, away: new HealthCache(mirror(), health, settings) };
};

describe("an option that is to be left alone", () => {
  it("is left alone by the next page, too, and by the engine that it tells", async () => {
    const { health, away } = page();
    const [now, until] = [seconds(), seconds() + 60];
    health.cooldowns.extend("a", until);
    health.breaker("b").told({ ...OPEN, until: now + 4 });
    for (const option of ["a", "b", "c", "elsewhere"]) away.note(option);
    await expect.poll(kept).toHaveLength(2);

    const next = page();
    expect(await next.away.recall()).toMatchObject([
      { option: "a", cooling_until: until, breaker: { state: "closed" } },
      { option: "b", cooling_until: 0, breaker: { state: "open", until: now + 4 } },
    ]);
    expect(["a", "b", "c"].map((option) => next.health.admits(option, now))).toEqual(["cooling-down", "open", "yes"]);
    expect(next.health.admits("b", now + 5)).toBe("ask");
  });

  it("is so at its server and in its workspace alone", async () => {
    const { health, away } = page();
    health.cooldowns.extend("a", seconds() + 60);
    away.note("a");
    await expect.poll(kept).toHaveLength(1);
    expect(await page(new Map([["a", new URL("https://moved.example")]])).away.recall()).toEqual([]);
    expect(await page(BASES, "other").away.recall()).toEqual([]);
  });

  it("is so until it is back, and not for ever after a clock was set or nobody was there to ask it", async () => {
    const { health, away } = page();
    const now = seconds();
    const times = { cooling: now + 60, clock: now + 1e6, half: now - 30, late: now - 90 };
    const names = Object.keys(times);
    const bases = new Map(names.map((name) => [name, new URL(`https://${name}.example`)]));
    const entries = Object.entries(times).map(([name, at]) => {
      const where = JSON.stringify([name, `https://${name}.example`]);
      return name === "cooling" || name === "clock" ? [where, at, 0] : [where, 0, at];
    });
    await mirror().keep("away", PLACE, [...entries, "junk", ["x", "y", 0]]);
    const next = page(bases);
    expect((await next.away.recall()).map(({ option }) => option)).toEqual(["cooling", "half"]);
    expect(next.health.admits("half", now)).toBe("ask");

    health.breaker("a").told({ ...OPEN, until: now + 4 });
    away.note("a");
    await expect.poll(kept).toHaveLength(3);
    health.breaker("a").told({ state: "closed", until: now + 4, since: 0 });
    away.note("a");
    await expect.poll(kept).toHaveLength(2);
  });

  it("is forgotten with everything else, and none is where nothing can be kept", async () => {
    const { health, away } = page();
    health.cooldowns.extend("a", seconds() + 60);
    away.note("a");
    await expect.poll(kept).toHaveLength(1);
    away.forget();
    await expect.poll(kept).toEqual([]);
    expect(health.cooldowns.isCooling("a", seconds())).toBe(true);
    await mirror().keep("away", PLACE, { not: "a list" });
    expect(await page().away.recall()).toEqual([]);
  });
});
