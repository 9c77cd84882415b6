/** What a returning tab remembers, on an IndexedDB that works, is forbidden, is full, or hangs. */
import { IDBFactory, IDBObjectStore } from "fake-indexeddb";
import "fake-indexeddb/auto";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { Mirror } from "../../src/state/mirror";

beforeEach(() => {
  vi.restoreAllMocks();
  vi.stubGlobal("indexedDB", new IDBFactory());
});

describe("the mirror", () => {
  it("gives back to a later one what an earlier one kept, the last of several", async () => {
    const before = new Mirror();
    void before.keep("queue", "here", ["a"]);
    void before.keep("queue", "elsewhere", ["z"]);
    await before.keep("queue", "here", ["b", "a"]);
    await before.close();
    const after = new Mirror();
    expect(await after.recall("queue", "here")).toEqual(["b", "a"]);
    expect(await after.recall("queue", "unknown")).toBeUndefined();
    await after.close();
  });

  it("remembers nothing and breaks nothing where storage is forbidden", async () => {
    vi.spyOn(IDBFactory.prototype, "open").mockImplementation(() => {
      throw new DOMException("denied", "SecurityError");
    });
    const mirror = new Mirror();
    await mirror.keep("queue", "here", ["a"]);
    expect(await mirror.recall("queue", "here")).toBeUndefined();
    await mirror.close();
  });

  it("breaks nothing where storage is full", async () => {
    const mirror = new Mirror();
    vi.spyOn(IDBObjectStore.prototype, "put").mockImplementation(() => {
      throw new DOMException("full", "QuotaExceededError");
    });
    await mirror.keep("queue", "here", ["a"]);
    expect(await mirror.recall("queue", "here")).toBeUndefined();
    await mirror.close();
  });

  it("does not wait for a store that hangs", async () => {
    vi.spyOn(IDBFactory.prototype, "open").mockImplementation(() => new EventTarget() as IDBOpenDBRequest);
    expect(await new Mirror().recall("queue", "here")).toBeUndefined();
  });
});
