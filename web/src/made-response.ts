/** A Response over another body, with everything else as it was received. */
import { Pipe } from "./pipe";

/** By the standard a response of these has no body, whatever was sent; a Response cannot be made with one. */
const BODILESS: ReadonlySet<number> = new Set([101, 103, 204, 205, 304]);
const READERS = ["text", "json", "arrayBuffer", "blob", "bytes", "formData"] as const;
/** What a made Response may have of its own (RFC 9112, reason-phrase). */
const REASON = /^[\t\x20-\x7e\x80-\xff]*$/;

export function isBodiless(status: number): boolean {
  return BODILESS.has(status);
}

/** What was received, with this as its body: the same in everything that a caller can see. */
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
  for (const [name, value] of Object.entries({ status, statusText, ok, headers, url, redirected, type, clone }))
    Object.defineProperty(made, name, { value, configurable: true });
  if (pipe) for (const name of READERS) sayWhy(made, name, pipe);
  return made;
}

/** A browser reads a broken stream as a TypeError without a word; the reader gets what broke it. */
function sayWhy(made: Response, name: (typeof READERS)[number], pipe: Pipe): void {
  const read = Reflect.get(made, name) as unknown;
  if (typeof read !== "function") return; // an older browser has no `bytes`
  const value = async (): Promise<unknown> => {
    try {
      return (await Reflect.apply(read, made, [])) as unknown;
    } catch (error) {
      throw pipe.error ?? error;
    }
  };
  Object.defineProperty(made, name, { value, configurable: true });
}
