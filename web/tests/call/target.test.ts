/** Which calls are routed, and where to. */
import { describe, expect, it } from "vitest";
import { addressAt, targetOf } from "../../src/call/target";
import { basesOf } from "../../src/config/bases";

const bases = basesOf({
  groq: { url: "https://api.example/openai/v1" },
  broad: { url: "https://api.example/" },
  azure: { url: "https://az.example/deploy/?api-version=7" },
});
const base = (option: string): URL => bases.get(option) ?? new URL("about:blank");

describe("targets", () => {
  it.each([
    ["/v1/chat?x=1#part", { path: "/v1/chat", search: "?x=1", owner: null }],
    ["v1/chat", { path: "/v1/chat", search: "", owner: null }],
    ["?x=1", { path: "/", search: "?x=1", owner: null }],
    ["/a/../b", { path: "/b", search: "", owner: null }],
    ["/with:colon", { path: "/with:colon", search: "", owner: null }],
    ["https://api.example/openai/v1/chat", { path: "/chat", search: "", owner: "groq" }],
    ["https://api.example/openai/v1", { path: "/", search: "", owner: "groq" }],
    ["https://api.example/openai/v1x", { path: "/openai/v1x", search: "", owner: "broad" }],
  ])("routes %s", (input, target) => {
    expect(targetOf(input, bases)).toEqual(target);
  });

  it.each([
    "https://other.example/",
    "//other.example/x",
    "http://api.example/openai/v1",
    "data:,x",
    "blob:x",
    "https://me:secret@api.example/",
  ])("does not route %s", (input) => {
    expect(targetOf(input, bases)).toBeNull();
  });

  it("takes a URL and a Request", () => {
    const address = "https://api.example/openai/v1/chat";
    expect(targetOf(new URL(address), bases)?.owner).toBe("groq");
    expect(targetOf(new Request(address), bases)?.owner).toBe("groq");
  });

  it("puts the path below the base and the query behind the base's own", () => {
    const target = { path: "/chat", search: "?x=1", owner: null };
    expect(addressAt(base("groq"), target)).toBe("https://api.example/openai/v1/chat?x=1");
    expect(addressAt(base("azure"), target)).toBe("https://az.example/deploy/chat?api-version=7&x=1");
  });

  it("are the same, whatever was called before", () => {
    const paths = ["/v1/chat", "/v1/chat?x=1", "/v1/chat", "v1/models?y", "/a/../b", "/v1/chat?x=1", "/v1/chat?x=1"];
    for (const path of paths)
      for (const option of ["groq", "azure", "broad", "groq"]) {
        const [target, url] = [targetOf(path, bases), new URL(path, "http://nowhere.invalid/")];
        expect(target).toEqual({ path: url.pathname, search: url.search, owner: null });
        const anew = new URL(base(option)); // a base of its own has no address that was called last
        expect(target && addressAt(base(option), target)).toBe(target && addressAt(anew, target));
      }
  });
});
