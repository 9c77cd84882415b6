/** Reports that are not urgent go to the engine together, a moment later: its work is not done beside an answer's. */
import { asError, SporewrightError } from "../errors";
import type { Batched, Calls } from "../generated/calls";

/** Far below what a person notices, far above what a call on this machine takes. */
const MOMENT_MS = 50;
/** A batch is one turn of the engine: whoever asks it something meanwhile waits for no more than these. */
const MOST = 64;

type Send = (body: Calls["batch"]["body"]) => Promise<Calls["batch"]["reply"]>;

interface Waiting {
  call: Batched;
  body: Record<string, unknown>;
  /** Callbacks for the answer; none if nobody wants it. */
  resolve?: (body: unknown) => void;
  reject?: (error: SporewrightError) => void;
}

export class Batch {
  readonly #send: Send;
  #waiting: Waiting[] = [];
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(send: Send) {
    this.#send = send;
    if (typeof document !== "undefined") document.addEventListener("visibilitychange", this.#hidden);
  }

  close(): void {
    this.flush();
    if (typeof document !== "undefined") document.removeEventListener("visibilitychange", this.#hidden);
  }

  /** A page that nobody sees may never run again. */
  readonly #hidden = (): void => {
    if (document.visibilityState === "hidden") this.flush();
  };

  /** In order with all that is added; resolves with the engine's answer, once the batch is sent and answered. */
  add<C extends Batched>(call: C, body: Calls[C]["body"]): Promise<Calls[C]["reply"]> {
    return new Promise((resolve, reject) => {
      this.#push({ call, body: { ...body }, resolve: resolve as (body: unknown) => void, reject });
    });
  }

  /** The same where nobody wants the answer. */
  put<C extends Batched>(call: C, body: Calls[C]["body"]): void {
    this.#push({ call, body: { ...body } });
  }

  #push(waiting: Waiting): void {
    this.#waiting.push(waiting);
    if (this.#waiting.length >= MOST) this.flush();
    else
      this.#timer ??= setTimeout(() => {
        this.flush();
      }, MOMENT_MS);
  }

  /** Send what waits now, before anything else is asked. */
  flush(send: Send = this.#send): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const sent = this.#waiting;
    if (sent.length === 0) return;
    this.#waiting = [];
    send({ calls: sent.map(({ call, body }) => ({ call, body })) }).then(
      ({ replies }) => {
        for (const [at, { resolve, reject }] of sent.entries()) {
          const { body, error } = replies[at] ?? {};
          if (error) reject?.(new SporewrightError(error.code, error.message));
          else resolve?.(body ?? {});
        }
      },
      (error: unknown) => {
        for (const { reject } of sent) reject?.(asError(error));
      },
    );
  }
}
