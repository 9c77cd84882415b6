/** What a response brings: which kind of body, what its refusal says, and a Response made of what was read of it. */
import type { Body, Ending } from "./chain";
import { ruleOf, says } from "./classify";
import { Brackets } from "./cut";
import type { Limits, Plan } from "./generated/calls";
import { paceSeconds } from "./pace";
import { joined } from "./pieces";
import { Pipe } from "./pipe";

/** How a good response goes on; null: there is nothing to read, or nobody may look inside. */
export function bodyOf(response: Response, plan: Plan): Body | null {
  const { status, headers, body } = response;
  if (body === null || status === 0 || ruleOf({ kind: "status", status }, plan).outcome !== "ok") return null;
  const type = typeOf(headers);
  if (type === "text/event-stream") return "events";
  return isJson(type) && Number(headers.get("content-length") ?? 0) <= plan.limits.hold_bytes ? "whole" : "bytes";
}

/** What follows a body that says by itself whether it is whole, as JSON does; null for any other. */
export function bracketsOf({ headers }: Response): Brackets | null {
  return isJson(typeOf(headers)) ? new Brackets() : null;
}

function typeOf(headers: Headers): string {
  return (headers.get("content-type") ?? "").split(";", 1)[0]?.trim().toLowerCase() ?? "";
}

function isJson(type: string): boolean {
  return type === "application/json" || type.endsWith("+json");
}

/** The ending of a response that is the whole of an attempt, and says this. */
export function endingOf({ status, headers }: Response, text: string, now: number, plan: Plan): Ending {
  const asked = paceSeconds(headers, now, plan);
  const said = status >= 400 && status <= 422 ? says(text, plan) : [];
  return {
    kind: "status",
    status,
    ...(asked === undefined ? {} : { retry_after_s: asked }),
    ...(said.length === 0 ? {} : { says: said }),
  };
}

/**
 * What a refusal says, as much of it as comes in time, and a response that says no more than that where there would be
 * more: a caller reads it at once.
 */
export async function refusalOf(
  response: Response,
  { error_bytes: looked, error_s: patience, hold_bytes: most }: Limits,
  left: number,
): Promise<{ text: string; response: Response }> {
  const reader = response.clone().body?.getReader();
  if (!reader) return { text: "", response };
  const held: Uint8Array[] = [];
  let [length, isWhole] = [0, true];
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<null>((resolve) => {
    timer = setTimeout(resolve, Math.min(patience, Math.max(0, left)) * 1000, null);
  });
  try {
    while (length <= most) {
      const read = await Promise.race([reader.read(), late]);
      isWhole = read !== null;
      if (!read || read.done) break;
      held.push(read.value);
      length += read.value.byteLength;
    }
  } catch {
    isWhole = false; // a refusal that broke off is one all the same
  } finally {
    clearTimeout(timer);
    void reader.cancel().catch(() => undefined);
  }
  const text = new TextDecoder().decode(joined(held).subarray(0, looked));
  if (isWhole) return { text, response };
  response.body?.cancel().catch(() => undefined);
  return { text, response: responseOf(response, joined(held)) };
}

/** What a response says in so many bytes, and a piece more at most; as far as it came, where it breaks off. */
export async function beginningOf({ body }: Response, most: number): Promise<string> {
  const held: Uint8Array[] = [];
  const reader = body?.getReader();
  try {
    for (let length = 0; reader && length <= most; length += held.at(-1)?.byteLength ?? 0) {
      const { done, value } = await reader.read();
      if (done) break;
      held.push(value);
    }
  } catch {
    // What has come is what it says.
  }
  reader?.cancel().catch(() => undefined);
  return new TextDecoder().decode(joined(held));
}

const READERS = ["text", "json", "arrayBuffer", "blob", "bytes", "formData"] as const;

/** A Response with the head of the one that was received, over another body. */
export function responseOf(received: Response, body: Pipe | Uint8Array): Response {
  const { status, statusText, headers, url, redirected, type } = received;
  const made = new Response(body instanceof Pipe ? body.stream : (body as BodyInit), { status, statusText, headers });
  // A made Response has no address of its own; callers resolve relative links by it.
  for (const [name, value] of Object.entries({ url, redirected, type }))
    Object.defineProperty(made, name, { value, configurable: true });
  if (body instanceof Pipe) for (const name of READERS) sayWhy(made, name, body);
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
