/** The public shapes of `router.chat`: what is asked, and the events of an answer. */
import type { Restart } from "./generated/calls";
import type { RetryRule } from "./types";

/** A message as OpenAI's chat completions have it; other dialects are made of it. */
export interface ChatMessage {
  role: "system" | "developer" | "user" | "assistant" | "tool";
  content?: string | readonly unknown[] | null;
  name?: string;
  tool_calls?: readonly unknown[];
  tool_call_id?: string;
  [more: string]: unknown;
}

/** A request as OpenAI's chat completions take it. */
export interface ChatRequest {
  messages: readonly ChatMessage[];
  /** Where the option declares none of its own. */
  model?: string;
  /** False: the answer comes in one piece. Default: true. */
  stream?: boolean;
  /** How many answers; each is a `choice`. */
  n?: number;
  [more: string]: unknown;
}

export interface ChatInit {
  /** Aborts the call, upstream as well. */
  signal?: AbortSignal | null | undefined;
  /**
   * What a broken stream does. `notify` (default): a `restart` event, and the next option's whole answer. `buffer`: nothing is
   * told before an answer is whole. `error`: the chat fails with code `broken`.
   */
  restart?: Restart | undefined;
  /** Further headers for every option; credentials belong in the upstreams. */
  headers?: HeadersInit | undefined;
  /** As in `router.fetch`. */
  retry?: RetryRule | undefined;
  hedge?: boolean | undefined;
}

/** Tokens, as far as the provider counts them. */
export interface Usage {
  /** Of the request; what was read from a cache is part of it. */
  input?: number;
  output?: number;
  total?: number;
  cached?: number;
}

/**
 * A piece of an answer; `data` is the provider's own event that it came in, the same object for all pieces of one event, so
 * that nothing it says is lost. `choice` numbers the answers where more than one was asked for.
 */
export type ChatPart =
  | { type: "text"; choice: number; text: string; data: unknown }
  | { type: "reasoning"; choice: number; text: string; data: unknown }
  /**
   * A part of tool call number `call`: the first has its `id` and `name`; `arguments` is the next part of JSON text, in all an
   * object. `extra_content`: the provider's own, to come back with the call (a thought's signature).
   */
  | {
      type: "tool";
      choice: number;
      call: number;
      id?: string;
      name?: string;
      arguments: string;
      extra_content?: Record<string, unknown>;
      data: unknown;
    }
  /** An event that says none of this: a role, a ping, a picture, the reason of the end and what stands beside it. */
  | { type: "other"; data: unknown };

export type ChatEvent =
  | ChatPart
  /** What came before is void: the answer begins anew, from this option. */
  | { type: "restart"; option: string }
  /** Once, before `done`, where the provider said it; `data` is its own form. */
  | { type: "usage"; usage: Usage; data: unknown }
  /** The answer is whole. */
  | { type: "done"; option: string; finishReason: string; finishReasons: readonly string[] };
