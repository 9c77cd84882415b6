/** The names that an object of a JSON text has twice: every reader takes the last one without a word. */

const TOKEN = /"(?:[^"\\]|\\.)*"|[{}[\],:]/g;

/** The first name that an object of the text has twice, as it is written; the text is JSON. */
export function repeatedKey(text: string): string | undefined {
  const open: (Set<string> | null)[] = [];
  let last: string | undefined;
  for (const [token] of text.matchAll(TOKEN)) {
    const names = open.at(-1);
    if (token === "{") open.push(new Set());
    else if (token === "[") open.push(null);
    else if (token === "}" || token === "]") open.pop();
    else if (token === ":" && names && last !== undefined) {
      const name = JSON.parse(last) as string;
      if (names.has(name)) return last;
      names.add(name);
    }
    last = token;
  }
  return undefined;
}
