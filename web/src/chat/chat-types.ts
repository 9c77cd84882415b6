/** The public shapes of `router.chat`: requests, and the events of an answer. */
import type { Restart } from "../generated/calls";
import type { RetryRule } from "../types";

/** A message as in OpenAI's chat completions; it is translated into the other dialects. */
export interface ChatMessage {
  role: "system" | "developer" | "user" | "assistant" | "tool";
  content?: string | readonly unknown[] | null;
  name?: string;
  tool_calls?: readonly unknown[];
  tool_call_id?: string;
  [more: string]: unknown;
}

/** A request as in OpenAI's chat completions. */
export interface ChatRequest {
  messages: readonly ChatMessage[];
  /** Used for options that declare no model of their own. */
  model?: string;
  /** False: the answer comes in one piece. Default: true. */
  stream?: boolean;
  /** Number of answers; each is a `choice`. */
  n?: number;
  [more: string]: unknown;
}

export interface ChatInit {
  /** Aborts the call and every attempt upstream. */
  signal?: AbortSignal | null | undefined;
  /**
   * What happens if a stream breaks. `notify` (default): a `restart` event, then the next option's whole answer.
   * `buffer`: no event before an answer is whole. `error`: the chat fails with the code `broken`.
   */
  restart?: Restart | undefined;
  /** Further headers for every option; credentials belong in the upstreams. */
  headers?: HeadersInit | undefined;
  /** The same as in `router.fetch`. */
  retry?: RetryRule | undefined;
  hedge?: boolean | undefined;
  task?: string | undefined;
}

/** Tokens used, as far as the provider counts them. */
export interface Usage {
  /** Tokens of the request, including those read from a cache. */
  input?: number;
  output?: number;
  total?: number;
  cached?: number;
}

/**
 * A piece of an answer. `data` is the provider's own event, the same object for all pieces of that event, so that
 * nothing it says is lost. `choice` numbers the answers if several were asked for.
 */
export type ChatPart =
  | { type: "text"; choice: number; text: string; data: unknown }
  | { type: "reasoning"; choice: number; text: string; data: unknown }
  /**
   * A part of tool call number `call`. The first part has its `id` and `name`. `arguments` is the next part of the JSON
   * text of an object. `extra_content` is the provider's own and is to be sent back with the call.
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
  /** Any other event: a role, a ping, a picture, a finish reason. */
  | { type: "other"; data: unknown };

export type ChatEvent =
  | ChatPart
  /** Everything before is void: the answer begins again, from this option. */
  | { type: "restart"; option: string }
  /** At most once, before `done`; `data` is the provider's own form. */
  | { type: "usage"; usage: Usage; data: unknown }
  /** The answer is whole. */
  | { type: "done"; option: string; finishReason: string; finishReasons: readonly string[] };
