/** The worker's message loop up to where Python would start; from there on the browser tests take over. */
import { IDBFactory } from "fake-indexeddb";
import "fake-indexeddb/auto";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { endpointOf, isReply, type Hello, type ReplyMessage } from "../src/protocol";
import { Host } from "../src/worker/host";

const HELLO: Hello = { hello: { stageTimeout: 500, storage: "host", life: null } };

let channel: MessageChannel;
let idle: number;
let pushes: { state: string; stage?: string; error?: { code: string; message: string } }[];
let replies: ReplyMessage[];

beforeEach(() => {
  vi.stubGlobal("indexedDB", new IDBFactory());
  channel = new MessageChannel();
  [idle, pushes, replies] = [0, [], []];
  endpointOf(channel.port1).listen((message) => {
    if (isReply(message)) replies.push(message);
    else pushes.push((message as { body: (typeof pushes)[number] }).body);
  });
  new Host(() => (idle += 1), 0).accept(endpointOf(channel.port2));
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
});
