/** The engine's records in IndexedDB, where no Web Locks are: every engine is a writer. */
import { IDBFactory, IDBObjectStore } from "fake-indexeddb";
import "fake-indexeddb/auto";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { RecordStore } from "../../src/worker/record-store";

const open = (): Promise<RecordStore> => RecordStore.open("cells", () => undefined);

beforeEach(() => {
  vi.restoreAllMocks();
  vi.stubGlobal("indexedDB", new IDBFactory());
  vi.stubGlobal("navigator", {});
});

describe("storage", () => {
  it("gives a later engine what an earlier one saved, without what it deleted", async () => {
    const before = await open();
    await before.save(new Map([["a", "1"], ["b", "2"]])); // prettier-ignore
    await before.save(new Map([["a", null], ["c", "3"]])); // prettier-ignore
    before.close();
    const after = await open();
    expect(await after.records()).toEqual([
      ["b", "2"],
      ["c", "3"],
    ]);
    after.close();
  });

  it("refuses each save with the reason where storage is forbidden, and has no records", async () => {
    vi.spyOn(IDBFactory.prototype, "open").mockImplementation(() => {
      throw new DOMException("denied", "SecurityError");
    });
    const storage = await open();
    expect(await storage.records()).toEqual([]);
    await expect(storage.save(new Map([["a", "1"]]))).rejects.toThrow("denied");
    storage.close();
  });

  it("refuses a save with the reason where storage is full, and the next one may pass", async () => {
    const storage = await open();
    const full = vi.spyOn(IDBObjectStore.prototype, "put").mockImplementation(() => {
      throw new DOMException("full", "QuotaExceededError");
    });
    await expect(storage.save(new Map([["a", "1"]]))).rejects.toThrow("full");
    full.mockRestore();
    await storage.save(new Map([["a", "1"]]));
    expect(await storage.records()).toEqual([["a", "1"]]);
    storage.close();
  });

  it("refuses to save after it was closed", async () => {
    const storage = await open();
    storage.close();
    await expect(storage.save(new Map([["a", "1"]]))).rejects.toThrow("closed");
  });
});
