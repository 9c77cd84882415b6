/** The page's token: whatever its function does, the router goes on and says why there is none. */
import { describe, expect, it } from "vitest";

import { Token, type TokenSource } from "../../src/engine/token";

function asking(source: TokenSource, timeout = 1000): { token: Token; changes: () => number } {
  let changes = 0;
  const token = new Token(source, () => (changes += 1), timeout);
  return { token, changes: () => changes };
}

describe("the token", () => {
  it.each([
    ["a text", "t"],
    ["a function", () => "t"],
    ["a promise", () => Promise.resolve("t")],
  ])("is had from %s", async (_, source) => {
    const { token, changes } = asking(source);
    expect(await token.ask()).toBe("t");
    expect([token.error, changes()]).toEqual([null, 0]);
  });

  it.each([undefined, null])("is none where there is %s", async (source) => {
    expect(await asking(source).token.ask()).toBeUndefined();
  });

  it.each([
    ["throws", () => Promise.reject(new Error("no session")), "no session"],
    ["gives no text", () => 5 as unknown as string, "5, not a text"],
    ["never answers", () => new Promise<string>(() => undefined), "no answer within 20 ms"],
  ])("is none when the function %s, and the cause is told once", async (_, source, why) => {
    const { token, changes } = asking(source, 20);
    expect(await token.ask()).toBeUndefined();
    expect(await token.ask()).toBeUndefined();
    expect(token.error).toMatchObject({ code: "token" });
    expect(token.error?.message).toContain(why);
    expect(changes()).toBe(1);
  });

  it("forgets the error with the next token", async () => {
    let fails = true;
    const { token, changes } = asking(() => {
      if (fails) throw new Error("later");
      return "t";
    });
    await token.ask();
    fails = false;
    expect(await token.ask()).toBe("t");
    expect([token.error, changes()]).toEqual([null, 2]);
  });
});
