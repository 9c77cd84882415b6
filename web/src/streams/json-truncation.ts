/** Detection of JSON that ends in the middle, by what it left open: a connection that ends early may say nothing. */

const [QUOTE, ESCAPE] = [0x22, 0x5c];
/** The bytes that may stand before JSON (RFC 8259 §2), and a mark of the byte order, which readers skip. */
const BLANK = new Set([0xef, 0xbb, 0xbf, 0x20, 0x09, 0x0d, 0x0a]);
const OPENS = new Set([0x5b, 0x7b]);
const CLOSES = new Set([0x5d, 0x7d]);

/** Fed with JSON in any pieces. What begins as neither an object nor a list is no JSON of ours to judge. */
export class Brackets {
  #depth = 0;
  #isJudged: boolean | null = null;
  #inString = false;
  #escaped = false;

  /** An object or a list is without its end, or a string within. */
  get isOpen(): boolean {
    return this.#inString || this.#depth > 0;
  }

  feed(piece: Uint8Array): void {
    if (this.#isJudged === null) {
      const first = piece.find((byte) => !BLANK.has(byte));
      if (first === undefined) return;
      this.#isJudged = OPENS.has(first);
    }
    if (!this.#isJudged) return;
    // Locals: a picture's megabytes are looked at byte by byte.
    let [depth, inString, escaped] = [this.#depth, this.#inString, this.#escaped];
    for (const byte of piece)
      if (escaped) escaped = false;
      else if (inString) [inString, escaped] = [byte !== QUOTE, byte === ESCAPE];
      else if (byte === QUOTE) inString = true;
      else if (OPENS.has(byte)) depth += 1;
      else if (CLOSES.has(byte)) depth -= 1;
    [this.#depth, this.#inString, this.#escaped] = [depth, inString, escaped];
  }
}
