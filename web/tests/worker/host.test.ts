/** The worker's message loop up to where Python would start; from there on the browser tests take over. */
import { IDBFactory } from "fake-indexeddb";
import "fake-indexeddb/auto";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { endpointOf, isPush, isReply, type Hello, type ReplyMessage } from "../../src/engine/protocol";
import { Host } from "../../src/worker/host";

const HELLO: Hello = { hello: { stageTimeout: 500, storage: "host", life: null } };

let channel: MessageChannel;
let host: Host;
let idle: number;
let pushes: { state: string; stage?: string; error?: { code: string; message: string } }[];
let replies: ReplyMessage[];
let others: unknown[];

beforeEach(() => {
  vi.stubGlobal("indexedDB", new IDBFactory());
  channel = new MessageChannel();
  [idle, pushes, replies, others] = [0, [], [], []];
  endpointOf(channel.port1).listen((message) => {
    if (isReply(message)) replies.push(message);
    else if (!isPush(message)) others.push(message);
    else pushes.push((message as { body: (typeof pushes)[number] }).body);
  });
  host = new Host(() => (idle += 1), 0);
  host.accept(endpointOf(channel.port2), true);
});

afterEach(() => {
  channel.port1.close();
  channel.port2.close();
});

const say = (message: unknown): void => {
  channel.port1.postMessage(message);
};

describe("the host", () => {
  it("tells each stage, and of a start that fails the stage and the reason", async () => {
    say(HELLO);
    await expect.poll(() => pushes.at(-1)?.state).toBe("failed");
    expect(pushes.map(({ stage }) => stage)).toEqual(["worker", "loader", undefined]);
    expect(pushes.at(-1)?.error).toMatchObject({ code: "engine" });
    expect(pushes.at(-1)?.error?.message).toMatch(/stage loader: .*pyodide\.mjs/);
  });

  it("starts anew for the next greeting after a failure", async () => {
    say(HELLO);
    await expect.poll(() => pushes.length).toBe(3);
    say(HELLO);
    await expect.poll(() => pushes.length).toBe(6);
  });

  it("answers a call before Python runs, and one that is not on the list, by an error", async () => {
    say({ id: 1, call: "resolve", body: {} });
    say({ id: 2, call: "eval", body: "alert(1)" });
    await expect.poll(() => replies.length).toBe(2);
    expect(replies).toMatchObject([
      { id: 1, ok: false, error: { code: "engine" } },
      { id: 2, ok: false, error: { code: "protocol" } },
    ]);
  });

  it("passes over what is neither a greeting nor a call", async () => {
    for (const junk of [null, "text", 7, {}, { id: "1", call: "resolve" }, { hello: 1 }]) say(junk);
    say({ id: 3, call: "resolve", body: {} });
    await expect.poll(() => replies.length).toBe(1);
    expect(pushes).toEqual([]);
  });

  it("is idle once its last page has said goodbye, and answers that", async () => {
    say(HELLO);
    say({ id: 4, call: "close", body: {} });
    await expect.poll(() => replies).toEqual([{ id: 4, ok: true, body: {} }]);
    expect(idle).toBe(1);
  });

  it("starts once for pages that greet together", async () => {
    const request = async (_name: string, _how: object, granted: (lock: object) => unknown): Promise<unknown> => {
      await new Promise((resolve) => setTimeout(resolve, 20));
      return granted({});
    };
    vi.stubGlobal("navigator", { locks: { request } });
    const guest = new MessageChannel();
    const heard: unknown[] = [];
    endpointOf(guest.port1).listen((message) => heard.push(message));
    host.accept(endpointOf(guest.port2));
    say(HELLO);
    guest.port1.postMessage(HELLO);
    await expect.poll(() => pushes.at(-1)?.state).toBe("failed");
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(pushes.map(({ state, stage }) => stage ?? state)).toEqual(["worker", "loader", "failed"]);
    expect(heard.length).toBe(4);
    guest.port1.close();
    vi.unstubAllGlobals();
  });

  it("says at once that its thread runs", async () => {
    say({ ping: true });
    await expect.poll(() => others).toEqual([{ pong: true }]);
  });

  it("leaves with the page that owns it: another's calls are not answered any more, so that they are asked elsewhere", async () => {
    const guest = new MessageChannel();
    const heard: unknown[] = [];
    endpointOf(guest.port1).listen((message) => heard.push(message));
    host.accept(endpointOf(guest.port2));
    guest.port1.postMessage({ id: 1, call: "resolve", body: {} });
    await expect.poll(() => heard.length).toBe(1);
    say(HELLO);
    say({ id: 5, call: "close", body: {} });
    await expect.poll(() => idle).toBe(1);
    heard.length = 0;
    guest.port1.postMessage({ id: 2, call: "resolve", body: {} });
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(heard).toEqual([]);
    guest.port1.close();
  });

  it("outlives a guest", async () => {
    const guest = new MessageChannel();
    const heard: unknown[] = [];
    endpointOf(guest.port1).listen((message) => heard.push(message));
    host.accept(endpointOf(guest.port2));
    guest.port1.postMessage({ id: 1, call: "close", body: {} });
    await expect.poll(() => heard).toEqual([{ id: 1, ok: true, body: {} }]);
    say({ id: 6, call: "resolve", body: {} });
    await expect.poll(() => replies.length).toBe(1);
    expect(idle).toBe(0);
    guest.port1.close();
  });
});
