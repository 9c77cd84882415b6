/** A routed chat: the answer's events as they come, whole or an error, whichever provider gives it. */
import { NOWHERE } from "../base";
import { beginningOf, type RoutedFetch, type Speech } from "../call";
import {
  chatBody,
  ChatEvents,
  chatPath,
  dialectOf,
  type Heard,
  type Kind,
  type Listening,
  reach,
} from "../routing/dialects";
import type { ChatEvent, ChatInit, ChatPart, ChatRequest, Usage } from "./chat-types";
import { checkChatWords } from "../config";
import { SporewrightError } from "../errors";
import type { Receipt, RoutedInit, Tokens, Upstream } from "../types";

/** The path by which the plan knows the kind of request that a chat is: it may be sent twice. */
const PATH = "/chat/completions";

/** A chat's answer, read once: by events (`for await`) or whole (`text()`). Leaving the loop early aborts the call. */
export class Chat implements AsyncIterable<ChatEvent> {
  /** The option that answers; empty before one does. */
  option = "";
  /** Tokens used; undefined before the end, or if the provider does not say. */
  usage: Usage | undefined;
  /** `stop`, `length`, `tool_calls`, `content_filter`, or the provider's own word; undefined before the end. */
  finishReason: string | undefined;
  /** The receipt of the call, once there is an answer or an error. */
  receipt: Receipt | undefined;
  readonly #fetch: RoutedFetch;
  readonly #request: ChatRequest;
  readonly #init: ChatInit;
  readonly #left = new AbortController();
  readonly #whole: Promise<string>;
  #settle!: { resolve: (text: string) => void; reject: (reason: unknown) => void };
  #begun = false;
  #restarted = false;
  #texts: string[] = [];

  /** @internal Made by `router.chat`. */
  constructor(fetch: RoutedFetch, request: ChatRequest, init: ChatInit) {
    [this.#fetch, this.#init] = [fetch, init];
    // A copy: what the caller changes afterwards is another chat's.
    this.#request = { ...request, stream: (request as ChatRequest | undefined)?.stream ?? true };
    this.#whole = new Promise((resolve, reject) => {
      this.#settle = { resolve, reject };
    });
    this.#whole.catch(() => undefined);
  }

  /** The events; throws code `closed` if they have been read already. */
  [Symbol.asyncIterator](): AsyncIterator<ChatEvent, undefined> {
    if (this.#begun) throw new SporewrightError("closed", "this chat has been read already; make a new one");
    this.#begun = true;
    const events = this.#events();
    const over = { done: true, value: undefined } as const;
    return {
      next: () =>
        events.next().catch((error: unknown) => {
          if (this.#left.signal.aborted) return over; // a reader who left does not want to hear of it
          throw error;
        }),
      return: async () => {
        this.#left.abort(new DOMException("the chat was left before its end", "AbortError"));
        await events.return(undefined);
        return over;
      },
    };
  }

  /** The first choice's whole text. Reads the chat, or waits for the loop that reads it. */
  async text(): Promise<string> {
    // eslint-disable-next-line @typescript-eslint/no-unused-vars -- reading is all there is to do
    if (!this.#begun) for await (const event of this);
    return this.#whole;
  }

  async *#events(): AsyncGenerator<ChatEvent, undefined> {
    try {
      const response = await this.#answer();
      yield* this.#read(response);
      return undefined;
    } catch (error) {
      if (typeof error === "object" && error !== null) this.receipt = this.#fetch.receipt(error) ?? this.receipt;
      if (error instanceof SporewrightError && error.code === "broken") error.partial = this.#texts.join("");
      this.#settle.reject(error);
      throw error;
    } finally {
      this.#settle.reject(this.#left.signal.reason);
    }
  }

  async #answer(): Promise<Response> {
    const { messages, n } = this.#request;
    if (!Array.isArray(messages)) throw new SporewrightError("config", "chat: messages is not a list");
    checkChatWords(this.#init);
    const { signal, restart = "notify", ...more } = this.#init;
    const headers = new Headers(this.#init.headers);
    headers.set("content-type", "application/json");
    headers.set("accept", this.#request.stream ? "text/event-stream" : "application/json");
    const init: RoutedInit = { ...more, method: "POST", headers, restart, onRestart: () => (this.#restarted = true) };
    init.signal = signal ? AbortSignal.any([signal, this.#left.signal]) : this.#left.signal;
    const listen = (option: string): Listening => new ChatListener(this.#reader(option, n));
    const spoken: Speech["spoken"] = (upstream, base) => this.#spoken(upstream, base);
    return this.#fetch.speak({ path: PATH, request: this.#request, spoken, listen }, init);
  }

  #spoken(upstream: Upstream, base: URL): ReturnType<Speech["spoken"]> {
    const [request, dialect] = [this.#request, dialectOf(upstream)];
    const { model = request.model, path } = upstream;
    const whole = chatPath(dialect, base.pathname, { model, streaming: request.stream === true, path });
    const { pathname, search } = new URL(whole, NOWHERE);
    const body = JSON.stringify(chatBody(dialect, request, model));
    return { target: { path: pathname, search, owner: null }, body };
  }

  #reader(option: string, choices = this.#request.n): ChatEvents {
    const { plan, upstreams } = this.#fetch.context;
    const dialect = dialectOf(upstreams[option] ?? {});
    return new ChatEvents(dialect, { most: plan.limits.event_bytes, ...(choices === undefined ? {} : { choices }) });
  }

  async *#read(response: Response): AsyncGenerator<ChatEvent, undefined> {
    this.receipt = this.#fetch.receipt(response);
    this.option = this.receipt?.option ?? "";
    if (!response.ok) throw await this.#refused(response);
    let events = this.#reader(this.option);
    const reader = response.body?.getReader();
    try {
      for (;;) {
        const { done, value } = (await reader?.read()) ?? { done: true };
        if (this.#restarted) {
          [this.#restarted, this.#texts, this.option] = [false, [], this.receipt?.option ?? ""];
          events = this.#reader(this.option);
          yield { type: "restart", option: this.option };
        }
        if (done) break;
        yield* this.#told(events.feed(value));
      }
      yield* this.#told(events.end());
    } finally {
      reader?.cancel().catch(() => undefined); // of an answer that has ended there is nothing to cancel
    }
    yield* this.#done(events);
    return undefined;
  }

  *#told(parts: readonly ChatPart[]): Generator<ChatPart, undefined> {
    for (const part of parts) {
      if (part.type === "text" && part.choice === 0) this.#texts.push(part.text);
      yield part;
    }
    return undefined;
  }

  *#done(events: ChatEvents): Generator<ChatEvent, undefined> {
    const reasons = [...events.finishReasons].sort(([one], [other]) => one - other).map(([, reason]) => reason);
    const [finishReason] = reasons;
    if (events.ending !== "complete" || finishReason === undefined) {
      const what = `the answer of ${this.option} is not whole: ${events.ending}`;
      throw new SporewrightError("broken", what, { attempts: this.receipt?.attempts ?? [] });
    }
    [this.usage, this.finishReason] = [events.usage, finishReason];
    this.#settle.resolve(this.#texts.join(""));
    if (events.usage) yield { type: "usage", usage: events.usage, data: events.rawUsage };
    yield { type: "done", option: this.option, finishReason, finishReasons: reasons };
    return undefined;
  }

  async #refused(response: Response): Promise<SporewrightError> {
    const own = (text: string): string => this.#fetch.redacted(text, this.receipt);
    let text = own(await beginningOf(response, this.#fetch.context.plan.limits.hold_bytes));
    let refusal: unknown = text;
    try {
      // Once more: JSON may escape what is not to be told.
      refusal = JSON.parse(text, (_, value: unknown) => (typeof value === "string" ? own(value) : value));
      text = JSON.stringify(refusal);
    } catch {
      // Its own words, then.
    }
    const said = reach(refusal, ["error", "message"]) ?? reach(refusal, ["message"]) ?? text;
    const why = typeof said === "string" && said !== "" ? `: ${said.slice(0, 500)}` : "";
    const { status } = response;
    const detail = { status, refusal, attempts: this.receipt?.attempts ?? [] };
    return new SporewrightError("refused", `${this.option} refused with HTTP ${status}${why}`, detail);
  }
}

/** Follows an answer for the chain by its dialect: what is a token, and whether it is whole. */
class ChatListener implements Listening {
  readonly #events: ChatEvents;

  constructor(events: ChatEvents) {
    this.#events = events;
  }

  get usage(): unknown {
    return this.#events.rawUsage;
  }

  get tokens(): Tokens | undefined {
    const { input, output, cached } = this.#events.usage ?? {};
    if (input === undefined && output === undefined) return undefined;
    const counts = { ...(input === undefined ? {} : { in: input }), ...(output === undefined ? {} : { out: output }) };
    return cached === undefined ? counts : { ...counts, cached };
  }

  get hasSaidAnything(): boolean {
    return this.#events.hasSaidAnything;
  }

  feed(piece: Uint8Array): Heard {
    const before = this.#events.lively;
    this.#events.feed(piece);
    const { lively, malformed, finished, done, error, rawUsage: usage } = this.#events;
    return { tokens: lively - before, others: 0, malformed, finished, done, error, usage };
  }

  ends(): Kind {
    this.#events.end();
    return this.#events.ending;
  }
}
