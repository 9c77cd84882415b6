/** The recorded streams, through the page's reader; Python runs the same file through its own. */
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { describe, expect, it } from "vitest";
import { ChatEvents } from "../../../src/routing/dialects/chat-events";
import { DIALECTS } from "../../../src/generated/dialects";
import { PLAN } from "../../../src/generated/plan";
import { Events, type Heard } from "../../../src/routing/dialects/sse-events";

interface Stream {
  name: string;
  pieces: string[];
  expect: unknown[];
  whole: boolean;
  said: boolean;
}

const FILE = resolve(import.meta.dirname, "../../../../tests/routing/streams.json");
const STREAMS = JSON.parse(readFileSync(FILE, "utf-8")) as Stream[];

describe("an event stream", () => {
  it.each(STREAMS.map((stream) => [stream.name, stream] as const))("%s", (_name, stream) => {
    const events = new Events(PLAN);
    expect(stream.pieces.map((piece) => events.feed(new TextEncoder().encode(piece)))).toEqual(stream.expect);
    expect(events.whole).toBe(stream.whole);
    expect(events.hasSaidAnything).toBe(stream.said);
  });

  it.each(STREAMS.map((stream) => [stream.name, stream] as const))("byte by byte: %s", (_name, stream) => {
    const [bytes, whole] = [new TextEncoder().encode(stream.pieces.join("")), new Events(PLAN)];
    const once = new Events(PLAN);
    const heard = [...bytes].map((byte) => whole.feed(Uint8Array.of(byte)));
    expect(heard.reduce((sum, { tokens }) => sum + tokens, 0)).toBe(once.feed(bytes).tokens);
    expect(whole.whole).toBe(once.whole);
  });

  it.each([
    [[0xc3, 0xa9], false],
    [[0xe9], true],
    [[0xc3], true],
    [[0xef, 0xbf, 0xbd], false],
  ])("whose words are the bytes %j is no JSON where they are no UTF-8", (said, malformed) => {
    const bytes = (text: string): number[] => [...new TextEncoder().encode(text)];
    const [before, after] = ['{"choices":[{"index":0,"KIND":{"content":"', '"},"finish_reason":"stop"}]}'];
    const json = (kind: string): number[] => [...bytes(before.replace("KIND", kind)), ...said, ...bytes(after)];
    const event = Uint8Array.from([...bytes("data: "), ...json("delta"), ...bytes("\n\n")]);
    const [chat, whole] = [0, 1].map(() => new ChatEvents(DIALECTS.openai, { most: 1 << 20 }));
    expect(new Events(PLAN).feed(event).malformed).toBe(malformed);
    chat?.feed(event);
    whole?.feed(Uint8Array.from(json("message")));
    whole?.end();
    expect([chat?.ending, whole?.ending]).toEqual(malformed ? ["malformed", "truncated"] : ["complete", "complete"]);
  });

  it.each([1, 7, 300])("that never ends its line fills no memory, in pieces of %i", (size) => {
    const events = new Events({ ...PLAN, limits: { ...PLAN.limits, event_bytes: 250 } });
    const [bytes, heard] = [new TextEncoder().encode(`data: 1\n\ndata: ${"x".repeat(300)}`), []] as [
      Uint8Array,
      Heard[],
    ];
    for (let at = 0; at < bytes.length; at += size) heard.push(events.feed(bytes.slice(at, at + size)));
    expect(heard.at(-1)?.malformed).toBe(true);
    expect(heard.reduce((sum, { others }) => sum + others, 0)).toBe(1);
    expect(events.feed(new TextEncoder().encode("\n\ndata: 1\n\n")).others).toBe(0);
  });
});
