/** The answer's way to the caller: whole or piece by piece, or the error instead. */
import type { CallRequest, CallContext } from "./call-context";
import type { AttemptIO } from "./attempt-io";
import { abortable, responseOf } from "./made-response";
import { joined, Pipe } from "../streams";
import type { ReceiptWriter } from "./call-receipt";
import type { RestartDetail } from "../types";

export class Delivery {
  readonly promise: Promise<Response>;
  readonly #context: CallContext;
  readonly #asked: CallRequest;
  readonly #ledger: ReceiptWriter;
  #cancelled: (reason: unknown) => void;
  #answer: { resolve: (response: Response) => void; reject: (reason: unknown) => void } | null = null;
  #pipe: Pipe | null = null;
  #isGiven = false;

  /** `cancelled`: the caller does not want the rest. */
  constructor(context: CallContext, asked: CallRequest, ledger: ReceiptWriter, cancelled: (reason: unknown) => void) {
    [this.#context, this.#asked, this.#ledger, this.#cancelled] = [context, asked, ledger, cancelled];
    this.promise = new Promise((resolve, reject) => {
      this.#answer = { resolve, reject };
    });
  }

  /** The pipe that is still being filled; null until an answer is handed over in pieces. */
  get pipe(): Pipe | null {
    return this.#pipe;
  }

  /** True if the caller has the answer, or the beginning of it. */
  get isGiven(): boolean {
    return this.#isGiven;
  }

  /** From here on this one answers; `whole`: nothing follows what it has held. */
  hands(one: AttemptIO, response: Response, whole: boolean): void {
    if (this.#pipe) this.#restarts(one, this.#pipe);
    else if (whole && response.bodyUsed) this.#gives(one, responseOf(response, joined(one.held), this.#asked.signal));
    else if (whole) this.gives(one, response);
    else {
      const pipe = new Pipe((reason) => {
        this.#cancelled(reason);
      });
      this.#pipe = pipe;
      for (const piece of one.held.splice(0)) pipe.push(piece);
      this.#gives(one, responseOf(response, pipe, this.#asked.signal));
    }
  }

  gives(one: AttemptIO, response: Response): void {
    this.#gives(one, abortable(response, this.#asked.signal));
  }

  #gives(one: AttemptIO, given: Response): void {
    this.#ledger.answeredBy(one.option);
    this.#asked.delivered(given, this.#ledger.receipt, one.request);
    this.#answer?.resolve(given);
    this.#isGiven = true;
  }

  /** The answer handed over is rejected: that the rest of it is not read says nothing of the call. */
  abandon(): void {
    this.#cancelled = () => undefined;
  }

  close(): void {
    this.#pipe?.close();
  }

  /** The caller gets this error instead of an answer, or of the rest of one. */
  fails(error: unknown): void {
    this.#answer?.reject(error);
    this.#pipe?.fail(error);
  }

  /** Everything handed over so far has been read: the pipe holds nothing back. So this is where the new answer begins. */
  #restarts(one: AttemptIO, pipe: Pipe): void {
    const detail: RestartDetail = { call: this.#asked.number, option: one.option };
    try {
      this.#asked.onRestart?.(detail);
    } catch {
      // A defect in it loses no answer, and is no option's fault.
    }
    this.#context.onRestart(detail);
    this.#ledger.answeredBy(one.option);
    for (const piece of one.held.splice(0)) pipe.push(piece);
  }
}
