/** The body that a response brings, and the text of its refusal. */
import { disarm, type AttemptIO } from "./attempt-io";
import type { CallContext } from "./call-context";
import { digestFor } from "./credentials";
import { type AttemptChain, type Body, type Ending, paceSeconds, ruleOf, says } from "../routing";
import { joined } from "../streams";
import type { Limits, Plan } from "../generated/calls";
import { isBodiless, responseOf } from "./made-response";

/**
 * The kind of body of a good response to a request of this method; null: there is nothing to read, or it is opaque.
 * Chromium gives an empty stream where by the standard the body is null.
 */
export function bodyOf(response: Response, method: string, plan: Plan, judged = false): Body | null {
  const { status, headers, body } = response;
  if (body === null || method === "HEAD" || isBodiless(status) || status === 0) return null;
  if (ruleOf({ kind: "status", status, judged }, plan).outcome !== "ok") return null;
  const type = typeOf(headers);
  if (type === "text/event-stream") return "events";
  return isJsonType(type) && Number(headers.get("content-length") ?? 0) <= plan.limits.hold_bytes ? "whole" : "bytes";
}

/** True if its headers say that its body is JSON. */
export function isJson({ headers }: Response): boolean {
  return isJsonType(typeOf(headers));
}

function typeOf(headers: Headers): string {
  return (headers.get("content-type") ?? "").split(";", 1)[0]?.trim().toLowerCase() ?? "";
}

function isJsonType(type: string): boolean {
  return type === "application/json" || type.endsWith("+json");
}

/** The ending of a response that is the whole of an attempt, and says this. */
function endingOf({ status, headers }: Response, text: string, now: number, plan: Plan): Ending {
  const asked = paceSeconds(headers, now, plan);
  const said = status >= 400 && status <= 499 ? says(text, plan) : [];
  return {
    kind: "status",
    status,
    ...(asked === undefined ? {} : { retry_after_s: asked }),
    ...(said.length === 0 ? {} : { says: said }),
  };
}

/** The ending of a response that is the whole of its attempt; a digest of the keys that it refuses is written into it. */
export async function headEnding(
  one: AttemptIO,
  response: Response,
  chain: AttemptChain,
  context: CallContext,
): Promise<Ending> {
  const { plan, awake } = context;
  const text = await wordsOf(one, response, chain, plan, awake.now());
  if (response.status >= 400) one.credential = await digestFor(context, one.option);
  return endingOf(response, text, awake.now(), plan);
}

/** The text of a response that ends its attempt, if that decides; if there may be more of it, it is the caller's. */
async function wordsOf(
  one: AttemptIO,
  response: Response,
  chain: AttemptChain,
  { limits }: Plan,
  now: number,
): Promise<string> {
  const left = chain.due(one.number) - now;
  disarm(one);
  if (!chain.wantsText(response.status, one.number)) return "";
  chain.token(now, one.number, false, true); // it is not silent any more: nobody is asked beside it
  const said = await refusalOf(response, limits, left);
  one.response = said.response;
  return said.text;
}

/**
 * The text of a refusal, as much of it as comes in time, and a response that says no more than that if there would be
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

/** The first so many bytes of a response, and a piece more at most; as far as it came, if it breaks off. */
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
