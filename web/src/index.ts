/** The module that a page imports: `Router`, the error, and their types. */
export { SporewrightError } from "./errors";
export {
  Chat,
  type ChatEvent,
  type ChatInit,
  type ChatMessage,
  type ChatPart,
  type ChatRequest,
  type Usage,
} from "./chat";
export { Router } from "./router";
export { Watch } from "./state";
export type { Reported } from "./call";
export type * from "./types";
