/** What a request asks for at the top level of its body: a stream, a model; the twin of `sporewright/device/asked_for.py`. */
import type { Template } from "./request";

export interface AskedFor {
  /** Whether a stream of events is asked for; undefined: it cannot be told. */
  stream: boolean | undefined;
  model: string | undefined;
}

/** A longer body is not looked into. */
const LOOK_BYTES = 1 << 22;
/** A longer name is nobody's model. */
const MODEL_CHARS = 200;
/** Only a body with one of these says more than nothing. */
const SAYS = /"stream"|"model"/;

/** Read from the address, the Accept header and the body, in that order; what stands deeper in the body is content. */
export function askedFor({ request, body }: Template, path: string): AskedFor {
  const accept = request.headers.get("accept") ?? "";
  const said = inBody(body);
  if (path.endsWith(":streamGenerateContent")) return { ...said, stream: true };
  if (!accept.includes("text/event-stream") || said.stream) return said;
  return { ...said, stream: /json|\*\/\*/.test(accept) ? undefined : true };
}

function inBody(body: Template["body"]): AskedFor {
  const nothing: AskedFor = { stream: false, model: undefined };
  if (!(body instanceof ArrayBuffer)) return nothing;
  if (body.byteLength > LOOK_BYTES) return { ...nothing, stream: undefined };
  const text = new TextDecoder().decode(body);
  if (!SAYS.test(text)) return nothing;
  try {
    const data: unknown = JSON.parse(text);
    const { stream, model } = (typeof data === "object" && data !== null ? data : {}) as Record<string, unknown>;
    const names = typeof model === "string" && model.length > 0 && model.length <= MODEL_CHARS;
    return { stream: stream === true, model: names ? model : undefined };
  } catch {
    return { ...nothing, stream: undefined };
  }
}
