/** A request's body, taken from the caller once, so that each option can be sent it whole. */

/** A body that can be sent any number of times; null: no body. */
export type Taken = ArrayBuffer | Blob | FormData | null;

/** A Blob beyond this is sent as it is, a file of any size without being read into memory. */
const READ_BYTES = 1 << 22;

/** The fields of which a Request is made to see whether the rest of it is right: a stream is taken beside it. */
export function initOf(init: RequestInit | undefined): RequestInit | undefined {
  if (!(init?.body instanceof ReadableStream)) return init;
  return { ...init, body: new Uint8Array(), duplex: undefined } as RequestInit;
}

/** The body of this request, which was made of `given`; undefined: of another Request. */
export async function takenFrom(request: Request, given: RequestInit["body"], signal: AbortSignal): Promise<Taken> {
  if (request.method === "GET" || request.method === "HEAD") return null;
  if (given instanceof Blob && given.size > READ_BYTES) return given;
  const form = given instanceof FormData ? copyOf(given) : null;
  try {
    const bytes = await bytesOf(request, given, signal);
    return bytes.byteLength > 0 ? bytes : null;
  } catch (error) {
    // WebKit sends a form that holds a file, and cannot read it.
    if (form && error instanceof DOMException) return form;
    throw error;
  }
}

async function bytesOf(request: Request, given: RequestInit["body"], signal: AbortSignal): Promise<ArrayBuffer> {
  if (typeof given === "string") return new TextEncoder().encode(given).buffer;
  if (!(given instanceof ReadableStream)) return request.arrayBuffer();
  // Firefox would send the words "[object ReadableStream]"; a Response reads a stream in every browser.
  const passed = (given as ReadableStream<Uint8Array>).pipeThrough(new TransformStream(), { signal });
  return new Response(passed).arrayBuffer();
}

/** As it is now: what the caller changes later is no part of this request. Null where it holds no file. */
function copyOf(form: FormData): FormData | null {
  const entries = [...form];
  if (!entries.some(([, value]) => value instanceof Blob)) return null;
  const copy = new FormData();
  for (const [name, value] of entries)
    if (typeof value === "string") copy.append(name, value);
    else copy.append(name, value, value.name);
  return copy;
}
