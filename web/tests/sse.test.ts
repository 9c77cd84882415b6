/** The recorded streams, through the page's reader; Python runs the same file through its own. */
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { describe, expect, it } from "vitest";
import { PLAN } from "../src/generated/plan";
import { Events } from "../src/sse";

interface Stream {
  name: string;
  pieces: string[];
  expect: unknown[];
  whole: boolean;
}

const FILE = resolve(import.meta.dirname, "../../tests/routing/streams.json");
const STREAMS = JSON.parse(readFileSync(FILE, "utf-8")) as Stream[];

describe("an event stream", () => {
  it.each(STREAMS.map((stream) => [stream.name, stream] as const))("%s", (_name, stream) => {
    const events = new Events(PLAN);
    expect(stream.pieces.map((piece) => events.feed(new TextEncoder().encode(piece)))).toEqual(stream.expect);
    expect(events.whole).toBe(stream.whole);
  });

  it.each(STREAMS.map((stream) => [stream.name, stream] as const))("byte by byte: %s", (_name, stream) => {
    const [bytes, whole] = [new TextEncoder().encode(stream.pieces.join("")), new Events(PLAN)];
    const once = new Events(PLAN);
    const heard = [...bytes].map((byte) => whole.feed(Uint8Array.of(byte)));
    expect(heard.reduce((sum, { tokens }) => sum + tokens, 0)).toBe(once.feed(bytes).tokens);
    expect(whole.whole).toBe(once.whole);
  });
});
