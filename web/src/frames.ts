/** The events of a byte stream (server-sent events, WHATWG HTML §9.2), without I/O and in bounded memory. */

/** An event: its data, and its name, "" where it has none. */
export interface Frame {
  data: string;
  name: string;
}

/**
 * Fed with the bytes of one stream in any pieces; the same rules as `sporewright/routing/frames.py`. An event of more than
 * `most` characters is the last one: nothing of it, or after it, is kept.
 */
export class Frames {
  tooLong = false;
  readonly #most: number;
  readonly #text = new TextDecoder();
  #held: string[] = [];
  #data: string[] = [];
  #name = "";
  #lineLength = 0;
  #dataLength = 0;
  #afterCr = false;

  constructor(most: number) {
    this.#most = most;
  }

  /** Each event that these bytes complete. */
  feed(bytes: Uint8Array): Frame[] {
    const piece = this.tooLong ? "" : this.#text.decode(bytes, { stream: true });
    if (piece === "") return [];
    const isRest = this.#afterCr && piece.startsWith("\n");
    this.#afterCr = piece.endsWith("\r");
    const lines = (isRest ? piece.slice(1) : piece).split(/\r\n|\r|\n/);
    const rest = lines.pop() ?? "";
    const events: Frame[] = [];
    for (const line of lines) {
      if (!this.#hold(line)) return events;
      const event = this.#line();
      if (event !== null) events.push(event);
    }
    this.#hold(rest);
    return events;
  }

  /** The event that the stream's end cut short; null if there is none. */
  rest(): Frame | null {
    return this.#line() ?? this.#event();
  }

  /** Keep a part of a line; false once that is too much, and everything is let go. */
  #hold(part: string): boolean {
    this.#lineLength += part.length;
    this.#held.push(part);
    this.tooLong = this.#lineLength + this.#dataLength > this.#most;
    if (this.tooLong) [this.#held, this.#data] = [[], []];
    return !this.tooLong;
  }

  /** The line is complete (CR, LF or CRLF ended it): the event that it ends, if it is empty. */
  #line(): Frame | null {
    const line = this.#held.join("");
    [this.#held, this.#lineLength] = [[], 0];
    if (line === "") return this.#event();
    if (line.startsWith("event:")) this.#name = line.slice(line.startsWith("event: ") ? 7 : 6);
    if (!line.startsWith("data:")) return null;
    this.#data.push(line.slice(line.startsWith("data: ") ? 6 : 5));
    this.#dataLength += line.length; // of the whole line: empty ones take room, too
    return null;
  }

  #event(): Frame | null {
    const [data, name] = [this.#data.join("\n"), this.#name];
    const isOne = this.#data.length > 0;
    [this.#data, this.#dataLength, this.#name] = [[], 0, ""];
    return isOne ? { data, name } : null;
  }
}
