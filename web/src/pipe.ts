/** A body that is fed only while somebody reads it: what is not asked for is not fetched. */

export class Pipe {
  readonly stream: ReadableStream<Uint8Array>;
  /** What broke it; undefined as long as nothing has. */
  error: unknown;
  #controller: ReadableStreamDefaultController<Uint8Array> | null = null;
  /** Tells the stream that its last wish was served; null while it wishes nothing. */
  #served: (() => void) | null = null;
  #wished: (() => void) | null = null;

  /** `cancelled`: the reader does not want the rest. */
  constructor(cancelled: (reason: unknown) => void) {
    const source: UnderlyingDefaultSource<Uint8Array> = {
      start: (controller) => {
        this.#controller = controller;
      },
      pull: () =>
        new Promise((served) => {
          this.#served = served;
          this.#wished?.();
        }),
      cancel: (reason) => {
        this.#controller = null;
        cancelled(reason);
      },
    };
    this.stream = new ReadableStream(source, { highWaterMark: 0 });
  }

  /** Resolves once the reader waits for more. */
  wanted(): Promise<void> {
    if (this.#served) return Promise.resolve();
    return new Promise((wished) => {
      this.#wished = wished;
    });
  }

  push(piece: Uint8Array): void {
    this.#controller?.enqueue(piece);
    this.#serve();
  }

  close(): void {
    this.#controller?.close();
    this.#controller = null;
    this.#serve();
  }

  /** The reader gets this error instead of an end. */
  fail(error: unknown): void {
    if (this.#controller) this.error = error;
    this.#controller?.error(error);
    this.#controller = null;
    this.#serve();
  }

  #serve(): void {
    this.#served?.();
    [this.#served, this.#wished] = [null, null];
  }
}
