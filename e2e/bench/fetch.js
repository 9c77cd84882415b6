/** Table 7: `router.fetch` and `fetch` to the same address in turns, until the body is there; milliseconds. */
import { Router } from "/sporewright.js";

const LEVELS = ["global", "workspace", "device"];
const WARM_UP = 200;
const KINDS = {
  GET: undefined,
  POST: {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ prompt: "x".repeat(1000) }),
  },
};

const seed = (option, dim, kind, value) => ({
  floor: "global",
  level: "global",
  inst: "",
  option,
  dim,
  kind,
  value,
});

/** Ten options, the first of which answers: what a page with some providers has. */
async function started(url) {
  const options = Array.from({ length: 10 }, (_, at) => `option-${at}`);
  const seeds = options.map((option, at) =>
    seed(option, "latency", "value", 0.001 * at),
  );
  const router = await Router.start({
    config: {
      levels: LEVELS,
      seeds: [...seeds, seed("", "latency", "weight", 1)],
    },
    upstreams: Object.fromEntries(options.map((option) => [option, { url }])),
  });
  await router.ready;
  return router;
}

async function timed(call) {
  const began = performance.now();
  const response = await call();
  await response.text();
  return performance.now() - began;
}

/** Both sides' times for each kind of request, in the order they were taken. */
export async function measure({ url, count }) {
  const router = await started(url);
  const told = {};
  for (const [kind, init] of Object.entries(KINDS)) {
    const sides = {
      ours: () => router.fetch("/v1/x", init),
      plain: () => fetch(`${url}/v1/x`, init),
    };
    const times = { ours: [], plain: [] };
    for (let round = -WARM_UP; round < count; round += 1) {
      const order = round % 2 ? ["ours", "plain"] : ["plain", "ours"];
      for (const side of order) {
        const took = await timed(sides[side]);
        if (round >= 0) times[side].push(took);
      }
    }
    told[kind] = times;
  }
  await router.close();
  return told;
}
