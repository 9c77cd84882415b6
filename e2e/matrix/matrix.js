// Each case is asked of plain fetch and of a router's, and everything a caller can see of both is written down as JSON.

import { CASES } from "./cases.js";

/**
 * `page`: the cases of this one; `routers`: by name, `one` upstream of another origin, `two` of them, the page's own origin as `home`; `only`: the one case
 * of this name.
 */
export async function run({ page, routers, origins, only = "" }) {
  const results = [];
  for (const made of CASES) {
    if ((made.page ?? "blank") !== page || (only !== "" && made.name !== only)) continue;
    const plain = await asked(made, "plain", (...call) => fetch(...call), origins);
    const router = routers[made.router ?? "one"];
    const routed = await asked(made, "routed", (...call) => router.fetch(...call), origins);
    results.push({ name: made.name, plain, routed });
  }
  return results;
}

async function asked(made, who, fetcher, origins) {
  const id = `${who}-${made.name}-${Math.random()}`;
  const at = (wish = {}, { origin = "a", path = "/m/x" } = {}) =>
    `${origins[origin]}${path}?id=${encodeURIComponent(id)}&as=${encodeURIComponent(JSON.stringify(wish))}`;
  const onward = (wish, more) => at(wish, more).replace(/id=[^&]*&/, "");
  const stop = new AbortController();
  const late = new Promise((resolve) => setTimeout(resolve, 15_000, { settled: "never" }));
  const call = (async () => {
    const { input, init = {}, abort } = await made.make({ at, onward, stop });
    return looked({ input, init, fetcher, read: made.read ?? text, abort, stop });
  })();
  const seen = await Promise.race([call, late]);
  if (seen.url) seen.url = plainUrl(seen.url, origins);
  const reached = await (await fetch(`${origins.page}/seen?id=${encodeURIComponent(id)}`)).json();
  return plainly({ ...seen, reached }, origins);
}

/** Without what differs by itself: a form's boundary is drawn by lot in each browser, and has its length. */
function plainly(seen, origins) {
  const text = JSON.stringify(seen);
  const lots = new Set(text.match(/-{4,}(WebKitFormBoundary|geckoformboundary)\w+/g) ?? []);
  const same = [...lots].reduce((all, lot) => all.replaceAll(lot, "-a-boundary-"), text);
  const told = JSON.parse(same);
  for (const one of told.reached) {
    if (one.headers.referer) one.headers.referer = plainUrl(one.headers.referer, origins);
    if (one.body.includes("-a-boundary-")) delete one.headers["content-length"];
  }
  // An echo of it has its length, too.
  if (lots.size) told.headers = told.headers?.filter(([name]) => name !== "content-length");
  return told;
}

const plainUrl = (url, origins) => {
  const [name, origin] = Object.entries(origins).find(([, each]) => url.startsWith(each)) ?? ["", ""];
  return url.replace(origin, `${name}:`).replace(/([?&])id=[^&]*/g, "$1id=");
};

async function looked({ input, init, fetcher, read, abort, stop }) {
  const seen = {};
  if (abort === "before") stop.abort();
  if (typeof abort === "number") setTimeout(() => stop.abort(), abort);
  let response;
  try {
    const promise = fetcher(input, init);
    seen.promise = promise instanceof Promise;
    response = await promise;
  } catch (error) {
    return { ...seen, threw: told(error), inputUsed: input instanceof Request ? input.bodyUsed : null };
  }
  Object.assign(seen, head(response));
  seen.inputUsed = input instanceof Request ? input.bodyUsed : null;
  try {
    seen.read = await read(response, stop);
  } catch (error) {
    seen.readThrew = told(error);
  }
  seen.usedAfter = response.bodyUsed;
  seen.again = await response.text().then((said) => said, told);
  seen.cloneAfter = tried(() => response.clone());
  return seen;
}

export function head(response) {
  const { status, statusText, ok, type, url, redirected, bodyUsed } = response;
  return {
    isResponse: response instanceof Response,
    tag: String(response),
    own: Object.keys(response),
    ...{ status, statusText, ok, type, url, redirected, bodyUsed },
    headers: [...response.headers].filter(([name]) => name !== "date" && name !== "server"),
    guard: tried(() => response.headers.set("x-mine", "1")),
    body: response.body === null ? "null" : String(response.body),
  };
}

function tried(what) {
  try {
    what();
    return "done";
  } catch (error) {
    return told(error);
  }
}

/** Its name and class, and whether it is the caller's own. */
function told(error) {
  if (!(error instanceof Error) && !(error instanceof DOMException)) return { thrown: String(error) };
  return { name: error.name, class: error.constructor.name, ...(error.code ? { code: error.code } : {}) };
}

const text = (response) => response.text();
