/** What a page imports: `Router`, the error, and their types. */
export { SporewrightError } from "./errors";
export { Chat } from "./chat";
export { Router } from "./router";
export { Watch } from "./watch";
export type * from "./chat-types";
export type { Reported } from "./report";
export type * from "./types";
