/** A mirror of its own for each test, on a database in memory, and two pages' addresses. */
import { IDBFactory } from "fake-indexeddb";
import "fake-indexeddb/auto";
import { afterEach, beforeEach, vi } from "vitest";
import { Mirror } from "../../src/state/mirror";

export const BASES: ReadonlyMap<string, URL> = new Map([
  ["a", new URL("https://a.example/v1")],
  ["b", new URL("https://b.example/v1")],
]);

/** Gives the running test's mirror. */
export function mirrored(): () => Mirror {
  let mirror: Mirror;
  beforeEach(() => {
    vi.stubGlobal("indexedDB", new IDBFactory());
    mirror = new Mirror();
  });
  afterEach(async () => {
    vi.restoreAllMocks();
    await mirror.close();
  });
  return () => mirror;
}
