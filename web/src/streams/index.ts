/** Bodies as they come: bytes in pieces, streams fed on demand, JSON that was cut off. */
export { isBlank, joined } from "./bytes";
export { Brackets } from "./json-truncation";
export { Pipe } from "./pull-stream";
