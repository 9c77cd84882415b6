/** Chats over routed calls: requests, and the events of an answer. */
export type { ChatEvent, ChatInit, ChatMessage, ChatPart, ChatRequest, Usage } from "./chat-types";
export { Chat } from "./chat";
