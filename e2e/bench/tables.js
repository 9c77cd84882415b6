/** Tables 1 to 6 in one page: both sides warmed up, alternating, medians; decisions compared before anything is timed. */
import { Baseline } from "./baseline.js";

const CURSOR = { workspace: "acme", device: "A" };

/** Python with numpy and the workload, in this thread. */
export async function boot(source) {
  const { index, lock } = await (await fetch("/manifest.json")).json();
  const { loadPyodide } = await import(`/${index}pyodide.mjs`);
  const at = (place) => new URL(place, new URL("/", location.href)).href;
  const python = await loadPyodide({
    indexURL: at(index),
    lockFileURL: at(lock),
  });
  await python.loadPackage(["sporewright", "numpy"]);
  python.runPython("import numpy");
  python.FS.writeFile("/home/pyodide/workload.py", source);
  return python.pyimport("workload");
}

/**
 * Milliseconds for one call of each, medians of `rounds` alternating batches that last about `batchMs` each, or that
 * are of so many calls.
 */
function alternate(ours, theirs, { rounds = 9, batchMs = 30, calls } = {}) {
  for (const call of [ours, theirs]) warm(call);
  const sizes = [ours, theirs].map((call) => calls ?? sized(call, batchMs));
  const times = [[], []];
  for (let round = 0; round < rounds; round += 1)
    [ours, theirs].forEach((call, side) =>
      times[side].push(timed(call, sizes[side])),
    );
  return times.map(median);
}

/** The engines under both sides compile what is hot in the background, and take their time. */
function warm(call, forMs = 400) {
  const end = performance.now() + forMs;
  do call();
  while (performance.now() < end);
}

function sized(call, batchMs) {
  for (let count = 1; ; count *= 2) {
    // The quickest of three: one pause would make a batch of a single call, below what the clock tells apart.
    const each = Math.min(...[1, 2, 3].map(() => timed(call, count)));
    if (each * count >= batchMs / 4 || count > 1e6)
      return Math.max(1, Math.round(batchMs / Math.max(each, 1e-6)));
  }
}

function timed(call, count) {
  const began = performance.now();
  for (let at = 0; at < count; at += 1) call();
  return (performance.now() - began) / count;
}

function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)];
}

/** The same small walk of numbers on both sides. */
function walk() {
  let state = 7;
  return () => (state = (state * 48271) % 2147483647) / 2147483647;
}

function baselineOf(text) {
  const { levels, cells } = JSON.parse(text);
  const made = new Baseline(levels);
  for (const { level, inst, option, dim, v, w } of cells) {
    if (v !== undefined) made.setValue(level, inst, option, dim, v);
    if (w !== undefined) made.setWeight(level, inst, dim, w);
  }
  return made;
}

/** A measurement against a plain write, both through an engine's step, of options that both have heard of before. */
function learning(engines, options) {
  for (const option of options) {
    engines.learn_and_head(option, 0.7);
    engines.state_and_head(option, 0.7);
  }
  const [mine, plain] = [walk(), walk()];
  const pick = (random) => options[Math.floor(random() * options.length)];
  return {
    ours: () => engines.learn_and_head(pick(mine), 0.5 + mine()),
    theirs: () => engines.state_and_head(pick(plain), 0.5 + plain()),
  };
}

/** What time alone costs after a call: milliseconds for a second of it, and for the median and the longest turn. */
function upkeep(engines, turns = 100) {
  const took = [];
  let seconds = 0;
  for (let at = 0; at < turns; at += 1) {
    const began = performance.now();
    seconds += engines.wait();
    took.push(performance.now() - began);
  }
  const sum = took.reduce((total, each) => total + each, 0);
  return { second: sum / seconds, turn: median(took), most: Math.max(...took) };
}

/** A page's router over W(n); a wider one than this takes longer to start than all that is measured. */
const WIDEST = 1000;

async function routed(workload, n) {
  const { Router } = await import("/sporewright.js");
  const text = workload.config_text(Math.min(n, WIDEST));
  const router = await Router.start({
    config: JSON.parse(text),
    cursor: { workspace: CURSOR.workspace },
    device: CURSOR.device,
    engine: "dedicated",
    offline: false, // nothing goes on once it is closed
  });
  await router.ready;
  const plain = baselineOf(workload.tensor_text(Math.min(n, WIDEST)));
  if (router.queue.join() !== plain.resolve(CURSOR).slice(0, 64).join())
    throw new Error(`W(${n}): the page shows another order`);
  return router;
}

/** One row of every table for W(n). */
export async function measure(workload, n) {
  const text = workload.tensor_text(n);
  const engine = workload.Inline(text);
  const call = Object.fromEntries(
    ["write_and_head", "resolve", "weigh_and_head", "whole"].map((name) => [
      name,
      engine[name],
    ]),
  );
  const plain = baselineOf(text);
  const options = [...plain.cells[0].get("").keys()].filter(Boolean);
  const head = () => plain.resolve(CURSOR).slice(0, 10).join("\n");
  const dimensions = [...plain.cells[0].get("").get("").keys()];
  const pick = (random, list) => list[Math.floor(random() * list.length)];

  const writing = { ours: walk(), theirs: walk() };
  const write = {
    ours: () =>
      call.write_and_head(
        pick(writing.ours, options),
        "latency",
        writing.ours(),
      ),
    theirs: () => {
      plain.setValue(
        "device",
        "A",
        pick(writing.theirs, options),
        "latency",
        writing.theirs(),
      );
      return head();
    },
  };
  const weighing = { ours: walk(), theirs: walk() };
  const weigh = {
    ours: () =>
      call.weigh_and_head(
        pick(weighing.ours, dimensions),
        weighing.ours() + 0.1,
      ),
    theirs: () => {
      plain.setWeight(
        "global",
        "",
        pick(weighing.theirs, dimensions),
        weighing.theirs() + 0.1,
      );
      return head();
    },
  };
  const resolve = { ours: () => call.resolve(), theirs: head };
  for (const { ours, theirs } of [resolve, write, weigh, write, resolve])
    if (
      ours() !== theirs() ||
      call.whole() !== plain.resolve(CURSOR).join("\n")
    )
      throw new Error(`W(${n}): the two sides decide differently`);

  const rows = {};
  const time = (name, { ours, theirs }, options) => {
    const [mine, other] = alternate(ours, theirs, options);
    rows[name] = { ours: mine, theirs: other, ratio: other / mine };
  };
  const slow =
    n >= 100_000
      ? { rounds: 3, batchMs: 1 }
      : n >= 10_000
        ? { rounds: 5, batchMs: 30 }
        : {};
  time("resolve", resolve, slow);
  time("write", write, slow);
  time("weigh", weigh, slow);
  time(
    "load",
    {
      ours: () => workload.load_and_resolve(text),
      theirs: () => baselineOf(text).resolve(CURSOR),
    },
    { rounds: n >= 10_000 ? 1 : 3, batchMs: 1 },
  );
  // Beyond this a start from seeds takes longer than what is measured.
  if (n <= 10_000) {
    const engines = workload.Learning(n);
    // Six seconds of the engine's clock a batch: the turns that fall due in them are part of its mean.
    time("learn", learning(engines, options), { calls: 600 });
    rows.upkeep = upkeep(engines);
    engines.destroy();
  }
  // Last: a second Python works beside while it starts.
  const router = await routed(workload, n);
  time("queue", { ours: () => router.queue, theirs: head }, slow);
  await router.close();
  for (const proxy of Object.values(call)) proxy.destroy();
  engine.destroy();
  return rows;
}
