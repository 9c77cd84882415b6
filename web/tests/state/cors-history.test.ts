/** Whose answers could be read, over reloads and tabs. */
import { describe, expect, it, vi } from "vitest";
import { CorsHistory } from "../../src/state/cors-history";
import { BASES, mirrored } from "./mirrored";

const mirror = mirrored();

const kept = async (): Promise<unknown> => mirror().recall("readable", "");

describe("an option whose answers could be read", () => {
  it("is known after a reload, by its server, and only for a week", async () => {
    new CorsHistory(BASES, mirror()).add("a");
    await expect.poll(kept).toHaveLength(1);

    const later = new CorsHistory(BASES, mirror());
    await expect.poll(() => later.has("a")).toBe(true);
    expect(later.has("b")).toBe(false);
    const moved = new CorsHistory(new Map([["a", new URL("https://elsewhere.example")]]), mirror());
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(moved.has("a")).toBe(false);

    const now = Date.now();
    vi.spyOn(Date, "now").mockReturnValue(now + 8 * 24 * 3600 * 1000);
    expect(later.has("a")).toBe(false);
    later.add("b");
    await expect.poll(kept).toMatchObject([[expect.stringContaining("b.example"), expect.anything()]]);
  });

  it("is forgotten for good, and no other tab writes it back", async () => {
    const one = new CorsHistory(BASES, mirror());
    const other = new CorsHistory(BASES, mirror());
    one.add("a");
    other.add("a");
    await expect.poll(kept).toHaveLength(1);
    one.forget();
    await expect.poll(kept).toEqual([]);
    expect(one.has("a")).toBe(false);
    other.add("b");
    await expect.poll(kept).toMatchObject([[expect.stringContaining("b.example"), expect.anything()]]);
    one.add("a");
    await expect.poll(kept).toHaveLength(2);
  });

  it("is one of at most 256, those that were read last", async () => {
    const many = new CorsHistory(new Map(), mirror());
    let now = Date.now();
    vi.spyOn(Date, "now").mockImplementation(() => (now += 1000));
    for (let number = 0; number < 300; number += 1) many.add(`option ${number}`);
    await expect.poll(kept).toHaveLength(256);
    await expect.poll(async () => JSON.stringify(await kept())).toContain("option 299");
    expect(JSON.stringify(await kept())).not.toContain("option 43");
  });

  it("lasts as long as the page without a mirror(), and through junk in it", async () => {
    const alone = new CorsHistory();
    alone.add("a");
    expect(alone.has("a")).toBe(true);
    await mirror().keep("readable", "", "junk");
    const through = new CorsHistory(BASES, mirror());
    through.add("a");
    await expect.poll(kept).toHaveLength(1);
  });
});
