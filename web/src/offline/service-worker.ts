/**
 * Serves the files of this build, and nothing else, where the network does not (docs/how-to/offline.md).
 *
 * What is named by its content comes from the cache: whatever the build, the name means the same bytes. What is not (the
 * page, the module it imports) is asked for first and comes from the cache only without an answer; it is kept as a whole
 * build, checked against its hashes, so that two builds never mix.
 */

import { integrityOf } from "../network";
import { COMPLETE } from "./complete";

/** `start`: no start without it; `page`: the inspector, which may not be served; `use`: kept once somebody has asked for it. */
type Need = "start" | "page" | "use";
declare const __FILES__: { name: string; sha256: string; need: Need }[];

interface Extendable extends Event {
  waitUntil(work: Promise<unknown>): void;
}
interface Installing extends Extendable {
  /** Static routing (Chromium 123): the browser reads the cache itself and need not start this script. */
  addRoutes?(rules: unknown): Promise<void>;
}
interface Fetching extends Extendable {
  request: Request;
  respondWith(answer: Promise<Response>): void;
}
declare const self: {
  registration: { scope: string };
  addEventListener(type: "install", listener: (event: Installing) => void): void;
  addEventListener(type: "activate", listener: (event: Extendable) => void): void;
  addEventListener(type: "fetch", listener: (event: Fetching) => void): void;
  addEventListener(type: "message", listener: (event: Extendable & { data: unknown }) => void): void;
};

/** A network that takes longer than this is taken for none where the cache can answer. */
const PATIENCE_MS = 4000;
const SCOPE = self.registration.scope;
const INDEX = "index.html";
const NAMED_BY_CONTENT = /^(runtime|assets)\//;
let hasLooked = false;
const files = new Map(__FILES__.map((file) => [file.name, file]));
const isKept = (name: string): boolean => NAMED_BY_CONTENT.test(name);
const KEPT = `sporewright files ${SCOPE}`;
const BUILDS = `sporewright build ${SCOPE} `;
const BUILD = BUILDS + (__FILES__.find(({ name }) => name === "sporewright.js")?.sha256 ?? "");

self.addEventListener("install", (event) => {
  event.waitUntil(Promise.all([install(), event.addRoutes?.(routes())]));
});
self.addEventListener("activate", (event) => {
  event.waitUntil(forget());
});
self.addEventListener("message", (event) => {
  if (event.data === COMPLETE) event.waitUntil(complete());
});
self.addEventListener("fetch", (event) => {
  const { request } = event;
  const { href, pathname } = new URL(request.url);
  if (request.method !== "GET" || !href.startsWith(SCOPE)) return;
  const name = pathname.slice(new URL(SCOPE).pathname.length) || INDEX;
  if (!files.has(name)) return;
  event.respondWith(isKept(name) ? kept(request, name) : current(request, name));
  // Once each time that this script is started: a page that comes from another cache says nothing.
  if (!hasLooked) event.waitUntil(complete());
});

/** Serve files named by their content out of the cache without a question; what is not there goes on to the network. */
function routes(): unknown {
  const urlPattern = { pathname: `${new URL(SCOPE).pathname}runtime/*` };
  return [{ condition: { urlPattern, requestMethod: "get" }, source: { cacheName: KEPT } }];
}

/** Fetch again what was kept and is not there any more; without a network the next start tries. */
async function complete(): Promise<void> {
  hasLooked = true;
  await install().catch(() => undefined);
}

async function install(): Promise<void> {
  const [names, build] = await Promise.all([caches.open(KEPT), caches.open(BUILD)]);
  const keep = async ({ name, sha256 }: { name: string; sha256: string }): Promise<void> => {
    const cache = isKept(name) ? names : build;
    if (await cache.match(addressOf(name))) return;
    const response = await fetch(addressOf(name), {
      integrity: integrityOf(sha256),
      cache: isKept(name) ? "default" : "no-cache",
    });
    if (!response.ok) throw new Error(`${name}: HTTP ${response.status}`);
    await cache.put(addressOf(name), response);
  };
  const needed = (need: Need): Promise<void>[] => __FILES__.filter((file) => file.need === need).map(keep);
  await Promise.all(needed("start"));
  await Promise.allSettled(needed("page"));
}

/** The builds before this one: no page of theirs is open any more. */
async function forget(): Promise<void> {
  for (const name of await caches.keys()) if (name.startsWith(BUILDS) && name !== BUILD) await caches.delete(name);
  const names = await caches.open(KEPT);
  const listed = new Set([...files.keys()].map(addressOf));
  for (const request of await names.keys()) if (!listed.has(request.url)) await names.delete(request);
}

async function kept(request: Request, name: string): Promise<Response> {
  const cache = await caches.open(KEPT);
  const found = await cache.match(addressOf(name));
  if (found) return found;
  const response = await fetch(request);
  if (response.ok) await cache.put(addressOf(name), response.clone());
  return response;
}

async function current(request: Request, name: string): Promise<Response> {
  const found = await (await caches.open(BUILD)).match(addressOf(name));
  if (!found) return fetch(request);
  try {
    return await fetch(request, { signal: AbortSignal.timeout(PATIENCE_MS) });
  } catch {
    return found;
  }
}

function addressOf(name: string): string {
  return new URL(name, SCOPE).href;
}
