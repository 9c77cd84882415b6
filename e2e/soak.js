// What the soak's page runs: requests of every kind, each answer checked against what its provider says it sent whole.

window.countTimers = () => {
  const live = new Set();
  const [set, clear] = [window.setTimeout.bind(window), window.clearTimeout.bind(window)];
  window.setTimeout = (work, ms, ...more) => {
    const timer = set(() => {
      live.delete(timer);
      work(...more);
    }, ms);
    live.add(timer);
    return timer;
  };
  window.clearTimeout = (timer) => {
    live.delete(timer);
    clear(timer);
  };
  return live;
};

window.soak = (() => {
  const PATH = "/v1/chat/completions";
  const HUNG_MS = 30_000;
  const timers = window.countTimers();
  let router;
  let ended = new Map();

  // mulberry32: the same mixture for the same seed and request.
  const chances = (seed) => () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let x = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    x = (x + Math.imul(x ^ (x >>> 7), 61 | x)) ^ x;
    return ((x ^ (x >>> 14)) >>> 0) / 2 ** 32;
  };
  const words = (count) =>
    Array.from({ length: count }, (_, at) => `w${String(at + 1).padStart(2, "0")}`).join(" ");

  /** What is wrong with this answer; null: it is whole, of this request, and from this option alone. */
  const fault = ({ ids, models, text, finish, tokens }, key, option) => {
    if (ids.some((id) => id !== key)) return `it has parts of ${ids.find((id) => id !== key)}`;
    if (models.some((model) => model !== option)) return `it has parts from ${models.find((one) => one !== option)}`;
    if (finish !== "stop") return `its finish reason is ${finish}`;
    return text === words(tokens) ? null : `of ${tokens} tokens it has ${JSON.stringify(text)}`;
  };
  const ofBodies = (bodies, textOf) => ({
    ids: bodies.map(({ id }) => id),
    models: bodies.map(({ model }) => model),
    text: bodies.map((body) => textOf(body.choices[0]) ?? "").join(""),
    finish: bodies.map(({ choices }) => choices[0]?.finish_reason).find((reason) => reason) ?? null,
    tokens: bodies.map(({ usage }) => usage?.completion_tokens).find((count) => count !== undefined) ?? -1,
  });
  const ofEvents = (text) => {
    const events = text.split("\n\n").filter((event) => event.startsWith("data: {"));
    return ofBodies(events.map((event) => JSON.parse(event.slice(6))), (choice) => choice?.delta.content);
  };

  const fetched = async (key, { stream, restart, signal }, seen) => {
    const body = JSON.stringify({ model: "any", stream, messages: [{ role: "user", content: "count" }] });
    const headers = { "content-type": "application/json", "idempotency-key": key };
    const response = await router.fetch(PATH, { method: "POST", headers, body, signal, restart });
    const receipt = router.receipt(response);
    [seen.call, seen.status, seen.handed] = [receipt.call, response.status, true];
    const text = await response.text();
    const told = stream ? ofEvents(text) : ofBodies([JSON.parse(text)], (choice) => choice.message.content);
    return [told, receipt.option];
  };
  const chatted = async (key, { stream, restart, signal, leaves }, seen) => {
    const request = { messages: [{ role: "user", content: "count" }], stream };
    const chat = router.chat(request, { signal, restart, headers: { "idempotency-key": key } });
    const told = { ids: [], models: [], text: "", finish: null, tokens: -1 };
    try {
      for await (const event of chat) {
        if (event.type === "restart") Object.assign(told, { ids: [], models: [], text: "" });
        if (event.data?.id !== undefined) {
          told.ids.push(event.data.id);
          told.models.push(event.data.model);
        }
        if (event.type === "text") told.text += event.text;
        if (event.type === "text" && leaves) {
          seen.code = "cancelled";
          break;
        }
        if (event.type === "usage") told.tokens = event.usage.output;
        if (event.type === "done") told.finish = event.finishReason;
      }
    } finally {
      seen.call = chat.receipt?.call;
    }
    if (!seen.code && (await chat.text()) !== told.text) throw new Error("text() is another text than its events'");
    return [told, chat.option];
  };

  const KINDS = [
    { kind: "json", ask: fetched, stream: false },
    { kind: "buffer", ask: fetched, stream: true, restart: "buffer" },
    { kind: "stream", ask: fetched, stream: true },
    { kind: "chat", ask: chatted, stream: true },
    { kind: "chat-json", ask: chatted, stream: false },
  ];
  const WEIGHTS = [0.3, 0.2, 0.2, 0.2, 0.1];
  const drawn = (chance) => {
    let at = 0;
    for (let left = chance(); at < KINDS.length - 1 && left >= WEIGHTS[at]; at += 1) left -= WEIGHTS[at];
    return KINDS[at];
  };

  const one = async (seed, number) => {
    const chance = chances(seed * 1_000_003 + number);
    const [key, { kind, ask, ...asked }] = [`soak-${seed}-${number}`, drawn(chance)];
    const [cancels, leaves] = [chance() < 0.08, kind === "chat" && chance() < 0.05];
    const control = new AbortController();
    const leave = cancels ? setTimeout(() => control.abort(), chance() * 80) : undefined;
    const seen = { key, kind, stream: asked.stream, cancels, leaves, began: Date.now() / 1000 };
    let hung;
    try {
      const late = new Promise((_, reject) => {
        hung = setTimeout(() => reject(new Error(`nothing after ${HUNG_MS} ms`)), HUNG_MS);
      });
      const work = ask(key, { ...asked, leaves, signal: control.signal }, seen);
      const [told, option] = await Promise.race([work, late]);
      if (!seen.code) Object.assign(seen, { option, tokens: told.tokens, fault: fault(told, key, option) });
    } catch (error) {
      const own = control.signal.aborted && error === control.signal.reason;
      seen.code = own ? "cancelled" : (error.code ?? error.name);
      seen.message = error.message;
      seen.call ??= router.receipt(error)?.call;
      if (error.attempts) seen.named = [...error.attempts, ...error.skipped].map(({ option }) => option);
    } finally {
      clearTimeout(leave);
      clearTimeout(hung);
    }
    return { ...seen, ended: Date.now() / 1000 };
  };

  /** Requests `from` to `from + count`, so many at a time; what each came to, and the receipts of the calls that ended. */
  const batch = async ({ seed, from, count, lanes }) => {
    const results = [];
    let next = from;
    const lane = async () => {
      while (next < from + count) results.push(await one(seed, next++));
    };
    await Promise.all(Array.from({ length: lanes }, lane));
    for (let waits = 0; waits < 200 && results.some(({ call }) => call !== undefined && !ended.has(call)); waits += 1)
      await new Promise((then) => setTimeout(then, 10));
    const receipts = [...ended.values()];
    ended = new Map();
    return JSON.stringify({ results, receipts });
  };

  const start = async (options) => {
    const { Router } = await import("/sporewright.js");
    router = await Router.start(options);
    router.addEventListener("receipt", ({ detail }) => ended.set(detail.call, detail));
    await router.ready;
  };
  const rows = async () => {
    const done = (request) =>
      new Promise((resolve, reject) => {
        request.onsuccess = () => resolve(request.result);
        request.onerror = () => reject(request.error);
      });
    let count = 0;
    for (const { name } of await indexedDB.databases()) {
      const database = await done(indexedDB.open(name));
      for (const store of database.objectStoreNames)
        count += await done(database.transaction(store).objectStore(store).count());
      database.close();
    }
    return count;
  };
  return { start, batch, rows, timers: () => timers.size };
})();
undefined;
