/** The stream, the model or the inference that a request asks for in its body; as `sporewright/device/asked_for.py`. */
import type { Template } from "./template";

export interface AskedFor {
  /** True if a stream of events is asked for; undefined: it cannot be told. */
  stream: boolean | undefined;
  model: string | undefined;
  /** True if it may be inference; a form is none, nor an object that has something and none of its fields. */
  infers: boolean;
}

/** A longer body is not looked into. */
const LOOK_BYTES = 1 << 22;
/** A longer name is nobody's model. */
const MODEL_CHARS = 200;
const FORM = /^(multipart\/form-data|application\/x-www-form-urlencoded)/i;

/** Read from the address, the Accept header and the body, in that order; what stands deeper in the body is content. */
export function askedFor(
  { request, body }: Pick<Template, "request" | "body">,
  path: string,
  fields: readonly string[],
): AskedFor {
  const accept = request.headers.get("accept") ?? "";
  const said = inBody(body, fields);
  if (FORM.test(request.headers.get("content-type") ?? "")) said.infers = false;
  if (path.endsWith(":streamGenerateContent")) return { ...said, stream: true };
  if (!accept.includes("text/event-stream") || said.stream) return said;
  return { ...said, stream: /json|\*\/\*/.test(accept) ? undefined : true };
}

/** The body as JSON; undefined if it is none, or too long to look into. */
export function bodyOf({ body }: Template): unknown {
  if (!(body instanceof ArrayBuffer) || body.byteLength > LOOK_BYTES) return undefined;
  try {
    return JSON.parse(new TextDecoder().decode(body)) as unknown;
  } catch {
    return undefined;
  }
}

function inBody(body: Template["body"], fields: readonly string[]): AskedFor {
  const nothing: AskedFor = { stream: false, model: undefined, infers: true };
  if (!(body instanceof ArrayBuffer)) return nothing;
  if (body.byteLength > LOOK_BYTES) return { ...nothing, stream: undefined };
  const text = new TextDecoder().decode(body);
  if (!text.trimStart().startsWith("{")) return nothing;
  try {
    const data = JSON.parse(text) as Record<string, unknown>;
    const { stream, model } = data;
    const names = typeof model === "string" && model.length > 0 && model.length <= MODEL_CHARS;
    const infers = Object.keys(data).length === 0 || fields.some((field) => Object.hasOwn(data, field));
    return { stream: stream === true, model: names ? model : undefined, infers };
  } catch {
    return { ...nothing, stream: undefined };
  }
}
