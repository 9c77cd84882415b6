/** Upstreams that are a function of the page: their answer, held to what `fetch` would give. */
import { responseOf } from "./made-response";
import { CallerFault, fromCaller } from "./secrets";
import type { RunFunction } from "../types";

/** A function gave what is no answer. */
class NoAnswer extends CallerFault {
  constructor(says: string) {
    super("run", undefined);
    this.message = says;
  }
}

/**
 * The answer of `run`; its body ends with the signal, as that of a `fetch`. Rejects with a CallerFault for what it throws,
 * and for what is no unread Response.
 */
export async function answerOf(run: RunFunction, request: Request, signal: AbortSignal): Promise<Response> {
  const answer: unknown = await fromCaller("run", () => run(request, { signal }));
  if (!(answer instanceof Response)) throw new NoAnswer(`run gave ${typeof answer}, not a Response`);
  const { body, bodyUsed, type } = answer;
  if (type === "error") throw new NoAnswer("run gave a Response that is a network error");
  if (bodyUsed || body?.locked) throw new NoAnswer("run gave a Response that was read already");
  if (!body) return answer;
  const bytes = new TransformStream({ transform: onlyBytes });
  // With a signal that is aborted already this cancels the body: nobody waits for it any more.
  return responseOf(answer, body.pipeThrough(bytes, { signal }));
}

/** A body may be made of anything, and is one only if all of it is bytes. */
function onlyBytes(piece: unknown, controller: TransformStreamDefaultController<Uint8Array>): void {
  if (!(piece instanceof Uint8Array)) throw new NoAnswer(`the body from run gave ${typeof piece}, not bytes`);
  controller.enqueue(piece);
}
