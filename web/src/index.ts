/** The module that a page imports: `Router`, the error, and their types. */
export { SporewrightError } from "./errors";
export { Chat } from "./chat/chat";
export { Router } from "./router";
export { Watch } from "./state/watch";
export type * from "./chat/chat-types";
export type { Reported } from "./call/report";
export type * from "./types";
