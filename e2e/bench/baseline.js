/**
 * What a page author would write instead: nested Maps and the rules as they stand, everything anew for each question.
 * The same decisions as the core (F1, F3, R1–R5); the benchmark checks that before it measures.
 */
export class Baseline {
  constructor(levels) {
    this.levels = levels;
    this.cells = levels.map(() => new Map());
  }

  #cell(level, instance, option, dimension) {
    const instances = this.cells[this.levels.indexOf(level)];
    let options = instances.get(instance);
    if (!options) instances.set(instance, (options = new Map()));
    let row = options.get(option);
    if (!row) options.set(option, (row = new Map()));
    let cell = row.get(dimension);
    if (!cell)
      row.set(dimension, (cell = { value: undefined, weight: undefined }));
    return cell;
  }

  setValue(level, instance, option, dimension, value) {
    this.#cell(level, instance, option, dimension).value = value;
  }

  setWeight(level, instance, dimension, weight) {
    this.#cell(level, instance, "", dimension).weight = weight;
  }

  resolve(cursor) {
    const slices = this.levels.map((level, at) =>
      this.cells[at].get(cursor[level] ?? ""),
    );
    const options = new Set();
    for (const slice of slices)
      if (slice)
        for (const option of slice.keys())
          if (option !== "") options.add(option);
    const ranked = [];
    for (const option of options) {
      const score = this.#score(slices, option);
      if (score !== undefined) ranked.push({ option, score });
    }
    ranked.sort(byScoreThenName);
    return ranked.map(({ option }) => option);
  }

  #score(slices, option) {
    const dimensions = new Set();
    for (const slice of slices) {
      const row = slice?.get(option);
      if (row) for (const dimension of row.keys()) dimensions.add(dimension);
    }
    let score = 0;
    let candidate = false;
    for (const dimension of [...dimensions].sort()) {
      const value = deepest(slices, option, dimension, "value");
      if (typeof value !== "number") continue;
      if (!Number.isFinite(value)) return undefined;
      candidate = true;
      const weight =
        deepest(slices, option, dimension, "weight") ??
        deepest(slices, "", dimension, "weight");
      if (weight !== undefined && Number.isFinite(weight))
        score += weight * value;
    }
    return candidate ? score : undefined;
  }
}

function deepest(slices, option, dimension, layer) {
  for (let at = slices.length - 1; at >= 0; at -= 1) {
    const found = slices[at]?.get(option)?.get(dimension)?.[layer];
    if (found !== undefined) return found;
  }
  return undefined;
}

function byScoreThenName(one, other) {
  const [a, b] = [Number.isNaN(one.score), Number.isNaN(other.score)];
  if (a !== b) return a ? 1 : -1;
  if (!a && one.score !== other.score) return one.score - other.score;
  return one.option < other.option ? -1 : one.option > other.option ? 1 : 0; // names of the workload are ASCII
}
