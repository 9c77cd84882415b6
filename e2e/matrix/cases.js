// What is asked: `make` gives the call anew each time, `read` what its caller does with the Response.

const hex = (buffer) => [...new Uint8Array(buffer)].map((byte) => byte.toString(16).padStart(2, "0")).join("");

async function inParts(response) {
  const reader = response.body.getReader();
  const pieces = [];
  let type;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    type = value.constructor.name;
    pieces.push(...value);
  }
  await reader.closed;
  return { type, text: new TextDecoder().decode(new Uint8Array(pieces)) };
}

const form = (...fields) => {
  const made = new FormData();
  for (const field of fields) made.append(...field);
  return made;
};
const stream = (...pieces) =>
  new ReadableStream({
    start(controller) {
      for (const piece of pieces) controller.enqueue(new TextEncoder().encode(piece));
      controller.close();
    },
  });
const bytesOf = (text) => new TextEncoder().encode(text);
const SHA = "sha256-+0bHm363rxdfSTdVtJGvqbJVdKkjC4gixinyJKLfTlg=";
const SLOW = { chunks: [[0, "one "], [300, "two "], [0, "three"]] }; // prettier-ignore
const plainly = (name, wish, init, more = {}) => ({ name, make: ({ at }) => ({ input: at(wish), init }), ...more });

const statuses = [
  ...[200, 201, 202, 203, 206, 207, 226, 299, 300, 301, 302, 303, 305, 306, 307, 308],
  ...[400, 401, 402, 403, 404, 405, 406, 409, 410, 415, 417, 418, 422, 424, 426, 428, 431, 451, 498, 499],
  ...[408, 421, 425, 429, 500, 501, 502, 503, 504, 505, 511, 529, 599, 600, 999],
].map((status) => plainly(`status ${status}`, { status, reason: "As Said", headers: [["x-one", "1"]] }));

const bodiless = ["GET", "POST", "DELETE", "HEAD"].flatMap((method) =>
  [200, 204, 205].map((status) => plainly(`no body: ${method} ${status}`, { status, body: "" }, { method })),
);

const heads = [404, 500, 503].map((status) => plainly(`no body: HEAD ${status}`, { status }, { method: "HEAD" }));

const methods = ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "QUERY", "patch", "get", "Custom"].map((method) =>
  plainly(`method ${method}`, { echo: true }, { method, ...(/^get$/i.test(method) ? {} : { body: "said" }) }),
);

const heard = [
  plainly("early hints", { early: [103, 103] }),
  plainly("100 first", { early: [100] }),
  plainly("headers of every kind", {
    headers: [["x-two", "b"], ["x-two", "a"], ["x-one", " spaced "], ["set-cookie", "a=b"], ["x-unseen", "1"], ["content-type", "text/x; charset=latin1"], ["etag", "\"w\""], ["link", "</x>"]], // prettier-ignore
  }),
  plainly("no reason phrase", { reason: "" }),
  plainly("a reason phrase of other letters", { reason: "d\u00e9j\u00e0 vu" }),
];

const redirects = ["follow", "error", "manual"].flatMap((redirect) =>
  [301, 302, 303, 307, 308].map((status) => ({
    name: `redirect ${redirect} ${status}`,
    make: ({ at, onward }) => ({
      input: at({ status, redirect: onward({ echo: true }) }),
      init: { method: "POST", body: "said", redirect, idempotent: true },
    }),
  })),
);

const elsewhere = [
  {
    name: "redirect to another origin",
    make: ({ at, onward }) => ({ input: at({ status: 302, redirect: onward({}, { origin: "b" }) }) }),
  },
  plainly("redirect that loops", { status: 302, loops: true }),
  { name: "redirect with an unknown scheme", make: ({ at }) => ({ input: at({ status: 302, redirect: "nowhere:x" }) }) },
  {
    name: "redirect of a GET, mode no-cors, manual",
    make: ({ at }) => ({ input: at({ status: 302, redirect: "/m/y" }), init: { mode: "no-cors", redirect: "manual" } }),
  },
];

const ranged = (range) => ({ headers: { range } });
const ranges = [
  plainly("range 206", { ranges: true, body: "0123456789" }, ranged("bytes=2-5")),
  plainly("range to the end", { ranges: true, body: "0123456789" }, ranged("bytes=4-")),
  plainly("range 416", { ranges: true, body: "0123456789" }, ranged("bytes=20-30")),
  plainly("304 for an etag of the caller's", { etag: '"v1"' }, { headers: { "if-none-match": '"v1"' } }),
  plainly("200 for another etag", { etag: '"v2"' }, { headers: { "if-none-match": '"v1"' } }),
];

const encodings = ["gzip", "br", "identity"].map((encoding) => plainly(`encoding ${encoding}`, { encoding }));

const JSON_BODY = { body: '{"a": [1, "\u00e9"]}', headers: [["content-type", "application/json; charset=utf-8"]] };
const FORM_BODY = {
  body: '--b\r\ncontent-disposition: form-data; name="n"\r\n\r\nv\r\n--b\r\ncontent-disposition: form-data; name="f"; filename="f.txt"\r\ncontent-type: text/x\r\n\r\ninside\r\n--b--\r\n',
  headers: [["content-type", "multipart/form-data; boundary=b"]],
};
const READS = {
  text: (response) => response.text(),
  json: (response) => response.json(),
  arrayBuffer: async (response) => hex(await response.arrayBuffer()),
  bytes: async (response) => (response.bytes ? hex(await response.bytes()) : "none"),
  blob: async (response) => {
    const blob = await response.blob();
    return [blob.constructor.name, blob.type, blob.size, await blob.text()];
  },
  formData: async (response) => {
    const entries = [...(await response.formData())];
    return Promise.all(entries.map(async ([name, value]) => [name, value.name ?? value, value.type, await value.text?.()]));
  },
  "in parts": inParts,
  "by an own memory": async (response) => {
    const reader = response.body.getReader({ mode: "byob" });
    const { value, done } = await reader.read(new Uint8Array(4));
    await reader.cancel();
    return [value.byteLength > 0, done];
  },
  tee: async (response) => {
    const [one, other] = response.body.tee();
    return [await new Response(one).text(), await new Response(other).text()];
  },
  "pipe through": (response) => new Response(response.body.pipeThrough(new TransformStream())).text(),
  iterate: async (response) => {
    if (!(Symbol.asyncIterator in response.body)) return "none";
    let length = 0;
    for await (const piece of response.body) length += piece.byteLength;
    return length;
  },
  cancel: async (response) => {
    await response.body.cancel("enough");
    return response.bodyUsed;
  },
  "twice at once": async (response) => {
    const told = (error) => error.constructor.name;
    const both = await Promise.allSettled([response.text(), response.text()]);
    return both.map(({ value, reason }) => value ?? told(reason));
  },
  "while locked": (response) => {
    response.body.getReader();
    return response.text();
  },
  clone: async (response) => {
    const copy = response.clone();
    const again = copy.clone();
    const seen = ({ status, statusText, ok, type, url, redirected, headers }) => ({
      ...{ status, statusText, ok, type, redirected },
      url: url.replace(/id=[^&]*/, ""),
      headers: [...headers].filter(([name]) => name !== "date"),
    });
    const texts = await Promise.all([copy.text(), response.text(), again.text()]);
    return { seen: [seen(copy), seen(again)], texts, used: [copy.bodyUsed, again.bodyUsed], same: copy instanceof Response };
  },
  "a copy by new Response": async (response) => {
    const { status, headers } = response;
    const copy = new Response(response.body, { status, headers });
    return [copy.type, copy.url, await copy.text()];
  },
};
const BODIES = {
  text: { body: "said \u00e9" },
  json: JSON_BODY,
  form: FORM_BODY,
  nothing: { body: "" },
  events: { body: 'data: {"a":1}\n\ndata: [DONE]\n\n', headers: [["content-type", "text/event-stream"]] },
  chunks: SLOW,
};
const reads = Object.entries(READS).flatMap(([how, read]) =>
  Object.entries(BODIES).map(([what, wish]) => plainly(`read ${what}: ${how}`, wish, undefined, { read })),
);

const SENT = {
  string: () => "said \u00e9",
  "an empty string": () => "",
  Blob: () => new Blob(["in a blob"], { type: "text/x" }),
  "Blob without a type": () => new Blob(["in a blob"]),
  "large Blob": () => new Blob([new Uint8Array(5 << 20)], { type: "text/x" }),
  File: () => new File(["in a file"], "f.txt", { type: "text/y" }),
  FormData: () => form(["n", "v"], ["n", "\u00e9"]),
  "FormData with a Blob": () => form(["n", "v"], ["f", new Blob(["inside"], { type: "text/x" }), "f.txt"]),
  URLSearchParams: () => new URLSearchParams({ a: "1 2", b: "\u00e9" }),
  ArrayBuffer: () => bytesOf("in a buffer").buffer,
  "typed array": () => bytesOf("in an array").subarray(3),
  DataView: () => new DataView(bytesOf("in a view").buffer, 3),
  number: () => 7,
  object: () => ({ a: 1 }),
};
const sends = Object.entries(SENT).flatMap(([kind, body]) => [
  { name: `send ${kind}`, make: ({ at }) => ({ input: at({ echo: true }), init: { method: "POST", body: body() } }) },
  {
    name: `send ${kind} in a Request`,
    make: ({ at }) => ({ input: new Request(at({ echo: true }), { method: "POST", body: body() }) }),
  },
  {
    name: `send ${kind} under another type`,
    make: ({ at }) => ({
      input: at({ body: "kept" }),
      init: { method: "PUT", body: body(), headers: { "content-type": "a/b" } },
    }),
  },
]);

const streams = [
  {
    name: "send a stream",
    make: ({ at }) => ({ input: at({ echo: true }), init: { method: "POST", body: stream("in ", "parts"), duplex: "half" } }),
  },
  {
    name: "send a stream without duplex",
    make: ({ at }) => ({ input: at({ echo: true }), init: { method: "POST", body: stream("in ", "parts") } }),
  },
  {
    name: "send a stream that is locked",
    make: ({ at }) => {
      const body = stream("x");
      body.getReader();
      return { input: at({ echo: true }), init: { method: "POST", body, duplex: "half" } };
    },
  },
  {
    name: "send a stream of no bytes",
    make: ({ at }) => {
      const body = new ReadableStream({ start: (controller) => (controller.enqueue("text"), controller.close()) });
      return { input: at({ echo: true }), init: { method: "POST", body, duplex: "half" } };
    },
  },
  {
    name: "send a stream that breaks",
    make: ({ at }) => {
      const body = new ReadableStream({ start: (controller) => controller.error(new RangeError("mine")) });
      return { input: at({ echo: true }), init: { method: "POST", body, duplex: "half" } };
    },
  },
];

const wishes = [
  plainly("mode no-cors", {}, { mode: "no-cors" }),
  plainly("mode no-cors, POST", {}, { mode: "no-cors", method: "POST", body: "said" }),
  plainly("mode no-cors, PUT", {}, { mode: "no-cors", method: "PUT" }),
  plainly("mode no-cors, 500", { status: 500 }, { mode: "no-cors" }),
  plainly("mode no-cors with integrity", {}, { mode: "no-cors", integrity: SHA }),
  plainly("mode same-origin to another", {}, { mode: "same-origin" }),
  plainly("mode same-origin to another, POST", {}, { mode: "same-origin", method: "POST", body: "said" }),
  {
    name: "mode same-origin at home",
    router: "home",
    make: ({ at }) => ({ input: at({}, { origin: "page" }), init: { mode: "same-origin" } }),
  },
  {
    name: "mode same-origin at home, redirected away",
    router: "home",
    make: ({ at, onward }) => ({
      input: at({ status: 302, redirect: onward({}) }, { origin: "page" }),
      init: { mode: "same-origin" },
    }),
  },
  { name: "at home", router: "home", make: ({ at }) => ({ input: at({}, { origin: "page" }) }) },
  plainly("mode navigate", {}, { mode: "navigate" }),
  ...["omit", "same-origin", "include"].map((credentials) => plainly(`credentials ${credentials}`, {}, { credentials })),
  ...["default", "no-store", "reload", "no-cache", "force-cache"].map((cache) =>
    plainly(`cache ${cache}`, { headers: [["cache-control", "max-age=60"]] }, { cache }),
  ),
  plainly("cache only-if-cached", {}, { cache: "only-if-cached" }),
  {
    name: "cache only-if-cached at home",
    router: "home",
    make: ({ at }) => ({ input: at({}, { origin: "page" }), init: { mode: "same-origin", cache: "only-if-cached" } }),
  },
  plainly("integrity that matches", {}, { integrity: SHA }),
  plainly("integrity that does not match", { body: "another" }, { integrity: SHA }),
  plainly("integrity that does not match, POST", { body: "another" }, { integrity: SHA, method: "POST", body: "said" }),
  plainly("integrity of no known kind", { body: "another" }, { integrity: "md5-abc" }),
  plainly("integrity, one of two", {}, { integrity: `sha256-AAAA ${SHA}?option` }),
  plainly("integrity, the weaker one", { body: "said" }, { integrity: `${SHA} sha512-AAAA` }),
  plainly("integrity of a 404", { status: 404 }, { integrity: SHA }),
  plainly("integrity of a 204", { status: 204 }, { integrity: SHA }),
  ...["", "about:client", "/elsewhere", "https://other.example/x"].map((referrer) =>
    plainly(`referrer ${referrer}`, {}, { referrer }),
  ),
  ...["no-referrer", "origin", "unsafe-url", "same-origin"].map((referrerPolicy) =>
    plainly(`referrer policy ${referrerPolicy}`, {}, { referrerPolicy }),
  ),
  ...["high", "low", "auto"].map((priority) => plainly(`priority ${priority}`, {}, { priority })),
  plainly("priority unheard of", {}, { priority: "now" }),
  plainly("keepalive", {}, { keepalive: true }),
  plainly("keepalive POST", { echo: true }, { keepalive: true, method: "POST", body: "said" }),
  plainly("keepalive of 64 KiB", {}, { keepalive: true, method: "POST", body: "x".repeat(65_536) }),
  plainly("keepalive over 64 KiB", {}, { keepalive: true, method: "POST", body: "x".repeat(65_537) }),
  plainly("header that is none", {}, { headers: { "a b": "c" } }),
  plainly("header value that is none", {}, { headers: { a: "b\nc" } }),
  plainly("header value beyond bytes", {}, { headers: { a: "\u2014" } }),
  plainly("header that is forbidden", {}, { headers: { host: "x", "x-fine": "1" } }),
  plainly("headers by pairs", {}, { headers: [["x-a", "1"], ["x-a", "2"]] }), // prettier-ignore
  plainly("method that is none", {}, { method: "a b" }),
  ...["CONNECT", "TRACE", "track"].map((method) => plainly(`method ${method}`, {}, { method })),
  plainly("GET with a body", {}, { body: "said" }),
  plainly("HEAD with a body", {}, { method: "HEAD", body: "said" }),
  plainly("a signal that is none", {}, { signal: {} }),
  plainly("a null signal", {}, { signal: null }),
  plainly("a window", {}, { window: 1 }),
  plainly("a referrer policy that is none", {}, { referrerPolicy: "some" }),
  { name: "an address that is none", make: () => ({ input: "http://" }) },
  { name: "an address with a name", make: ({ at }) => ({ input: at({}).replace("://", "://me:secret@") }) },
  { name: "a hash", make: ({ at }) => ({ input: `${at({})}#part` }) },
  { name: "a URL", make: ({ at }) => ({ input: new URL(at({})) }) },
  { name: "an object with toString", make: ({ at }) => ({ input: { toString: () => at({}) } }) },
];

const requests = [
  {
    name: "a Request",
    make: ({ at }) => ({ input: new Request(at({ echo: true }), { method: "PUT", body: "said", headers: { "x-a": "1" } }) }),
  },
  {
    name: "a Request and an init over it",
    make: ({ at }) => ({
      input: new Request(at({ echo: true }), { method: "PUT", body: "said", headers: { "x-a": "1" } }),
      init: { method: "POST", headers: { "x-b": "2" } },
    }),
  },
  {
    name: "a Request and a body over it",
    make: ({ at }) => ({
      input: new Request(at({ echo: true }), { method: "PUT", body: "said" }),
      init: { body: "instead" },
    }),
  },
  {
    name: "a Request that is used up",
    make: async ({ at }) => {
      const input = new Request(at({}), { method: "PUT", body: "said" });
      await input.text();
      return { input };
    },
  },
  {
    name: "a Request with a signal of its own",
    make: ({ at, stop }) => ({ input: new Request(at({ wait: 2000 }), { signal: stop.signal }), abort: 300 }),
  },
  {
    name: "a Request's copy",
    make: ({ at }) => ({ input: new Request(at({ echo: true }), { method: "PUT", body: "said" }).clone() }),
  },
];

const aborts = (name, wish, abort, read, init = {}) => ({
  name: `abort ${name}`,
  make: ({ at, stop }) => ({ input: at(wish), init: { ...init, signal: stop.signal }, abort }),
  ...(read ? { read } : {}),
});
const afterFirst = (how, reason) => async (response, stop) => {
  const reader = response.body.getReader();
  const { value } = await reader.read();
  stop.abort(...reason);
  const rest = await (how === "read" ? reader.read() : reader.closed).then(
    () => "no error",
    (error) => ({ name: error.name, class: error.constructor.name, message: error.message }),
  );
  return [value.byteLength > 0, rest];
};
const stopped = [
  aborts("before", {}, "before"),
  aborts("while waiting", { wait: 2000 }, 300),
  aborts("while waiting, POST", { wait: 2000 }, 300, undefined, { method: "POST", body: "said" }),
  aborts("in the body", SLOW, undefined, afterFirst("read", [])),
  aborts("in the body, for a reason", SLOW, undefined, afterFirst("read", [new RangeError("mine")])),
  aborts("in the body, closed", SLOW, undefined, afterFirst("closed", [])),
  aborts("in the text", SLOW, undefined, (response, stop) => {
    setTimeout(() => stop.abort(), 50);
    return response.text();
  }),
  ...["text", "json", "chunks", "events"].flatMap((kind) => [
    aborts(`after the headers, ${kind}`, BODIES[kind], undefined, (response, stop) => {
      stop.abort();
      return response.text();
    }),
    aborts(`after the headers, a copy of ${kind}`, BODIES[kind], undefined, (response, stop) => {
      const copy = response.clone();
      stop.abort();
      return copy.text();
    }),
    aborts(`after all was read, ${kind}`, BODIES[kind], undefined, async (response, stop) => {
      const said = await response.text();
      stop.abort();
      return said;
    }),
  ]),
  {
    name: "abort by a time-out",
    make: ({ at }) => ({ input: at({ wait: 2000 }), init: { signal: AbortSignal.timeout(300) } }),
  },
  {
    name: "abort for a reason",
    make: ({ at, stop }) => {
      setTimeout(() => stop.abort(new RangeError("mine")), 300);
      return { input: at({ wait: 2000 }), init: { signal: stop.signal } };
    },
  },
  {
    name: "abort for a reason that is no error",
    make: ({ at, stop }) => {
      setTimeout(() => stop.abort("mine"), 300);
      return { input: at({ wait: 2000 }), init: { signal: stop.signal } };
    },
  },
];

const broken = [
  plainly("a connection reset", { reset: true }),
  plainly("a body cut short", { body: "said", cut: true }),
  plainly("chunks cut short", { chunks: [[0, "one "], [20, "two"]], cut: true }), // prettier-ignore
  plainly("no HTTP", { raw: "this is no HTTP at all, whatever it is\r\n\r\n", times: 3 }),
  plainly("headers of 300 kB", { headers: Array.from({ length: 300 }, (_, n) => [`x-${n}`, "y".repeat(1000)]) }),
];

const second = [500, 503, 429, 502].map((status) => ({
  name: `of two: ${status}`,
  router: "two",
  make: ({ at }) => ({ input: at({ by: { a: { status }, b: { body: "by b" } } }) }),
}));
const pairs = [
  ...second,
  {
    name: "of two: both 503",
    router: "two",
    make: ({ at }) => ({ input: at({ status: 503 }) }),
  },
  {
    name: "of two: 404",
    router: "two",
    make: ({ at }) => ({ input: at({ by: { a: { status: 404 } } }) }),
  },
  {
    name: "of two: reset",
    router: "two",
    make: ({ at }) => ({ input: at({ by: { a: { reset: true } } }) }),
  },
  {
    name: "of two: POST, integrity that does not match",
    router: "two",
    make: ({ at }) => ({ input: at({ body: "another" }), init: { method: "POST", body: "said", integrity: SHA } }),
  },
  {
    name: "of two: POST, redirect error",
    router: "two",
    make: ({ at }) => ({
      input: at({ status: 302, redirect: "/m/y" }),
      init: { method: "POST", body: "said", redirect: "error" },
    }),
  },
  {
    name: "of two: POST, keepalive over 64 KiB",
    router: "two",
    make: ({ at }) => ({ input: at({}), init: { method: "POST", body: "x".repeat(65_537), keepalive: true } }),
  },
  {
    name: "of two: mode same-origin",
    router: "two",
    make: ({ at }) => ({ input: at({}), init: { method: "POST", body: "said", mode: "same-origin" } }),
  },
];

// A page that embeds only what lets itself be embedded (Cross-Origin-Embedder-Policy), or asks for it without credentials.
const LETS = { headers: [["cross-origin-resource-policy", "cross-origin"]] };
const SEALED = { mode: "no-cors" };
/** The server lets its own origin alone have what is there. */
const OWN = { path: "/m/own" };
const embedding = ["isolated", "credentialless"].flatMap((page) =>
  [
    plainly(`${page}: mode cors`, {}, {}),
    plainly(`${page}: mode cors, 404`, { status: 404 }, {}),
    plainly(`${page}: mode no-cors`, {}, SEALED),
    plainly(`${page}: mode no-cors, POST`, {}, { ...SEALED, method: "POST", body: "said" }),
    plainly(`${page}: mode no-cors, credentials include`, {}, { ...SEALED, credentials: "include" }),
    plainly(`${page}: mode no-cors, let in`, LETS, SEALED),
    plainly(`${page}: mode no-cors, let in, POST`, LETS, { ...SEALED, method: "POST", body: "said" }),
    plainly(`${page}: mode no-cors, let in, 500`, { ...LETS, status: 500 }, SEALED),
    plainly(`${page}: mode no-cors, let in, HEAD`, LETS, { ...SEALED, method: "HEAD" }),
    { name: `${page}: mode no-cors, of its own`, make: ({ at }) => ({ input: at({}, OWN), init: SEALED }) },
    {
      name: `${page}: mode no-cors at home`,
      router: "home",
      make: ({ at }) => ({ input: at({}, { origin: "page" }), init: SEALED }),
    },
    {
      name: `${page}: of two, the second let in`,
      router: "two",
      make: ({ at }) => ({ input: at({ by: { b: LETS } }), init: SEALED }),
    },
  ].map((made) => ({ ...made, page })),
);
const sealed = [
  { name: "mode no-cors, of its own", make: ({ at }) => ({ input: at({}, OWN), init: SEALED }) },
  plainly("mode no-cors, let in", LETS, SEALED),
];

export const CASES = [
  ...[statuses, bodiless, heads, methods, heard, redirects, elsewhere, ranges, encodings, reads, sends, streams],
  ...[wishes, requests, stopped, broken, pairs, sealed, embedding],
].flat();
