/** JSON from a provider; the twin of `read_json` in `sporewright/routing/dialects/sse_events.py`. */
import type { Frame } from "./sse-frames";

/** Levels of an event; what providers send has about ten. */
const DEEPEST = 100;
/** The characters that may stand around JSON (RFC 8259 §2). */
const BLANK = /^[ \t\r\n]+|[ \t\r\n]+$/g;

/** The text as JSON; throws where it is none, or so deep that a reader's stack would end before it does. */
export function readJson(text: string): unknown {
  if (nestsDeep(text)) throw new SyntaxError("nested too deep");
  return JSON.parse(text);
}

/** An event's data as JSON, which is UTF-8 (RFC 8259 §8.1); throws where it is none. */
export function jsonOf({ data, isText }: Frame): unknown {
  if (!isText) throw new SyntaxError("no UTF-8");
  return readJson(data);
}

/** Without what may stand around JSON. */
export function stripped(text: string): string {
  return text.replace(BLANK, "");
}

/** True if it begins as an object or a list does. */
export function looksLikeJson(text: string): boolean {
  return /^[ \t\r\n]*[{[]/.test(text);
}

function nestsDeep(text: string): boolean {
  let [depth, inString] = [0, false];
  for (let at = 0; at < text.length && depth <= DEEPEST; at += 1) {
    const code = text.charCodeAt(at);
    if (inString && code === 0x5c) at += 1;
    else if (code === 0x22) inString = !inString;
    else if (!inString && (code === 0x5b || code === 0x7b)) depth += 1;
    else if (!inString && (code === 0x5d || code === 0x7d)) depth -= 1;
  }
  return depth > DEEPEST;
}
