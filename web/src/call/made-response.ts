/** A Response over another body, with everything else as it was received. */
import { Pipe } from "../streams";

/** By the standard a response of these has no body, whatever was sent; a Response cannot be made with one. */
const BODILESS: ReadonlySet<number> = new Set([101, 103, 204, 205, 304]);
const READERS = ["text", "json", "arrayBuffer", "blob", "bytes", "formData"] as const;
/** Longer bodies take their time to read, whoever reads them, and are read once. */
const SHORT_BYTES = 1 << 16;
/** The characters that a made Response may have in its status text (RFC 9112, reason-phrase). */
const REASON = /^[\t\x20-\x7e\x80-\xff]*$/;

type Reader = (typeof READERS)[number];
type Read = () => Promise<unknown>;

export function isBodiless(status: number): boolean {
  return BODILESS.has(status);
}

/** Properties of a made Response beyond its own body. */
interface Dress {
  /** The response that it is like in everything but its body. */
  received?: Response;
  /** The stream that is its body. */
  pipe?: Pipe | null;
  /** The bytes that are its body. */
  bytes?: Uint8Array | null;
  /** Nothing is read any more once it is aborted. */
  signal?: AbortSignal | undefined;
}

/**
 * The received response, with this as its body: the same in everything that a caller can see; with a signal, `abortable` as
 * well.
 */
export function responseOf(
  received: Response,
  body: Pipe | ReadableStream<Uint8Array> | Uint8Array,
  signal?: AbortSignal,
): Response {
  const { status, statusText, headers } = received;
  const inside = isBodiless(status) ? null : body instanceof Pipe ? body.stream : (body as BodyInit);
  // A server may answer 999, which a Response may not be made with: what the caller reads is defined below.
  const may = status >= 200 && status <= 599 && REASON.test(statusText);
  const made = new Response(inside, may ? { status, statusText, headers } : { headers });
  const pipe = body instanceof Pipe ? body : null;
  const bytes = body instanceof Uint8Array && inside !== null ? body : null;
  return dressed(made, { received, pipe, bytes, signal });
}

/** The same Response, of which nothing is read any more once the caller has aborted: as `fetch` has it, whole or not. */
export function abortable(response: Response, signal: AbortSignal): Response {
  return dressed(response, { signal });
}

/**
 * A made Response has no address, its headers may be changed, and its copies are as made as it is: none of it is so of one
 * that was received.
 */
function dressed(response: Response, dress: Dress): Response {
  const copied = response.clone.bind(response);
  const own: Record<string, unknown> = { clone: () => dressed(copied(), dress) };
  if (dress.received) {
    const { status, statusText, ok, headers, url, redirected, type } = dress.received;
    Object.assign(own, { status, statusText, ok, headers, url, redirected, type });
  }
  for (const name of READERS) {
    const read = Reflect.get(response, name) as Read | undefined;
    // An older browser has no `bytes`.
    if (read) own[name] = () => readOf(response, name, () => Reflect.apply(read, response, []), dress);
  }
  for (const [name, value] of Object.entries(own)) Object.defineProperty(response, name, { value, configurable: true });
  return response;
}

function readOf(response: Response, name: Reader, read: Read, { pipe, bytes, signal }: Dress): Promise<unknown> {
  if (!isUnread(response)) return read();
  if (signal?.aborted) return Promise.reject(signal.reason as Error);
  if (pipe) return saysWhy(read, pipe);
  return bytes && bytes.byteLength <= SHORT_BYTES ? atOnce(name, bytes, read) : read();
}

/**
 * The value that a browser reads of these bytes, without its turn of the event loop, which takes longer than all else that is done for
 * a call. It reads all the same: the response is used up. What cannot be read it says in its own words.
 */
function atOnce(name: Reader, bytes: Uint8Array, read: Read): Promise<unknown> {
  const own = read();
  const found = valueOf(name, bytes);
  if (found === undefined) return own;
  own.catch(() => undefined);
  return Promise.resolve(found);
}

function valueOf(name: Reader, bytes: Uint8Array): unknown {
  if (name === "text") return new TextDecoder().decode(bytes);
  if (name === "bytes") return bytes.slice();
  if (name === "arrayBuffer") return bytes.slice().buffer;
  if (name !== "json") return undefined;
  try {
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    return undefined;
  }
}

function isUnread({ bodyUsed, body }: Response): boolean {
  return !bodyUsed && body?.locked === false;
}

/** A browser reads a broken stream as a TypeError without a word; the reader gets what broke it. */
async function saysWhy(read: Read, pipe: Pipe): Promise<unknown> {
  try {
    return await read();
  } catch (error) {
    throw pipe.error ?? error;
  }
}
