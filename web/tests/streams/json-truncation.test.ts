/** JSON that ends in the middle. */
import { describe, expect, it } from "vitest";
import { Brackets } from "../../src/streams/json-truncation";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

function isCut(pieces: readonly Uint8Array[]): boolean {
  const brackets = new Brackets();
  for (const piece of pieces) brackets.feed(piece);
  return brackets.isOpen;
}

describe("JSON that ends in the middle", () => {
  it.each([
    '{"a": "}]\\\\", "b": [1, {"c": "\\"{"}], "d": null}',
    ' [[], {}, "é\\u00e9", [["x"]]]',
    '{"choices": [{"message": {"content": "w01 w02"}}]}',
  ])("is told from the whole of it at every byte: %s", (text) => {
    const whole = bytes(text);
    expect(() => JSON.parse(text) as unknown).not.toThrow();
    expect(isCut([whole])).toBe(false);
    for (let end = text.startsWith(" ") ? 2 : 1; end < whole.length; end += 1) {
      expect(isCut([whole.subarray(0, end)]), `${end} bytes`).toBe(true);
      expect(isCut([whole.subarray(0, end), whole.subarray(end)])).toBe(false);
    }
  });

  it.each(["", "  ", '"text', "12", ")]}'\n{", "nul", "\0{", '{"a": 1}\n{"b": 2}\n'])(
    "is not seen in what is none, or several: %s",
    (text) => {
      expect(isCut([bytes(text)])).toBe(false);
    },
  );

  it("is told from what follows a mark of the byte order, as Python does", () => {
    expect(isCut([Uint8Array.of(0xef), Uint8Array.of(0xbb, 0xbf), bytes('\r\n{"a": 1')])).toBe(true);
    expect(isCut([bytes('\ufeff{"a": 1}')])).toBe(false);
  });
});
