/** The options of a router, checked once, before anything is opened: what cannot work is named with its value. */
import { bestKinds, LONGEST_MS, pageAddress, tableOf } from "../base";
import { SporewrightError } from "../errors";
import type { Limits, Plan } from "../generated/calls";
import { DIALECTS } from "../generated/dialects";
import { PLAN } from "../generated/plan";
import { basesOf } from "./bases";
import type { Critic, Cursor, EngineKind, RetryRule, RouterOptions, Upstream } from "../types";

const KINDS: readonly EngineKind[] = ["shared", "led", "dedicated", "inline"];
const RETRIES: readonly RetryRule[] = ["auto", "safe", "always"];
const LIMIT = 64;
/** The limits that are times. */
const TIMES = /(?<!_per)_s$/;
const BOOT_MS = 30_000;
const CALL_MS = 10_000;
const OWN_ADDRESS: string = import.meta.url;

/** The options with every default filled in. */
export interface Settings {
  cursor: Cursor;
  upstreams: Readonly<Record<string, Upstream>>;
  bases: ReadonlyMap<string, URL>;
  plan: Plan;
  retry: RetryRule;
  hedge: boolean;
  critic: Critic | undefined;
  limit: number;
  /** To be tried in this order. */
  engines: readonly EngineKind[];
  /** The folder that serves the build, absolute, with its closing slash. */
  runtime: string;
  /** True: the build's files are kept for starts without a network; undefined: it stays as it is. */
  offline: boolean | undefined;
  orchestrator: string | undefined;
  device: string | undefined;
  stageTimeout: number;
  callTimeout: number;
}

/** Rejects nothing that works; code `config` for the first option that cannot. */
export function settingsOf(options: RouterOptions): Settings {
  if (!isObject(options)) refuse("options", options, "an object with at least a config");
  const { cursor = {}, upstreams = {}, limit = LIMIT, engine, device } = options;
  if (!isObject(options.config) && !isText(options.config)) refuse("config", options.config, "a tensor or its address");
  checkCursor(cursor);
  checkLimit(limit);
  if (engine !== undefined && !KINDS.includes(engine)) refuse("engine", engine, `one of ${KINDS.join(", ")}`);
  if (device !== undefined && !isText(device)) refuse("device", device, "a text");
  checkFlag("offline", options.offline);
  if (options.critic !== undefined && typeof options.critic !== "function")
    refuse("critic", options.critic, "a function");
  checkToken(options.token);
  checkUpstreams(upstreams);
  const runtime = folderOf(options.runtime);
  return {
    cursor: tableOf(Object.entries(cursor)),
    upstreams: tableOf(Object.entries(upstreams)),
    bases: basesOf(upstreams),
    plan: planOf(options),
    retry: retryOf("retry", options.retry) ?? "auto",
    hedge: options.hedge ?? true,
    critic: options.critic,
    limit,
    engines: engine === undefined ? bestKinds() : [engine],
    runtime,
    offline: options.offline ?? (isApart(runtime, pageAddress()) || undefined),
    orchestrator: socketOf(options.orchestrator),
    device,
    stageTimeout: milliseconds("bootTimeout", options.bootTimeout) ?? BOOT_MS,
    callTimeout: milliseconds("callTimeout", options.callTimeout) ?? CALL_MS,
  };
}

/** Code `config` for a length of a queue that is none. */
export function checkLimit(limit: unknown): void {
  if (!Number.isInteger(limit) || (limit as number) < 0) refuse("limit", limit, "a whole number, at least 0");
}

/** Code `config` for a cursor that is no object of texts. */
export function checkCursor(cursor: unknown): void {
  if (!isObject(cursor)) refuse("cursor", cursor, "an object of texts");
  for (const [level, instance] of Object.entries(cursor) as [string, unknown][])
    if (!isText(instance)) refuse(`cursor[${JSON.stringify(level)}]`, instance, "a text");
}

/** Code `config`: what was given, and what is wanted. */
export function refuse(name: string, value: unknown, wanted: string): never {
  throw new SporewrightError("config", `${name}: ${shown(value)} is not ${wanted}`);
}

function shown(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value);
  return isObject(value) ? "an object" : String(value);
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}

function isText(value: unknown): value is string {
  return typeof value === "string";
}

function checkFlag(name: string, value: unknown): void {
  if (value !== undefined && typeof value !== "boolean") refuse(name, value, "true or false");
}

function checkToken(token: unknown): void {
  // Null is what a storage gives for what it does not have.
  if (token !== undefined && token !== null && typeof token !== "string" && typeof token !== "function")
    refuse("token", token, "a text or a function that gives one");
}

function checkUpstreams(upstreams: unknown): void {
  if (!isObject(upstreams)) refuse("upstreams", upstreams, "an object of upstreams");
  for (const [option, upstream] of Object.entries(upstreams) as [string, unknown][]) {
    const name = `upstreams[${JSON.stringify(option)}]`;
    if (!isObject(upstream)) refuse(name, upstream, "an upstream with a url");
    const { url, run, local, headers, prepare, model, window, retry, expects, properties, ...chat } =
      upstream as Partial<Record<keyof Upstream, unknown>>;
    checkFlag(`${name}.local`, local);
    if (run !== undefined && typeof run !== "function") refuse(`${name}.run`, run, "a function that answers a request");
    if (run !== undefined && url !== undefined)
      throw new SporewrightError("config", `${name}: one of url and run, not both`);
    if (run === undefined && !isText(url) && !(url instanceof URL))
      refuse(`${name}.url`, url, "an address, and there is no run in its place");
    if (prepare !== undefined && typeof prepare !== "function") refuse(`${name}.prepare`, prepare, "a function");
    if (headers !== undefined && !isObject(headers) && typeof headers !== "function")
      refuse(`${name}.headers`, headers, "headers or a function that gives them");
    if (model !== undefined && !isText(model)) refuse(`${name}.model`, model, "a text");
    if (window !== undefined && !(typeof window === "number" && window > 0))
      refuse(`${name}.window`, window, "a positive number of tokens");
    retryOf(`${name}.retry`, retry);
    checkExpects(`${name}.expects`, expects);
    propertiesOf(`${name}.properties`, properties);
    checkSpeech(name, chat);
  }
}

/** Properties, declared or needed, each a text or several; code `config` for anything else. */
export function propertiesOf(name: string, data: unknown): Record<string, string[]> {
  if (data === undefined || data === null) return {};
  if (!isObject(data) || Array.isArray(data)) return refuse(name, data, "an object of properties");
  const read = Object.entries(data).map(([property, value]: [string, unknown]) => {
    const values: unknown = isText(value) ? [value] : value;
    const isList = Array.isArray(values) && values.length > 0 && values.every((each) => isText(each) && each !== "");
    if (!isList || property === "") return refuse(`${name}.${property}`, value, "a text or a list of texts");
    return [property, [...new Set(values as string[])]] as [string, string[]];
  });
  return tableOf(read);
}

/** Code `config` for a kind of work that is no text. */
export function checkTask(task: unknown): void {
  if (task !== undefined && typeof task !== "string") refuse("task", task, "text");
}

/** Code `config` for what nobody can expect. */
export function checkExpects(name: string, expects: unknown): void {
  const isKnown = ["answer", "json", "events", "any"].includes(expects as string);
  if (expects !== undefined && !isKnown && typeof expects !== "function")
    refuse(name, expects, "answer, json, events, any, or a function of the response");
}

function checkSpeech(
  name: string,
  { dialect, key, keys, path }: { dialect?: unknown; key?: unknown; keys?: unknown; path?: unknown },
): void {
  if (dialect !== undefined && !(isText(dialect) && Object.hasOwn(DIALECTS, dialect)))
    refuse(`${name}.dialect`, dialect, `one of ${Object.keys(DIALECTS).join(", ")}`);
  // A key is not shown, not even a wrong one.
  if (key !== undefined && !isText(key) && typeof key !== "function")
    refuse(`${name}.key`, typeof key, "a text or a function that gives one");
  if (keys !== undefined && !(Array.isArray(keys) && keys.every((one) => isText(one) || typeof one === "function")))
    refuse(`${name}.keys`, typeof keys, "a list of texts and of functions that give one");
  const all: unknown[] = [key, ...((keys as unknown[] | undefined) ?? [])].filter((one) => one !== undefined);
  const odd = all.findIndex((one) => isText(one) && !/^[\x20-\x7e\x80-\xff]*$/.test(one.trim()));
  if (odd >= 0) throw new SporewrightError("config", `${name}: key ${odd} holds characters that no header takes`);
  if (path !== undefined && !(isText(path) && path.startsWith("/"))) refuse(`${name}.path`, path, "a path");
}

/** A time that a timer takes; undefined where none was given. */
export function milliseconds(name: string, value: unknown): number | undefined {
  if (value === undefined) return undefined;
  if (typeof value === "number" && value > 0 && value <= LONGEST_MS) return value;
  return refuse(name, value, `a positive number of milliseconds, at most ${LONGEST_MS}`);
}

function retryOf(name: string, value: unknown): RetryRule | undefined {
  if (value === undefined || RETRIES.includes(value as RetryRule)) return value as RetryRule | undefined;
  return refuse(name, value, `one of ${RETRIES.join(", ")}`);
}

/** The plan with this page's own limits; the two that have a name of their own are milliseconds outside. */
function planOf(options: RouterOptions): Plan {
  const limits = limitsOf(options.limits ?? {});
  const attempt = milliseconds("attemptTimeout", options.attemptTimeout);
  const whole = milliseconds("deadline", options.deadline);
  const attempt_timeout_s = attempt === undefined ? limits.attempt_timeout_s : attempt / 1000;
  const deadline_s = whole === undefined ? limits.deadline_s : whole / 1000;
  return { ...PLAN, limits: { ...limits, attempt_timeout_s, deadline_s } };
}

function limitsOf(own: unknown): Limits {
  if (!isObject(own)) return refuse("limits", own, "an object of numbers");
  for (const [name, value] of Object.entries(own) as [string, unknown][]) {
    if (!Object.hasOwn(PLAN.limits, name)) refuse("limits", name, `one of ${Object.keys(PLAN.limits).join(", ")}`);
    if (typeof value !== "number" || !(value >= 0 && value < Infinity))
      refuse(`limits.${name}`, value, "a finite number, at least 0");
    if (TIMES.test(name) && value > LONGEST_MS / 1000)
      refuse(`limits.${name}`, value, `a number of seconds, at most ${LONGEST_MS / 1000}`);
    if (name === "tick_s" && value === 0) refuse("limits.tick_s", value, "a number of seconds above 0");
  }
  return { ...PLAN.limits, ...own };
}

function folderOf(runtime: unknown): string {
  if (runtime === undefined) return new URL("./", OWN_ADDRESS).href;
  const url = addressOf(runtime, pageAddress());
  if (!url) return refuse("runtime", runtime, "the address of a folder");
  return url.href.replace(/\/?$/, "/");
}

/** An absolute address of a socket, or a path on the page's own host; http stands for ws, as in the WebSocket standard. */
function socketOf(orchestrator: unknown): string | undefined {
  if (orchestrator === undefined || orchestrator === null) return undefined;
  const isPath = isText(orchestrator) && orchestrator.startsWith("/");
  const url = addressOf(orchestrator, isPath ? pageAddress() : undefined);
  if (!url || !/^(ws|http)s?:$/.test(url.protocol) || url.hash !== "")
    return refuse("orchestrator", orchestrator, "the address of a socket, like wss://host/v1/sync");
  return url.href.replace(/^http/, "ws");
}

function addressOf(value: unknown, base: string | undefined): URL | null {
  if (!isText(value) && !(value instanceof URL)) return null;
  try {
    return new URL(value, base);
  } catch {
    return null;
  }
}

/** The default for `offline`: true if the folder holds no page of the host's, so that it serves our own workers alone. */
export function isApart(runtime: string, page: string | undefined): boolean {
  return page !== undefined && !page.startsWith(runtime);
}
