/** The parts of an answer to a chat, whatever its dialect. */

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
