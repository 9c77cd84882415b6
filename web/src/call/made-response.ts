/** A Response over another body, with everything else as it was received. */
import { Pipe } from "../streams";

/** By the standard a response of these has no body, whatever was sent; a Response cannot be made with one. */
const BODILESS: ReadonlySet<number> = new Set([101, 103, 204, 205, 304]);
const READERS = ["text", "json", "arrayBuffer", "blob", "bytes", "formData"] as const;
/** The characters that a made Response may have in its status text (RFC 9112, reason-phrase). */
const REASON = /^[\t\x20-\x7e\x80-\xff]*$/;

export function isBodiless(status: number): boolean {
  return BODILESS.has(status);
}

/** The received response, with this as its body: the same in everything that a caller can see. */
export function responseOf(received: Response, body: Pipe | Uint8Array): Response {
  const { status, statusText, headers } = received;
  const inside = isBodiless(status) ? null : body instanceof Pipe ? body.stream : (body as BodyInit);
  // A server may answer 999, which a Response may not be made with: what the caller reads is defined below.
  const may = status >= 200 && status <= 599 && REASON.test(statusText);
  const made = new Response(inside, may ? { status, statusText, headers } : { headers });
  return likeReceived(made, received, body instanceof Pipe ? body : null);
}

/**
 * A made Response has no address, its headers may be changed, and its copies are as made as it is: none of it is so of one
 * that was received.
 */
function likeReceived(made: Response, received: Response, pipe: Pipe | null): Response {
  const { status, statusText, ok, headers, url, redirected, type } = received;
  const copied = made.clone.bind(made);
  const clone = (): Response => likeReceived(copied(), received, pipe);
  defines(made, { status, statusText, ok, headers, url, redirected, type, clone });
  if (pipe) readBy(made, (read) => (isUnread(made) ? saysWhy(read, pipe) : read()));
  return made;
}

/** The same Response, of which nothing is read any more once the caller has aborted: as `fetch` has it, whole or not. */
export function abortable(response: Response, signal: AbortSignal): Response {
  const copied = response.clone.bind(response);
  defines(response, { clone: () => abortable(copied(), signal) });
  readBy(response, (read) => {
    return signal.aborted && isUnread(response) ? Promise.reject(signal.reason as Error) : read();
  });
  return response;
}

function isUnread({ bodyUsed, body }: Response): boolean {
  return !bodyUsed && body?.locked === false;
}

/** A browser reads a broken stream as a TypeError without a word; the reader gets what broke it. */
async function saysWhy(read: () => Promise<unknown>, pipe: Pipe): Promise<unknown> {
  try {
    return await read();
  } catch (error) {
    throw pipe.error ?? error;
  }
}

/** Lead each method that reads its body through this. */
function readBy(response: Response, through: (read: () => Promise<unknown>) => Promise<unknown>): void {
  for (const name of READERS) {
    const read = Reflect.get(response, name) as (() => Promise<unknown>) | undefined;
    // An older browser has no `bytes`.
    if (read) defines(response, { [name]: () => through(() => Reflect.apply(read, response, [])) });
  }
}

function defines(response: Response, own: object): void {
  for (const [name, value] of Object.entries(own)) Object.defineProperty(response, name, { value, configurable: true });
}
