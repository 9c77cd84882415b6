/** Whether JSON ends in the middle, by what it left open: a connection that ends early by its own rules says nothing. */

const [QUOTE, ESCAPE, SPACE] = [0x22, 0x5c, 0x20];
const OPENS = new Set([0x5b, 0x7b]);
const CLOSES = new Set([0x5d, 0x7d]);

/** An object or a list without its end, or a string within. What begins as neither is no JSON of ours to judge. */
export function isCut(pieces: Iterable<Uint8Array>): boolean {
  let [depth, inString, escaped, began] = [0, false, false, false];
  for (const piece of pieces)
    for (const byte of piece) {
      if (!began && byte > SPACE) {
        if (!OPENS.has(byte)) return false;
        began = true;
      }
      if (escaped) escaped = false;
      else if (inString) [inString, escaped] = [byte !== QUOTE, byte === ESCAPE];
      else if (byte === QUOTE) inString = true;
      else if (OPENS.has(byte)) depth += 1;
      else if (CLOSES.has(byte)) depth -= 1;
    }
  return inString || depth > 0;
}
