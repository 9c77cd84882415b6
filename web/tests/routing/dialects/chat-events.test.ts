/** The recorded exchanges with every provider's dialect, through the page's interpreter; Python runs the same file. */
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { describe, expect, it } from "vitest";
import { ChatEvents } from "../../../src/routing/dialects/chat-events";
import { chatBody, chatPath, keyHeaders } from "../../../src/routing/dialects/chat-request";
import type { ChatPart } from "../../../src/routing/dialects/chat-parts";
import type { ChatRequest } from "../../../src/chat/chat-types";
import type { DialectName } from "../../../src/generated/calls";
import { DIALECTS } from "../../../src/generated/dialects";

interface Ask {
  request: ChatRequest;
  option: { model?: string; key?: string; base?: string; path?: string };
  sent?: unknown;
  refused?: string;
}
interface Answer {
  pieces: string[];
  choices: number;
}
interface Exchange {
  name: string;
  dialect: DialectName;
  ask?: Ask;
  answer?: Answer;
}

const FILE = resolve(import.meta.dirname, "../../../../tests/routing/chats.json");
const EXCHANGES = JSON.parse(readFileSync(FILE, "utf-8")) as Exchange[];
const ASKED = EXCHANGES.flatMap(({ name, dialect, ask }) => (ask ? [[name, dialect, ask] as const] : []));
const ANSWERED = EXCHANGES.flatMap(({ name, dialect, answer }) => (answer ? [[name, dialect, answer] as const] : []));

function sent(dialect: DialectName, { request, option }: Ask): unknown {
  const [row, model, streaming] = [DIALECTS[dialect], option.model ?? request.model, request.stream === true];
  const path = chatPath(row, option.base ?? "", { model, streaming, path: option.path });
  return { path, headers: keyHeaders(row, option.key), body: chatBody(row, request, model) };
}

function read(dialect: DialectName, { choices }: Answer, pieces: Iterable<Uint8Array>): [ChatEvents, ChatPart[]] {
  const events = new ChatEvents(DIALECTS[dialect], { most: 1 << 20, choices });
  const said = [...pieces].flatMap((piece) => events.feed(piece));
  return [events, [...said, ...events.end()]];
}

/** In the shape of the file. */
function told(events: ChatEvents, said: ChatPart[], { pieces, choices }: Answer): unknown {
  const parts = said.map((part) => ({ ...part, data: undefined }));
  const { ending, usage = null, finishReasons, hasSaidAnything } = events;
  const plain = JSON.parse(JSON.stringify(parts)) as unknown;
  const finish = Object.fromEntries(finishReasons);
  return { pieces, choices, parts: plain, ending, finish, usage, said: hasSaidAnything };
}

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);

describe("a chat in an option's dialect", () => {
  it.each(ASKED)("asked: %s", (_name, dialect, ask) => {
    if (ask.refused === undefined) expect(sent(dialect, ask)).toEqual(ask.sent);
    else expect(() => sent(dialect, ask)).toThrow(ask.refused);
  });

  it.each(ANSWERED)("answered: %s", (_name, dialect, answer) => {
    const [events, said] = read(dialect, answer, answer.pieces.map(bytesOf));
    expect(told(events, said, answer)).toEqual(answer);
  });

  it.each(ANSWERED)("cut anywhere: %s", (_name, dialect, answer) => {
    const whole = bytesOf(answer.pieces.join(""));
    const [, once] = read(dialect, answer, [whole]);
    for (const size of [1, 2, 3, 7, 50]) {
      const pieces = Array.from({ length: Math.ceil(whole.length / size) }, (_, n) =>
        whole.slice(n * size, (n + 1) * size),
      );
      const [events, said] = read(dialect, answer, pieces);
      expect(said).toEqual(once);
      expect(told(events, said, answer)).toEqual(answer);
    }
  });

  it("says everything that the provider said: each of its events is the data of a part", () => {
    const events = new ChatEvents(DIALECTS.gemini, { most: 1000 });
    const data = [
      { candidates: [{ content: { parts: [{ text: "a" }] } }] },
      { candidates: [{ finishReason: "STOP", groundingMetadata: { from: "there" } }] },
      { usageMetadata: { promptTokenCount: 1 }, more: true },
      { candidates: [{ finishReason: "constructor" }] },
    ];
    const said = data.flatMap((one) => events.feed(bytesOf(`data: ${JSON.stringify(one)}\n\n`)));
    expect(said.map((part) => part.data)).toEqual(data);
    expect(events.finishReasons.get(0)).toBe("constructor");
  });

  it("reads what it was fed, whatever becomes of that memory: a stream of bytes takes it", () => {
    const answer = JSON.stringify({ choices: [{ message: { content: "Hi" }, finish_reason: "stop" }] });
    const events = new ChatEvents(DIALECTS.openai, { most: 1 << 20 });
    for (const part of ["  ", answer.slice(0, 20), answer.slice(20)]) {
      const piece = bytesOf(part);
      events.feed(piece);
      structuredClone(piece, { transfer: [piece.buffer] });
    }
    expect(events.end()).toMatchObject([{ type: "text", text: "Hi" }]);
    expect(events.ending).toBe("complete");
  });

  it("keeps no line, no whole answer and no blank that never ends", () => {
    const endings = ["data: {", "{", ""].map((begin) => {
      const events = new ChatEvents(DIALECTS.openai, { most: 1000 });
      for (let n = 0; n < 60; n += 1) expect(events.feed(bytesOf(begin + " ".repeat(20)))).toEqual([]);
      return events.ending;
    });
    expect(endings).toEqual(["malformed", "malformed", "malformed"]);
  });
});
