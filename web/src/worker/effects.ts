/** Carries out what the engine asks for and tells it what became of it: all I/O and the clock are here. */
import { messageOf } from "../errors";
import type { CallName, Effect, EngineEvent, ErrorData, News } from "../generated/calls";
import { delayOf } from "../base";
import type { Python } from "./python";
import type { RecordStore } from "./record-store";

export type Answer = { ok: true; body: unknown } | { ok: false; error: ErrorData };
type Envelope = { ok: true; effects: Effect[] } | { ok: false; error: ErrorData };

/** One engine with its socket, its timer and its records. */
export class Effects {
  readonly #python: Python;
  readonly #storage: RecordStore;
  readonly #onPush: (push: string, body: unknown) => void;
  readonly #onTell: (news: News) => void;
  readonly #saving = new Set<Promise<void>>();
  #socket: WebSocket | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #closed = false;

  constructor(
    python: Python,
    storage: RecordStore,
    onPush: (push: string, body: unknown) => void,
    onTell: (news: News) => void,
  ) {
    [this.#python, this.#storage, this.#onPush, this.#onTell] = [python, storage, onPush, onTell];
  }

  /** One call of the page: its answer, its saves handed to storage. */
  call(call: CallName, body: unknown): Answer {
    const answer = this.step({ type: "call", call, body: body as Record<string, unknown> });
    return answer ?? { ok: false, error: { code: "internal", message: `${call}: the engine gave no answer` } };
  }

  /** One event for the engine, and the effects that come of it; gives the reply, if there is one. */
  step(event: EngineEvent): Answer | null {
    if (this.#closed) return { ok: false, error: { code: "closed", message: "the engine is closed" } };
    const text = this.#python.handle(JSON.stringify({ now: Date.now() / 1000, event }));
    const envelope = JSON.parse(text) as Envelope;
    if (!envelope.ok) return envelope;
    return this.#carryOut(envelope.effects);
  }

  /** Resolves once all that was handed to storage so far is there, or could not be kept. */
  async saved(): Promise<void> {
    await Promise.all(this.#saving);
  }

  /** Let go of everything once what was handed to storage is there. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.saved();
    clearTimeout(this.#timer);
    this.#drop();
    this.#storage.close();
    this.#python.close();
  }

  #carryOut(effects: readonly Effect[]): Answer | null {
    const saves = new Map<string, string | null>();
    for (const effect of effects) if (effect.type === "save") saves.set(effect.key, effect.text);
    if (saves.size > 0) this.#hand(saves);
    let answer: Answer | null = null;
    for (const effect of effects) {
      if (effect.type === "reply") answer = answerOf(effect);
      else this.#do(effect);
    }
    return answer;
  }

  #do(effect: Effect): void {
    if (effect.type === "push") this.#onPush(effect.push, effect.body);
    else if (effect.type === "tell") this.#onTell(effect.news);
    else if (effect.type === "send") this.#send(effect.text);
    else if (effect.type === "connect") this.#connect(effect.url);
    else if (effect.type === "disconnect") this.#drop();
    else if (effect.type === "wake") this.#wake(effect.at);
    else if (effect.type === "load") this.#load(effect.package);
  }

  #hand(saves: ReadonlyMap<string, string | null>): void {
    const saving = this.#save(saves).finally(() => this.#saving.delete(saving));
    this.#saving.add(saving);
  }

  async #save(records: ReadonlyMap<string, string | null>): Promise<void> {
    const keys = [...records.keys()];
    const event: EngineEvent = await this.#storage.save(records).then(
      () => ({ type: "saved", keys }),
      (error: unknown) => ({ type: "save_failed", keys, message: messageOf(error) }),
    );
    this.#later(event);
  }

  /** An event that nobody waits for; one of something already closed is not reported. */
  #later(event: EngineEvent): void {
    if (!this.#closed) this.step(event);
  }

  #connect(url: string): void {
    this.#drop();
    try {
      this.#listen(new WebSocket(url));
    } catch (error) {
      // Not from within the step that asked for it: the engine takes one event at a time.
      queueMicrotask(() => {
        this.#later({ type: "closed", reason: messageOf(error) });
      });
    }
  }

  #listen(socket: WebSocket): void {
    this.#socket = socket;
    const forward = (event: EngineEvent): void => {
      if (this.#socket === socket) this.#later(event);
    };
    socket.addEventListener("open", () => {
      forward({ type: "opened" });
    });
    socket.addEventListener("message", ({ data }: { data: unknown }) => {
      // The wire is text; a binary message goes on as text that does not decode, so the engine says what is wrong.
      forward({ type: "message", text: typeof data === "string" ? data : "a binary message" });
    });
    socket.addEventListener("close", ({ code, reason }) => {
      forward({ type: "closed", reason: reason || `closed with code ${code}` });
    });
  }

  #send(text: string): void {
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(text);
  }

  #drop(): void {
    const socket = this.#socket;
    this.#socket = null;
    socket?.close();
  }

  /** After what is under way: the answer to the page comes first. */
  #load(name: string): void {
    setTimeout(() => {
      if (this.#closed) return;
      this.#python.load(name).then(
        () => {
          this.#later({ type: "loaded", package: name });
        },
        (error: unknown) => {
          this.#later({ type: "load_failed", package: name, message: messageOf(error) });
        },
      );
    });
  }

  #wake(at: number): void {
    clearTimeout(this.#timer);
    // Woken before its time the engine asks to be woken again.
    this.#timer = setTimeout(
      () => {
        this.#later({ type: "woken" });
      },
      delayOf(at * 1000 - Date.now()),
    );
  }
}

function answerOf({ body, error }: { body?: unknown; error?: ErrorData }): Answer {
  return error ? { ok: false, error } : { ok: true, body: body ?? {} };
}
