// Runs the rows' calls in a page, evaluated there: every call has a Router of its own over the one engine.
(() => {
  const importing = import("/sporewright.js");

  /** The first choice's words, a tool call as `<name>`; and whether it is whole. The same as e2e/faults/reading.py. */
  function wordsOf(text, stream) {
    const said = ({ content, refusal, tool_calls }) =>
      (content || refusal || "") +
      (tool_calls ?? []).map((call) => (call.function?.name ? `<${call.function.name}>` : "")).join("");
    let [words, isWhole] = ["", false];
    try {
      if (!stream) return [said(JSON.parse(text).choices[0].message), true];
      for (const block of text.replace(/\r\n|\r/g, "\n").split("\n\n")) {
        const lines = block.split("\n").filter((line) => line.startsWith("data:"));
        const data = lines.map((line) => line.slice(5).replace(/^ /, "")).join("\n");
        if (data === "") continue;
        if (data === "[DONE]") {
          isWhole = true;
          continue;
        }
        const [choice] = JSON.parse(data).choices ?? [];
        words += choice ? said(choice.delta ?? {}) : "";
        isWhole ||= Boolean(choice?.finish_reason);
      }
    } catch {
      return [words, false];
    }
    return [words, isWhole];
  }

  async function fetched(router, way, request) {
    const stream = !way.endsWith("whole");
    const init = way === "fetch held" ? { restart: "buffer" } : {};
    const body = JSON.stringify({ ...request, stream });
    const headers = { "content-type": "application/json" };
    const response = await router.fetch("/v1/chat/completions", { method: "POST", headers, body, ...init });
    const seen = { status: response.status, receipt: router.receipt(response) };
    try {
      const text = await response.text();
      const [said, isWhole] = wordsOf(text, stream);
      return { ...seen, body: text.slice(0, 400), text: said, is_whole: isWhole };
    } catch (error) {
      return { ...seen, ...told(error) };
    }
  }

  async function chatted(router, way, request) {
    const chat = router.chat({ ...request, stream: way.endsWith("streamed") });
    let [said, isWhole] = ["", false];
    const seen = () => ({ text: said, is_whole: isWhole, option: chat.option, receipt: chat.receipt });
    try {
      for await (const event of chat) {
        if (event.type === "restart") said = "";
        if (event.type === "text") said += event.text;
        if (event.type === "tool" && event.name) said += `<${event.name}>`;
        isWhole ||= event.type === "done";
      }
      return seen();
    } catch (error) {
      return { ...seen(), ...told(error) };
    }
  }

  function told(error) {
    const code = error?.name === "SporewrightError" ? error.code : `raw ${error?.name}`;
    return { error: code, message: error?.message ?? String(error), attempts: error?.attempts };
  }

  /** One call: `{first, second, way, upstreams}`, and what came of it. */
  async function one(call, options) {
    const { first, second, way, upstreams, request, limits } = call;
    const { Router } = await importing;
    const router = await Router.start({ ...options, limits, upstreams });
    await router.ready;
    let attention = null;
    router.addEventListener("attention", ({ detail }) => {
      if (detail.option === first) attention = detail.reason;
    });
    const began = performance.now();
    const late = new Promise((resolve) => setTimeout(resolve, 30_000, { error: "never settled", message: "" }));
    const made = (way.startsWith("chat") ? chatted : fetched)(router, way, request).catch((error) => ({
      ...told(error),
      receipt: typeof error === "object" && error ? router.receipt(error) : undefined,
    }));
    const { receipt, ...seen } = await Promise.race([made, late]);
    seen.seconds = (performance.now() - began) / 1000;
    seen.option ||= receipt?.option ?? "";
    const attempts = receipt?.attempts ?? seen.attempts ?? [];
    seen.attempts = attempts.map(({ option, outcome }) => [option, outcome]);
    await new Promise((resolve) => setTimeout(resolve, 100)); // what is learned is told in batches
    seen.order = (await router.resolve()).filter((option) => option === first || option === second);
    seen.attention = attention;
    await router.close();
    return seen;
  }

  /** All calls, so many at a time; beside them what the engine keeps of each option. */
  window.runFaults = async function run(calls, options, atOnce) {
    const { Router } = await importing;
    const keeper = await Router.start({ ...options, upstreams: {} });
    await keeper.ready;
    const seen = new Array(calls.length);
    let next = 0;
    const worker = async () => {
      while (next < calls.length) {
        const at = next++;
        seen[at] = await one(calls[at], options);
      }
    };
    await Promise.all(Array.from({ length: atOnce }, worker));
    await keeper.observe("keeper", "latency", 1); // answered once it is stored, and what was told before it
    const [records, explained] = [await recordsOf(), await keeper.explain()];
    await keeper.close();
    return { seen, records, explained };
  };

  /** So many calls through one router, one after the other: the words of each answer, and the order afterwards. */
  window.runHole = async (options, request, count) => {
    const { Router } = await importing;
    const router = await Router.start({ ...options, offline: false });
    await router.ready;
    const texts = [];
    for (let n = 0; n < count; n += 1) {
      const seen = await fetched(router, "fetch whole", request).catch(told);
      texts.push(seen.text ?? "");
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
    const order = await router.resolve();
    await router.close();
    return { texts, order };
  };

  /** The engine's records, in the one database that has any. */
  async function recordsOf() {
    const done = (request) =>
      new Promise((resolve, reject) => {
        request.onsuccess = () => resolve(request.result);
        request.onerror = () => reject(request.error);
      });
    const found = {};
    for (const { name } of await indexedDB.databases()) {
      const db = await done(indexedDB.open(name));
      if (db.objectStoreNames.contains("records")) {
        const store = db.transaction("records").objectStore("records");
        const [keys, texts] = await Promise.all([done(store.getAllKeys()), done(store.getAll())]);
        keys.forEach((key, at) => (found[key] = texts[at]));
      }
      db.close();
    }
    return found;
  }
})();
