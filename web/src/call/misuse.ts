/**
 * Requests that fail wherever they are sent: the caller's own mistake. He gets the TypeError that `fetch` gives, after one
 * attempt, and no option is blamed for it.
 */
import { isWhatItSays } from "../network";
import { responseOf } from "./made-response";
import type { Template } from "./template";
import { pageAddress } from "../base";

/** The most that the bodies of a page's keepalive requests may come to, together (the Fetch standard, inflight bytes). */
const KEEPALIVE_BYTES = 1 << 16;
/** Of those under way here. */
let keptAlive = 0;

/** The way a request goes out, and the wishes that are checked here because a failure would not tell of them. */
export function wishesOf({ mode, redirect, integrity }: Request): Pick<RequestInit, "redirect" | "integrity"> {
  if (mode === "no-cors") return { redirect, integrity };
  return { redirect: redirect === "error" ? "manual" : redirect, integrity: isVerifiedHere() ? "" : integrity };
}

/** The answer to this request; a redirect that the caller will have none of is a Misuse. */
export async function sent(request: Request, template: Template): Promise<Response> {
  const carried = template.request.keepalive ? sizeOf(template.body) : 0;
  if (carried > 0 && keptAlive + carried > KEEPALIVE_BYTES)
    throw new Misuse(new TypeError(`Failed to fetch: more than ${KEEPALIVE_BYTES} bytes at once with keepalive`));
  keptAlive += carried;
  try {
    const response = await globalThis.fetch(request);
    if (response.type === "opaqueredirect" && template.request.redirect === "error")
      throw new Misuse(new TypeError('Failed to fetch: it is redirected, and redirect is "error"'));
    return response;
  } finally {
    keptAlive -= carried;
  }
}

/** An error that the caller gets as it was thrown. */
export class Misuse extends Error {
  constructor(readonly thrown: unknown) {
    super();
  }
}

/** True if a request with these wishes can only fail at this address. */
export function failsAt(address: string, { mode, redirect, cache, integrity }: Request): boolean {
  if (cache === "only-if-cached") return true; // whatever there is was not asked of a server
  if (mode !== "same-origin" && (mode !== "no-cors" || (redirect === "follow" && integrity === ""))) return false;
  return new URL(address).origin !== new URL(pageAddress() ?? address).origin;
}

/** The same answer, once it is known to be what the caller said it is; rejects with a TypeError if it is not. */
export async function verified(response: Response, { mode, integrity }: Request): Promise<Response> {
  if (integrity === "" || mode === "no-cors" || !isVerifiedHere()) return response;
  if (response.body === null) throw new TypeError("Failed to fetch: integrity of an answer without a body");
  const bytes = await response.arrayBuffer();
  if (await isWhatItSays(bytes, integrity)) return responseOf(response, new Uint8Array(bytes));
  throw new TypeError("Failed to fetch: the answer is not what its integrity says");
}

/** Digests are there in secure contexts only. */
function isVerifiedHere(): boolean {
  return (globalThis.crypto as Partial<Crypto> | undefined)?.subtle !== undefined;
}

function sizeOf(body: Template["body"]): number {
  if (body instanceof ArrayBuffer) return body.byteLength;
  if (body instanceof Blob) return body.size;
  return [...(body ?? [])].reduce((sum, [, value]) => sum + (value instanceof Blob ? value.size : value.length), 0);
}
