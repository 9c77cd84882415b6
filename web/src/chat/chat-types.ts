/** The public shapes of `router.chat`: requests, and the events of an answer. */
import type { Restart } from "../generated/calls";
import type { ChatPart, Usage } from "../routing/dialects";
import type { CallOptions, RetryRule } from "../types";

export type { ChatPart, Usage } from "../routing/dialects";

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

export interface ChatInit extends CallOptions {
  /** Aborts the call and every attempt upstream. */
  signal?: AbortSignal | null | undefined;
  /**
   * The effect of a broken stream. `notify` (default): a `restart` event, then the next option's whole answer.
   * `buffer`: no event before an answer is whole. `error`: the chat fails with the code `broken`.
   */
  restart?: Restart | undefined;
  /** Further headers for every option; credentials belong in the upstreams. */
  headers?: HeadersInit | undefined;
  /** The same as in `router.fetch`. */
  retry?: RetryRule | undefined;
  hedge?: boolean | undefined;
}

export type ChatEvent =
  | ChatPart
  /** Everything before is void: the answer begins again, from this option. */
  | { type: "restart"; option: string }
  /** At most once, before `done`; `data` is the provider's own form. */
  | { type: "usage"; usage: Usage; data: unknown }
  /** The answer is whole. */
  | { type: "done"; option: string; finishReason: string; finishReasons: readonly string[] };
