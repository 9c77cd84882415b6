/** What a page imports: `Router`, the error, and their types. */
export { SporewrightError } from "./errors";
export { Router } from "./router";
export { Watch } from "./watch";
export type * from "./types";
