/** A database whose handle is lost: closed by the browser, wanted by somebody else, late. What is known is written again. */
import { forceCloseDatabase, IDBFactory, IDBObjectStore } from "fake-indexeddb";
import "fake-indexeddb/auto";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Database } from "../../src/state/database";
import { Mirror } from "../../src/state/mirror";
import { RecordStore } from "../../src/worker/record-store";

let handles: IDBDatabase[];

beforeEach(() => {
  handles = [];
  vi.stubGlobal("navigator", {});
  const factory = new IDBFactory();
  const open = factory.open.bind(factory);
  vi.spyOn(factory, "open").mockImplementation((...given) => {
    const request = open(...given);
    request.addEventListener("success", () => handles.push(request.result));
    return request;
  });
  vi.stubGlobal("indexedDB", factory);
});

afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

/** What a reload would find. */
async function found(name = "cells", store = "records"): Promise<unknown[]> {
  const later = new Database(name, store);
  const all = await later.all();
  later.close();
  return all;
}

/** As a browser does when a site's data are cleared: the database is gone, and so is every handle of it. */
async function clear(name = "cells"): Promise<void> {
  const [handle] = handles.splice(0);
  if (handle) (forceCloseDatabase as (db: unknown) => void)(handle);
  await gone(name);
}

function gone(name: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const request = indexedDB.deleteDatabase(name);
    request.onsuccess = () => {
      resolve();
    };
    request.onerror = () => {
      reject(new Error(String(request.error)));
    };
  });
}

describe("records whose database is lost", () => {
  it("are all there again after the site's data were cleared, with what came later", async () => {
    const before = await RecordStore.open("cells", () => undefined);
    await before.save(new Map([["a", "1"], ["b", "2"], ["c", "3"]])); // prettier-ignore
    before.close();
    const storage = await RecordStore.open("cells", () => undefined);
    await storage.records();
    await storage.save(new Map([["b", "4"], ["c", null]])); // prettier-ignore
    handles.splice(0, handles.length - 1);
    await clear();

    await storage.save(new Map([["d", "5"]]));

    expect(await found()).toEqual([["a", "1"], ["b", "4"], ["d", "5"]]); // prettier-ignore
    storage.close();
  });

  it("are written again without waiting for the next save", async () => {
    const storage = await RecordStore.open("cells", () => undefined);
    await storage.save(new Map([["a", "1"]]));
    await clear();
    await expect.poll(() => found()).toEqual([["a", "1"]]);
    storage.close();
  });

  it("are saved though the browser refuses to open anything while it clears", async () => {
    const storage = await RecordStore.open("cells", () => undefined);
    await storage.save(new Map([["a", "1"]]));
    vi.spyOn(indexedDB, "open").mockImplementationOnce(() => {
      throw new DOMException("the data are being cleared", "UnknownError");
    });
    await clear();
    await storage.save(new Map([["b", "2"]]));
    expect(await found()).toEqual([["a", "1"], ["b", "2"]]); // prettier-ignore
    storage.close();
  });

  it("do not keep anybody from deleting the database, and are written again into the next", async () => {
    const storage = await RecordStore.open("cells", () => undefined);
    await storage.save(new Map([["a", "1"]]));
    await gone("cells");
    await storage.save(new Map([["b", "2"]]));
    expect(await found()).toEqual([["a", "1"], ["b", "2"]]); // prettier-ignore
    storage.close();
  });

  it("of another writer are not written again: its own are newer", async () => {
    const database = new Database<string>("cells", "records");
    await database.put([["a", "old"]]);
    database.keepsUp = false;
    await clear();
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(await found()).toEqual([]);
    database.close();
  });

  it("are saved, or refused with the reason, where the handle is closed under the save", async () => {
    const storage = await RecordStore.open("cells", () => undefined);
    const put = vi.spyOn(IDBObjectStore.prototype, "put").mockImplementationOnce(() => {
      throw new DOMException("the connection was closed", "UnknownError");
    });
    await storage.save(new Map([["a", "1"]]));
    expect(await found()).toEqual([["a", "1"]]);
    put.mockImplementation(() => {
      throw new DOMException("the disk is gone", "UnknownError");
    });
    await expect(storage.save(new Map([["b", "2"]]))).rejects.toThrow("the disk is gone");
    put.mockRestore();
    await storage.save(new Map([["c", "3"]]));
    expect(await found()).toEqual([["a", "1"], ["b", "2"], ["c", "3"]]); // prettier-ignore
    storage.close();
  });

  it("are written by a database that opens after its time: somebody held it meanwhile", async () => {
    const before = await RecordStore.open("cells", () => undefined);
    before.close();
    const holder = await new Promise<IDBDatabase>((resolve) => {
      const request = indexedDB.open("cells");
      request.onsuccess = () => {
        resolve(request.result);
      };
    });
    const deleted = gone("cells"); // waits for the holder, and whoever opens it waits for that
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    const opening = RecordStore.open("cells", () => undefined);
    await vi.advanceTimersByTimeAsync(5000);
    const storage = await opening;
    await expect(storage.save(new Map([["a", "1"]]))).rejects.toThrow("did not open within 5000 ms");
    vi.useRealTimers();

    holder.close();
    await deleted;

    await expect.poll(() => found()).toEqual([["a", "1"]]);
    storage.close();
  });
});

it("a page keeps what it kept after the site's data were cleared", async () => {
  const mirror = new Mirror();
  await mirror.keep("queue", "here", ["a"]);
  await mirror.keep("config", "there", { levels: [] });
  await clear("sporewright");
  await mirror.keep("queue", "here", ["b"]);
  await gone("sporewright");
  await expect
    .poll(() => found("sporewright", "memories"))
    .toEqual([
      [["config", "there"], { levels: [] }],
      [["queue", "here"], ["b"]],
    ]);
  await mirror.close();
});
