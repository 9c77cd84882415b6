/** A body that is fed only while somebody reads it: what is not asked for is not fetched. */

/** True if this browser has streams of bytes, as its own bodies are then. */
const HAS_BYTES = hasBytes();
type Controller = ReadableStreamDefaultController<Uint8Array> | ReadableByteStreamController;

export class Pipe {
  readonly stream: ReadableStream<Uint8Array>;
  /** The error that broke it; undefined as long as none has. */
  error: unknown;
  #controller: Controller | null = null;
  /** Tells the stream that its last wish was served; null while it wishes nothing. */
  #served: (() => void) | null = null;
  #wished: (() => void) | null = null;

  /** `cancelled`: the reader does not want the rest. */
  constructor(cancelled: (reason: unknown) => void) {
    const source = {
      start: (controller: Controller) => {
        this.#controller = controller;
      },
      pull: () =>
        new Promise<void>((served) => {
          this.#served = served;
          this.#wished?.();
        }),
      cancel: (reason: unknown) => {
        this.#controller = null;
        cancelled(reason);
      },
    };
    const bytes = { ...source, type: "bytes" } as UnderlyingByteSource;
    this.stream = HAS_BYTES ? new ReadableStream(bytes) : new ReadableStream(source, { highWaterMark: 0 });
  }

  /** Resolves once the reader waits for more. */
  wanted(): Promise<void> {
    if (this.#served) return Promise.resolve();
    return new Promise((wished) => {
      this.#wished = wished;
    });
  }

  push(piece: Uint8Array): void {
    // A stream of bytes takes no empty piece, and takes the memory of any other.
    if (piece.byteLength === 0) return;
    this.#controller?.enqueue(piece as Uint8Array<ArrayBuffer>);
    this.#serve();
  }

  close(): void {
    const controller = this.#controller;
    this.#controller = null;
    controller?.close();
    // A reader into memory of his own still waits for it.
    // eslint-disable-next-line sporewright/members -- a controller that has it is of a browser that has all of it
    if (controller && "byobRequest" in controller) controller.byobRequest?.respond(0);
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

function hasBytes(): boolean {
  try {
    new ReadableStream({ type: "bytes" });
    return true;
  } catch {
    return false;
  }
}
