/** Calls over a MessageChannel: the transport of the inline engine, and what every other one looks like. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Pushes } from "../../src/generated/calls";
import { endpointOf, isCall, Link, type CallMessage } from "../../src/engine/protocol";

let channel: MessageChannel;
let link: Link;
let calls: CallMessage[];
let pushed: [string, unknown][];

beforeEach(() => {
  channel = new MessageChannel();
  [calls, pushed] = [[], []];
  endpointOf(channel.port2).listen((message) => {
    if (isCall(message)) calls.push(message);
  });
  link = new Link(endpointOf(channel.port1), (push: keyof Pushes, body: unknown) => pushed.push([push, body]), 200);
});

afterEach(() => {
  link.close();
  channel.port1.close();
  channel.port2.close();
});

const reply = (message: unknown): void => {
  channel.port2.postMessage(message);
};

describe("a link", () => {
  it("gives each call its own answer, whatever the order of the answers", async () => {
    const [one, two] = [link.call("resolve", {}), link.call("resolve", {})];
    await expect.poll(() => calls.length).toBe(2);
    reply({ id: calls[1]?.id, ok: true, body: { queue: ["two"] } });
    reply({ id: calls[0]?.id, ok: true, body: { queue: ["one"] } });
    expect([await one, await two]).toEqual([{ queue: ["one"] }, { queue: ["two"] }]);
  });

  it("rebuilds an error that crossed as data", async () => {
    const asked = link.call("observe", { option: "a", dimension: "reach", value: 1 });
    await expect.poll(() => calls.length).toBe(1);
    reply({ id: calls[0]?.id, ok: false, error: { code: "write-up", message: "reach is not yours" } });
    await expect(asked).rejects.toMatchObject({
      name: "SporewrightError",
      code: "write-up",
      message: "reach is not yours",
    });
  });

  it("times a call out and ignores its late answer", async () => {
    await expect(link.call("resolve", {}, 20)).rejects.toMatchObject({ code: "timeout" });
    reply({ id: calls[0]?.id, ok: true, body: {} });
    const next = link.call("resolve", {});
    await expect.poll(() => calls.length).toBe(2);
    reply({ id: calls[1]?.id, ok: true, body: { queue: [] } });
    expect(await next).toEqual({ queue: [] });
  });

  it("answers a body that cannot be cloned instead of going silent", async () => {
    const body = { option: "a", reachable: (() => true) as unknown as boolean };
    await expect(link.call("gate", body)).rejects.toMatchObject({ code: "decode" });
  });

  it("rejects what is pending and what comes later when it is closed", async () => {
    const pending = link.call("resolve", {});
    link.close();
    await expect(pending).rejects.toMatchObject({ code: "closed" });
    await expect(link.call("resolve", {})).rejects.toMatchObject({ code: "closed" });
  });

  it("hands pushes on and passes over what is neither push nor answer", async () => {
    for (const junk of [null, 7, "text", {}, { id: 99, ok: true, body: 1 }, { ok: true }]) reply(junk);
    reply({ push: "cooldown", body: { option: "a", until: 5 } });
    await expect.poll(() => pushed).toEqual([["cooldown", { option: "a", until: 5 }]]);
  });
});
