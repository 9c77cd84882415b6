/** One visit, `start.html?ours`, `?offline` or `?stock`: what it took, in milliseconds from this line, is in `result`. */
const began = performance.now();
const since = () => performance.now() - began;
const longest = { task: 0 };
new PerformanceObserver((list) => {
  for (const { duration } of list.getEntries())
    longest.task = Math.max(longest.task, duration);
}).observe({ type: "longtask", buffered: true });

const option = (name, value) => ({
  floor: "global",
  level: "global",
  inst: "",
  option: name,
  dim: "latency",
  kind: "value",
  value,
});
const config = {
  levels: ["global", "workspace", "device"],
  seeds: [
    option("alpha", 0.1),
    option("beta", 0.2),
    { ...option("", 1), dim: "latency", kind: "weight" },
  ],
};

async function ours() {
  const { Router } = await import("/sporewright.js");
  const imported = since();
  const router = await Router.start({
    config,
    cursor: { workspace: "acme" },
    offline: location.search === "?offline",
  });
  const queue = since();
  const first = [...router.queue];
  const stages = {};
  router.addEventListener("state", ({ detail: { stage, state } }) => {
    stages[stage ?? state] = Math.round(since());
  });
  await router.ready;
  const ready = since();
  if (location.search === "?offline") await navigator.serviceWorker.ready;
  // A value that differs from the declared order: what a returning tab shows must have been remembered.
  await router.observe("alpha", "latency", 9);
  const order = await router.resolve();
  return { imported, queue, first, ready, order, stages };
}

async function stock() {
  const worker = new Worker("/bench/stock-worker.js", { type: "module" });
  const { wheel } = await (await fetch("/manifest.json")).json();
  worker.postMessage(new URL(wheel, new URL("/", location.href)).href);
  const { error } = await new Promise((resolve) => {
    worker.onmessage = ({ data }) => resolve(data);
  });
  if (error) throw new Error(error);
  return { ready: since() };
}

const visit = location.search === "?stock" ? stock : ours;
window.result = visit().then(
  (told) => ({ ...told, longest }),
  (error) => ({ error: String(error) }),
);
