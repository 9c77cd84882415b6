/** What a router is started with: what cannot work is refused at once, by its name and value. */
import { describe, expect, it } from "vitest";

import { settingsOf } from "../../src/config/options";
import type { RouterOptions } from "../../src/types";

const CONFIG = { levels: ["global"] };

function reading(more: Record<string, unknown>): () => unknown {
  return () => settingsOf({ config: CONFIG, runtime: "http://host/sporewright", ...more });
}

describe("options", () => {
  it.each([
    ["config", null],
    ["config", 5],
    ["cursor", "acme"],
    ["cursor", { workspace: 5 }],
    ["limit", NaN],
    ["limit", -1],
    ["limit", 1.5],
    ["limit", "x"],
    ["engine", "bogus"],
    ["device", 5],
    ["token", 5],
    ["token", {}],
    ["upstreams", 5],
    ["upstreams", { a: null }],
    ["upstreams", { a: {} }],
    ["upstreams", { a: { url: 5 } }],
    ["upstream", { a: { url: "http://" } }],
    ["upstream", { a: { url: "" } }],
    ["upstream", { a: { url: "data:text/plain,x" } }],
    ["upstream", { a: { url: new URL("ftp://host/") } }],
    ["upstreams", { a: { url: "http://h", prepare: 5 } }],
    ["upstreams", { a: { url: "http://h", headers: 5 } }],
    ["upstreams", { a: { url: "http://h", dialect: "klingon" } }],
    ["upstreams", { a: { url: "http://h", dialect: "constructor" } }],
    ["upstreams", { a: { url: "http://h", key: 5 } }],
    ["upstreams", { a: { url: "http://h", path: "chat" } }],
    ["upstreams", { a: { run: 5 } }],
    ["upstreams", { a: { run: fetch, url: "http://h" } }],
    ["upstreams", { a: { model: "m" } }],
    ["upstreams", { a: { run: fetch, local: "yes" } }],
    ["runtime", "http://"],
    ["runtime", 5],
    ["orchestrator", "garbage"],
    ["orchestrator", "ftp://host/"],
    ["orchestrator", 5],
    ["attemptTimeout", 0],
    ["deadline", Infinity],
    ["bootTimeout", NaN],
    ["callTimeout", "10"],
    ["limits", { deadline_s: 30 * 24 * 3600 }],
    ["limits", { breaker_open_s: 2 ** 31 / 1000 }],
    ["limits", { tick_s: 0 }],
  ])("%s: %j is refused by name", (name, value) => {
    const key = name === "upstream" ? "upstreams" : name;
    expect(reading({ [key]: value })).toThrow(
      expect.objectContaining({ code: "config", message: expect.stringMatching(new RegExp(`^${name}\\b`)) as string }),
    );
  });

  it("takes the longest wait of a timer, and any rate", () => {
    const limits = { deadline_s: (2 ** 31 - 1) / 1000, retry_per_s: 1e9, buffer_bytes: 1e12 };
    expect(reading({ limits })()).toMatchObject({ plan: { limits } });
  });

  it("names the level of a cursor that has no text", () => {
    expect(reading({ cursor: { workspace: "acme", device: 5 } })).toThrow('cursor["device"]: 5 is not a text');
  });

  it("refuses an address with a password without showing it", () => {
    const address = "http://me:secret@host/v1";
    expect(reading({ upstreams: { a: { url: address } } })).toThrow(/^upstream a: the address at host holds/);
    expect(reading({ upstreams: { a: { url: address } } })).not.toThrow(/secret/);
  });

  it("refuses a key that no header takes without showing it", () => {
    const upstreams = { a: { url: "http://h", keys: ["good\n", "secret\nx"] } };
    expect(reading({ upstreams })).toThrow(/upstreams\["a"\]: key 1 holds characters that no header takes/);
    expect(reading({ upstreams })).not.toThrow(/secret/);
    expect(reading({ upstreams: { a: { url: "http://h", keys: ["good\n", ""] } } })).not.toThrow();
  });

  it("refuses a key that is none without showing it", () => {
    const upstreams = { a: { url: "http://h", key: { secret: 1 } } };
    expect(reading({ upstreams })).toThrow(/upstreams\["a"\]\.key/);
    expect(reading({ upstreams })).not.toThrow(/secret/);
  });

  it.each([undefined, null, 5, "x"])("%j are no options", (options) => {
    expect(() => settingsOf(options as unknown as RouterOptions)).toThrow(/^options:/);
  });

  it("fills in what is not said", () => {
    expect(reading({})()).toMatchObject({
      cursor: {},
      upstreams: {},
      limit: 64,
      runtime: "http://host/sporewright/",
      orchestrator: undefined,
      stageTimeout: 30_000,
      callTimeout: 10_000,
    });
  });

  it.each([
    ["ws://host/v1/sync", "ws://host/v1/sync"],
    ["https://host/v1/sync", "wss://host/v1/sync"],
    [new URL("http://host/v1/sync"), "ws://host/v1/sync"],
  ])("takes %s for a socket", (orchestrator, address) => {
    expect(reading({ orchestrator })()).toMatchObject({ orchestrator: address });
  });

  it("gives milliseconds to the plan as seconds", () => {
    expect(reading({ attemptTimeout: 1500, deadline: 3000 })()).toMatchObject({
      plan: { limits: { attempt_timeout_s: 1.5, deadline_s: 3 } },
    });
  });
});
