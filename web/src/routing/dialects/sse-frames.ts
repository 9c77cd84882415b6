/** The events of a byte stream (server-sent events, WHATWG HTML §9.2), without I/O and in bounded memory. */
import { joined } from "../../streams";

/** An event: its data, and its name, "" where it has none; whether its bytes are text at all (UTF-8). */
export interface Frame {
  data: string;
  name: string;
  isText: boolean;
}

const [LF, CR, SPACE] = [0x0a, 0x0d, 0x20];
const BYTE_ORDER_MARK = [0xef, 0xbb, 0xbf];
const DATA = [...new TextEncoder().encode("data:")];
const EVENT = [...new TextEncoder().encode("event:")];

/**
 * Fed with the bytes of one stream in any pieces; the same rules as `sporewright/routing/dialects/sse_frames.py`. An event of more than
 * `most` bytes is the last one: nothing of it, or after it, is kept.
 */
export class Frames {
  tooLong = false;
  readonly #most: number;
  readonly #text = new TextDecoder("utf-8", { ignoreBOM: true });
  readonly #strict = new TextDecoder("utf-8", { fatal: true });
  #held: Uint8Array[] = [];
  #data: string[] = [];
  #name = "";
  #isText = true;
  #lineLength = 0;
  #dataLength = 0;
  #hasBegun = false;
  #afterCr = false;

  constructor(most: number) {
    this.#most = most;
  }

  /** Each event that these bytes complete. */
  feed(piece: Uint8Array): Frame[] {
    const events: Frame[] = [];
    if (this.tooLong || piece.length === 0) return events;
    let from = this.#afterCr && piece[0] === LF ? 1 : 0;
    this.#afterCr = piece.at(-1) === CR;
    for (let at = from; at < piece.length; at += 1) {
      const byte = piece[at];
      if (byte !== LF && byte !== CR) continue;
      if (!this.#hold(piece.subarray(from, at))) return events;
      const event = this.#line();
      if (event !== null) events.push(event);
      if (byte === CR && piece[at + 1] === LF) at += 1;
      from = at + 1;
    }
    // A copy: the piece is the reader's, too.
    this.#hold(piece.slice(from));
    return events;
  }

  /** The event that the stream's end cut short; null if there is none. */
  rest(): Frame | null {
    return this.#line() ?? this.#event();
  }

  /** Keep a part of a line; false once that is too much, and everything is let go. */
  #hold(part: Uint8Array): boolean {
    this.#lineLength += part.length;
    if (part.length > 0) this.#held.push(part);
    this.tooLong = this.#lineLength + this.#dataLength > this.#most;
    if (this.tooLong) [this.#held, this.#data] = [[], []];
    return !this.tooLong;
  }

  /** The line is complete (CR, LF or CRLF ended it): the event that it ends, if it is empty. */
  #line(): Frame | null {
    const [only = new Uint8Array()] = this.#held;
    let line = this.#held.length > 1 ? joined(this.#held) : only;
    [this.#held, this.#lineLength] = [[], 0];
    if (!this.#hasBegun) {
      this.#hasBegun = true;
      if (begins(line, BYTE_ORDER_MARK)) line = line.subarray(BYTE_ORDER_MARK.length);
    }
    if (line.length === 0) return this.#event();
    if (begins(line, DATA)) {
      const value = this.#value(line, DATA);
      this.#data.push(value);
      // A replacement that the provider wrote is text; one that stands for other bytes is not.
      this.#isText &&= !value.includes("\ufffd") || this.#isUtf8(line);
      this.#dataLength += line.length; // of the whole line: empty ones take room, too
    } else if (begins(line, EVENT)) this.#name = this.#value(line, EVENT);
    return null;
  }

  #value(line: Uint8Array, { length }: readonly number[]): string {
    return this.#text.decode(line.subarray(line[length] === SPACE ? length + 1 : length));
  }

  #isUtf8(line: Uint8Array): boolean {
    try {
      this.#strict.decode(line);
      return true;
    } catch {
      return false;
    }
  }

  #event(): Frame | null {
    const [data, name, isText] = [this.#data.join("\n"), this.#name, this.#isText];
    const isOne = this.#data.length > 0;
    [this.#data, this.#dataLength, this.#name, this.#isText] = [[], 0, "", true];
    return isOne ? { data, name, isText } : null;
  }
}

function begins(line: Uint8Array, start: readonly number[]): boolean {
  return start.every((byte, at) => line[at] === byte);
}
