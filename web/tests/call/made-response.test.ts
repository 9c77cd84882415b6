/** A Response made over another body beside the one that was received; bodies taken of requests. */
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { bodyOf } from "../../src/call/answer";
import { RoutedFetch } from "../../src/call/fetch";
import { PLAN } from "../../src/generated/plan";
import { responseOf } from "../../src/call/made-response";
import { Pipe } from "../../src/streams/pull-stream";
import { templateOf } from "../../src/call/template";
import { contextOf } from "../context";
import { TestUpstream } from "../upstream";

let alpha: TestUpstream;

beforeEach(async () => {
  alpha = await TestUpstream.open("alpha");
});

afterEach(async () => {
  vi.unstubAllGlobals();
  await alpha.close();
});

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

/** What comes of reading: the value, of a Blob its type and text, or the error's name and words. */
async function outcome(reading: Promise<unknown>): Promise<unknown> {
  try {
    const read = await reading;
    return read instanceof Blob ? [read.type, await read.text()] : read;
  } catch (error) {
    return error instanceof Error ? [error.name, error.message] : error;
  }
}

/** What a caller can see without reading the body. */
function seen(response: Response): unknown {
  const { status, statusText, ok, url, redirected, type, bodyUsed, headers } = response;
  return { status, statusText, ok, url, redirected, type, bodyUsed, headers: [...headers] };
}

describe("a made Response", () => {
  it.each([200, 206, 404, 599, 999])("is as the one that was received, and so is its copy: %i", async (status) => {
    alpha.answer = (response) => {
      response.writeHead(status, "As It Is", { "content-type": "text/x; charset=utf-8", "x-two": ["a", "b"] });
      response.end("whole");
    };
    const received = await fetch(`${alpha.url}/a?b`);
    const made = responseOf(received, bytes("whole"));
    expect(seen(made)).toEqual(seen(received));
    const copy = made.clone();
    expect(seen(copy)).toEqual(seen(received));
    expect(seen(copy.clone())).toEqual(seen(received));
    expect(() => {
      made.headers.set("x", "y");
    }).toThrow(TypeError);
    const blob = await made.blob();
    expect([blob.type, await blob.text()]).toEqual([(await received.blob()).type, "whole"]);
    expect([made.bodyUsed, copy.bodyUsed]).toEqual([true, false]);
    expect(await copy.text()).toBe("whole");
    expect(() => made.clone()).toThrow(TypeError);
  });

  it.each([101, 103, 204, 205, 304])("of %i has no body, whatever was sent", async (status) => {
    const head = { statusText: "", headers: new Headers(), ok: false, url: "", redirected: false, type: "basic" };
    const received = { ...head, status } as unknown as Response;
    const body = new ReadableStream();
    expect(bodyOf({ ...head, status, body } as unknown as Response, "GET", PLAN)).toBeNull();
    const made = responseOf(received, bytes("what"));
    expect([made.status, made.body, await made.text()]).toEqual([status, null, ""]);
  });

  it.each<[string, Uint8Array]>([
    ["JSON", bytes('{"a":[1,"\u00fc"]}')],
    ["JSON behind a byte order mark", new Uint8Array([0xef, 0xbb, 0xbf, ...bytes("[1]")])],
    ["no JSON", bytes('{"a":')],
    ["nothing", new Uint8Array()],
    ["no text", new Uint8Array([0xff, 0xc3, 0x28, 0x00, 0xed, 0xa0, 0x80])],
    ["a long text", bytes("x".repeat((1 << 16) + 1))],
  ])("is read as one that was received, at once or not: %s", async (_, body) => {
    alpha.answer = (response) => {
      response.writeHead(200, { "content-type": "application/json" }).end(body);
    };
    for (const read of ["text", "json", "arrayBuffer", "blob", "bytes"] as const) {
      const received = await fetch(alpha.url);
      const made = responseOf(await fetch(alpha.url), body);
      const copy = made.clone();
      const [wanted, found] = [await outcome(received[read]()), outcome(made[read]())];
      expect(made.bodyUsed).toBe(true);
      expect(await found).toEqual(wanted);
      expect([made.body?.locked, await outcome(made.text())]).toEqual([
        received.body?.locked,
        await outcome(received.text()),
      ]);
      expect(await outcome(copy[read]())).toEqual(wanted);
    }
  });

  it("is its reader's own: what he does with its bytes changes no copy", async () => {
    const made = responseOf(await fetch(alpha.url), bytes("whole"));
    const copy = made.clone();
    new Uint8Array(await made.arrayBuffer()).fill(0);
    expect(await copy.text()).toBe("whole");
  });

  it("that is being read otherwise is not read at once", async () => {
    const made = responseOf(await fetch(alpha.url), bytes("whole"));
    made.body?.getReader();
    await expect(made.text()).rejects.toThrow(TypeError);
  });

  it("gives its reader, by any of its methods and of its copies, what broke it", async () => {
    const broke = new Error("it broke off");
    for (const read of ["text", "json", "arrayBuffer", "blob", "bytes", "formData"] as const) {
      const pipe = new Pipe(() => undefined);
      const made = responseOf(await fetch(alpha.url), pipe);
      const copy = made.clone();
      pipe.fail(broke);
      await expect(made[read]()).rejects.toBe(broke);
      await expect(copy[read]()).rejects.toBe(broke);
    }
  });

  it("is a stream of bytes, which may be read into memory of the reader's own", async () => {
    const pipe = new Pipe(() => undefined);
    const { body } = responseOf(await fetch(alpha.url), pipe);
    const reader = body?.getReader({ mode: "byob" });
    const first = reader?.read(new Uint8Array(2));
    await pipe.wanted();
    pipe.push(new Uint8Array());
    pipe.push(bytes("abc"));
    expect((await first)?.value).toEqual(bytes("ab"));
    expect((await reader?.read(new Uint8Array(2)))?.value).toEqual(bytes("c"));
    const last = reader?.read(new Uint8Array(2));
    await pipe.wanted();
    pipe.close();
    expect((await last)?.done).toBe(true);
  });
});

describe("a routed call without a body in its answer", () => {
  it.each([
    ["GET", 204],
    ["GET", 205],
    ["GET", 304],
    ["HEAD", 200],
    ["DELETE", 204],
  ])("%s, %i: is answered at once, held back or not, where a browser gives an empty stream", async (method, status) => {
    alpha.status = status;
    const native = globalThis.fetch;
    // Chromium's body of such a response is no null.
    vi.stubGlobal("fetch", async (request: Request, init: RequestInit) => {
      const response = await native(request, init);
      return Object.defineProperty(response, "body", { value: new Blob([]).stream() });
    });
    const router = new RoutedFetch(contextOf({ alpha: { url: alpha.url } }));
    for (const restart of ["error", "buffer", "notify"] as const) {
      const response = await router.fetch("/x", { method, restart });
      expect([response.status, await response.text()]).toEqual([status, ""]);
      expect(router.receipt(response)).toMatchObject({ end: "answered", attempts: [{ outcome: "ok" }] });
    }
  });

  it("fails where what came cannot be handed over, and does not wait for ever", async () => {
    vi.stubGlobal("Response", undefined);
    const router = new RoutedFetch(contextOf({ alpha: { url: alpha.url } }));
    await expect(router.fetch("/x", { restart: "buffer" })).rejects.toThrow(TypeError);
  });
});

describe("a body that is taken", () => {
  const signal = new AbortController().signal;
  const post = (body: RequestInit["body"]): RequestInit => ({ method: "POST", body: body ?? null });

  it("is a stream's bytes, where the browser has none in requests, and needs no duplex", async () => {
    const native = globalThis.Request;
    const made = vi.fn((input: RequestInfo, init?: RequestInit) => {
      expect(init?.body).not.toBeInstanceOf(ReadableStream);
      return new native(input, init);
    });
    vi.stubGlobal("Request", class extends native {
      constructor(input: RequestInfo, init?: RequestInit) {
        super(input, init);
        made(input, init);
      }
    }); // prettier-ignore
    const stream = new Blob(["in ", "parts"]).stream();
    const { request, body } = await templateOf("/x", { ...post(stream), duplex: "half" } as RequestInit, signal);
    expect(new TextDecoder().decode(body as ArrayBuffer)).toBe("in parts");
    expect(request.headers.get("content-type")).toBeNull();
    await expect(templateOf("/x", { body: new ReadableStream() }, signal)).rejects.toThrow(TypeError);
    const used = new ReadableStream();
    used.getReader();
    await expect(templateOf("/x", post(used), signal)).rejects.toThrow(TypeError);
  });

  it("is the form itself, as it was, where the browser cannot read one that holds a file", async () => {
    vi.spyOn(Request.prototype, "arrayBuffer").mockRejectedValue(
      new DOMException("Unable to read form data blob", "InvalidStateError"),
    );
    const form = new FormData();
    form.append("field", "value");
    form.append("file", new Blob(["inside"], { type: "text/x" }), "name.txt");
    const taken = templateOf("/x", post(form), signal);
    form.append("later", "not this");
    const { request, body } = await taken;
    vi.restoreAllMocks();
    expect(request.headers.get("content-type")).toBeNull(); // each request has a boundary of its own
    expect([...(body as FormData).keys()]).toEqual(["field", "file"]);
    const file = (body as FormData).get("file") as File;
    expect([file.name, file.type, await file.text()]).toEqual(["name.txt", "text/x", "inside"]);
  });

  it("is a large file itself, unread", async () => {
    const file = new Blob([new Uint8Array((1 << 22) + 1)]);
    expect((await templateOf("/x", post(file), signal)).body).toBe(file);
    expect((await templateOf("/x", post(new Blob(["small"])), signal)).body).toBeInstanceOf(ArrayBuffer);
  });
});
