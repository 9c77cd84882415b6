/** The known word that a misspelt one probably means; as `sporewright/routing/spelling.py`. */

/** So many letters may be wrong, missing, too many or swapped, and at most one in two. */
const EDITS = 2;
/** Longer names are not compared: the work grows with the square of it. */
const LONGEST = 64;

/** The nearest known word, by edits after case and `_` are left out; undefined if no word is near. */
export function meant(word: string, known: Iterable<string>): string | undefined {
  let [found, least]: [string | undefined, number] = [undefined, EDITS + 1];
  for (const each of known) {
    const [one, other] = [bare(word), bare(each)];
    if (Math.abs(one.length - other.length) > EDITS || one.length > LONGEST) continue;
    const edits = distance(one, other);
    if (edits < least && 2 * edits <= other.length) [found, least] = [each, edits];
  }
  return found;
}

function bare(word: string): string[] {
  return Array.from(word.replaceAll(/[_-]/g, "").toLowerCase());
}

/** Optimal string alignment: insertions, deletions, substitutions, and swaps of neighbours. */
function distance(one: readonly string[], other: readonly string[]): number {
  let [before, last]: [number[], number[]] = [[], [0, ...other.map((_, at) => at + 1)]];
  one.forEach((letter, at) => {
    const row = [at + 1];
    other.forEach((its, there) => {
      const swapped = at > 0 && there > 0 && letter === other[there - 1] && one[at - 1] === its;
      const by = [last[there + 1], row[there], last[there], swapped ? before[there - 1] : undefined];
      const [inserted = 0, deleted = 0, replaced = 0, turned = Infinity] = by;
      row.push(Math.min(inserted + 1, deleted + 1, replaced + (letter === its ? 0 : 1), turned + 1));
    });
    [before, last] = [last, row];
  });
  return last.at(-1) ?? 0;
}
