/** Page ⇄ worker: a closed list of calls as data over anything that can post and listen. Errors cross as data. */
import { closedError, SporewrightError } from "../errors";
import type { CallName, Calls, Pushes } from "../generated/calls";
import type { ErrorData } from "../types";

/** All that a transport must be: a worker, a port of a SharedWorker, one end of a MessageChannel. */
export interface Endpoint {
  post(message: unknown): void;
  /** Calls back for every message from the other side; returns the way to stop. */
  listen(handler: (message: unknown) => void): () => void;
}

export interface CallMessage {
  id: number;
  call: string;
  body: unknown;
}

export type ReplyMessage = { id: number; ok: true; body: unknown } | { id: number; ok: false; error: ErrorData };

export interface PushMessage {
  push: string;
  body: unknown;
}

/** The first message on every endpoint: what the worker needs to know before Python runs. */
export interface Hello {
  hello: {
    /** Milliseconds for each stage of the start. */
    stageTimeout: number;
    /** Name of the IndexedDB database that holds this engine's cells. */
    storage: string;
    /** Name of the Web Lock that the page holds for as long as it lives, if the browser has locks. */
    life: string | null;
  };
}

/** Asks whether the worker's thread still runs: it answers at once, whatever Python does next. */
export interface PingMessage {
  ping: true;
}

interface Pending {
  resolve: (body: unknown) => void;
  reject: (error: SporewrightError) => void;
  timer: ReturnType<typeof setTimeout>;
}

/** The page's end: calls get their answer or an error, pushes go to one handler, `close` leaves nothing pending. */
export class Link {
  readonly #endpoint: Endpoint;
  readonly #timeout: number;
  readonly #pending = new Map<number, Pending>();
  readonly #stop: () => void;
  #last = 0;
  #closed: SporewrightError | null = null;
  #onSign = (): void => undefined;

  constructor(
    endpoint: Endpoint,
    onPush: <P extends keyof Pushes>(push: P, body: Pushes[P]) => void,
    timeout = 10_000,
  ) {
    this.#endpoint = endpoint;
    this.#timeout = timeout;
    this.#stop = endpoint.listen((message) => {
      this.#onSign();
      if (isReply(message)) this.#settle(message);
      else if (isPush(message)) onPush(message.push as keyof Pushes, message.body as Pushes[keyof Pushes]);
    });
  }

  /** The reason for which it is closed; null as long as it is not. */
  get closed(): SporewrightError | null {
    return this.#closed;
  }

  /** Call back for whatever the other side says, be it the answer to a `ping` alone. */
  onSign(handler: () => void): void {
    this.#onSign = handler;
  }

  ping(): void {
    if (!this.#closed) this.#endpoint.post({ ping: true } satisfies PingMessage);
  }

  /** Ask; rejects with the other side's error, with `timeout` after `timeout` ms, with `closed` when closed. */
  call<C extends CallName>(call: C, body: Calls[C]["body"], timeout = this.#timeout): Promise<Calls[C]["reply"]> {
    if (this.#closed) return Promise.reject(this.#closed);
    const id = ++this.#last;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#pending.delete(id);
        reject(new SporewrightError("timeout", `${call}: no answer within ${timeout} ms`));
      }, timeout);
      this.#pending.set(id, { resolve: resolve as (body: unknown) => void, reject, timer });
      this.#post({ id, call, body });
    });
  }

  /** Stop listening; whatever is pending is rejected with `error`, and so is every later call. */
  close(error = closedError()): void {
    if (this.#closed) return;
    this.#closed = error;
    this.#stop();
    for (const { reject, timer } of this.#pending.values()) {
      clearTimeout(timer);
      reject(error);
    }
    this.#pending.clear();
  }

  #post(message: CallMessage): void {
    try {
      this.#endpoint.post(message);
    } catch (error) {
      // A body that cannot be cloned: an answer, not silence.
      const text = `${message.call}: ${error instanceof Error ? error.message : String(error)}`;
      this.#settle({ id: message.id, ok: false, error: { code: "decode", message: text } });
    }
  }

  #settle(reply: ReplyMessage): void {
    const waiting = this.#pending.get(reply.id);
    if (!waiting) return;
    this.#pending.delete(reply.id);
    clearTimeout(waiting.timer);
    if (reply.ok) waiting.resolve(reply.body);
    else waiting.reject(new SporewrightError(reply.error.code, reply.error.message));
  }
}

/** A MessagePort, a Worker or a worker's own scope as an Endpoint. */
export function endpointOf(target: {
  postMessage(message: unknown): void;
  addEventListener(type: "message", listener: (event: MessageEvent) => void): void;
  removeEventListener(type: "message", listener: (event: MessageEvent) => void): void;
  start?(): void;
}): Endpoint {
  return {
    post: (message) => {
      target.postMessage(message);
    },
    listen: (handler) => {
      const listener = (event: MessageEvent): void => {
        handler(event.data);
      };
      target.addEventListener("message", listener);
      target.start?.();
      return () => {
        target.removeEventListener("message", listener);
      };
    },
  };
}

function isObject(message: unknown): message is Record<string, unknown> {
  return typeof message === "object" && message !== null;
}

export function isReply(message: unknown): message is ReplyMessage {
  return isObject(message) && typeof message["id"] === "number" && typeof message["ok"] === "boolean";
}

export function isPush(message: unknown): message is PushMessage {
  return isObject(message) && typeof message["push"] === "string";
}

export function isCall(message: unknown): message is CallMessage {
  return isObject(message) && typeof message["id"] === "number" && typeof message["call"] === "string";
}

export function isHello(message: unknown): message is Hello {
  return isObject(message) && isObject(message["hello"]);
}

export function isPing(message: unknown): message is PingMessage {
  return isObject(message) && message["ping"] === true;
}
