/** The questions and reports of a page for its engine: in order, and together if no call waits for them. */
import { Batch } from "./batch";
import { SporewrightError } from "../errors";
import type { Batched, CallName, Calls, Permit, Slot } from "../generated/calls";
import { permit, type Rationed } from "./permit";
import type { Session } from "./engine-client";
import { spelled } from "../config";
import type { ChainInit } from "../types";

/** Nobody waits for a batch: it outlives an engine that hangs, which is noticed after 15 s, and the start of the next one. */
const BATCH_MS = 60_000;

/** The router's engine, as it stands when it is asked. */
export interface Line {
  /** Resolves once the engine answers. */
  ready(): Promise<void>;
  session(): Session;
  /** True if it answers now: it may do so no more, or be opened anew. */
  isReady(): boolean;
  /** The reason why nothing can be asked any more; null while it can. */
  error(): SporewrightError | null;
}

export class EngineCalls {
  readonly #line: Line;
  readonly #batch = new Batch((body) => this.#send("batch", body, BATCH_MS));
  #said = 0;

  constructor(line: Line) {
    this.#line = line;
  }

  /** Sends what was gathered, then this. */
  call<C extends CallName>(call: C, body: Calls[C]["body"]): Promise<Calls[C]["reply"]> {
    this.#batch.flush();
    return this.#send(call, body);
  }

  /** A call whose answer only says that it arrived; not waiting for it is fine. */
  tell<C extends CallName>(call: C, body: Calls[C]["body"]): Promise<void> {
    const told = this.call(call, body).then(() => undefined);
    told.catch(() => undefined);
    return told;
  }

  /** A call that may wait for others, with its answer. */
  ask<C extends Batched>(call: C, body: Calls[C]["body"]): Promise<Calls[C]["reply"]> {
    return this.#batch.add(call, body);
  }

  /** The same where nobody wants the answer. */
  gather<C extends Batched>(call: C, body: Calls[C]["body"]): void {
    this.#batch.put(call, body);
  }

  /** A measurement of this device; `value` is the caller's. */
  observe(option: string, dimension: string, value: unknown): Promise<void> {
    if (typeof value === "number") return this.tell("observe", { option, dimension, value: spelled(value) });
    const shown = `observe(${option}, ${dimension}): ${typeof value} ${String(value)} is not a number`;
    return Promise.reject(new SporewrightError("bad-value-kind", shown));
  }

  readonly chain = async (
    stage: string,
    consumer: string,
    capability: string,
    { instance, override }: ChainInit = {},
  ): Promise<Slot[]> => {
    const slots = override && [...override];
    const more = { ...(instance === undefined ? {} : { instance }), ...(slots ? { override: slots } : {}) };
    return (await this.call("chain", { stage, consumer, capability, ...more })).slots;
  };

  /** Send what was gathered now. */
  flush(): void {
    this.#batch.flush();
  }

  /** Ask for a permit. Reports made before are counted in the answer: they go first, at once like the question. */
  permit(kind: Permit, option: string, context: Rationed): boolean | Promise<boolean> {
    return permit(kind, option, context, this.#now());
  }

  /** A number for a report that counts each time: sent again after an engine was lost, it counts once. */
  numbered(): { page: string; nth: number } {
    return { page: this.#line.session().head, nth: ++this.#said };
  }

  /** The last of it goes now, or never. */
  close(): void {
    this.#now();
    this.#batch.close();
  }

  /** The engine that answers now, if one does, told all that was gathered. */
  #now(): Session | null {
    if (!this.#line.isReady()) return null;
    const session = this.#line.session();
    this.#batch.flush((body) => session.call("batch", body));
    return session;
  }

  /** Calls go out in the order they were made: all wait for the same promise. */
  async #send<C extends CallName>(call: C, body: Calls[C]["body"], timeout?: number): Promise<Calls[C]["reply"]> {
    await this.#line.ready();
    const error = this.#line.error();
    if (error) throw error;
    return this.#line.session().call(call, body, timeout);
  }
}
