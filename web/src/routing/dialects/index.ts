/** The dialects in which providers are asked and answer: interprets the tables in `generated/`. */
export { ChatEvents } from "./chat-events";
export type { ChatPart, Usage } from "./chat-parts";
export { chatBody, chatPath, dialectOf, keyHeaders } from "./chat-request";
export { expectsOf, Judge } from "./judge";
export { looksLikeJson, readJson } from "./read-json";
export { reach, reachAll } from "./rows";
export { Events, type Heard, type Kind, type Listening } from "./sse-events";
