/** Routed fetch: walk the queue, call, fall through, hand over the native Response with a receipt. */
import { AttemptChain, type Decision, type Ending } from "./chain";
import type { Health } from "./health";
import { messageOf, SporewrightError } from "./errors";
import type { OutcomeBody, Plan } from "./generated/calls";
import { requestFor, templateOf, type Template } from "./request";
import { retryAfterSeconds } from "./retry-after";
import { targetOf, type Target } from "./target";
import type { Attempt, AttemptDetail, Receipt, Skipped, Upstream } from "./types";

/** What the router lends: the order, the limits, and who wants to know what happened. */
export interface FetchContext {
  queue(): readonly string[];
  plan: Plan;
  health: Health;
  upstreams: Readonly<Record<string, Upstream>>;
  /** Each upstream's address. */
  bases: ReadonlyMap<string, URL>;
  onAttempt(detail: AttemptDetail): void;
  onOutcome(body: OutcomeBody): void;
}

interface Call {
  number: number;
  chain: AttemptChain;
  queue: readonly string[];
  target: Target;
  template: Template;
  signal: AbortSignal;
  attempts: Attempt[];
}

interface Tried {
  ending: Ending;
  reason: string;
  latency: number;
  response?: Response;
}

const seconds = (): number => Date.now() / 1000;
const TEACHES = new Set(["learn_latency", "learn_ok", "learn_failure", "cool_down", "mend", "trip", "pace"]);

/** The fetch of one router; keeps receipts only for as long as the caller keeps the response. */
export class RoutedFetch {
  readonly #context: FetchContext;
  readonly #underWay = new Set<AbortController>();
  readonly #receipts = new WeakMap<Response, Receipt>();
  #calls = 0;

  constructor(context: FetchContext) {
    this.#context = context;
  }

  receipt(response: Response): Receipt | undefined {
    return this.#receipts.get(response);
  }

  /** Reject what is under way with this reason, abort it upstream and learn nothing from it; a body handed over stays. */
  close(reason: SporewrightError): void {
    for (const call of this.#underWay) call.abort(reason);
  }

  /** Rejects with the signal's reason when aborted, with code `exhausted` when nobody answered. */
  async fetch(input: RequestInfo | URL, init?: RequestInit): Promise<Response> {
    const target = targetOf(input, this.#context.bases);
    if (!target) return globalThis.fetch(input, init);
    const own = new AbortController();
    this.#underWay.add(own);
    try {
      return await this.#route(target, input, init, AbortSignal.any([signalOf(input, init), own.signal]));
    } finally {
      this.#underWay.delete(own);
    }
  }

  async #route(
    target: Target,
    input: RequestInfo | URL,
    init: RequestInit | undefined,
    signal: AbortSignal,
  ): Promise<Response> {
    signal.throwIfAborted();
    const template = await unlessAborted(templateOf(input, init, signal), signal);
    const { plan, health, upstreams } = this.#context;
    const queue = Object.freeze([...this.#context.queue()]);
    const known = { has: (option: string) => Object.hasOwn(upstreams, option) };
    const chain = new AttemptChain(queue, known, { plan, health, now: seconds() });
    return this.#walk({ number: ++this.#calls, chain, queue, target, template, signal, attempts: [] });
  }

  async #walk(call: Call): Promise<Response> {
    for (;;) {
      const picked = await this.#picked(call);
      if (!picked) throw exhausted(call);
      const tried = await this.#attempt(call, picked.option, (call.chain.due(picked.attempt) - seconds()) * 1000);
      this.#settle(call, tried);
      if (call.chain.state === "DELIVERED" && tried.response) return this.#deliver(call, tried.response);
      // Nobody will read it: an unread body would hold its connection.
      tried.response?.body?.cancel().catch(() => undefined);
      if (call.chain.state === "ABORTED") throw call.signal.reason;
    }
  }

  async #picked({ chain, signal }: Call): Promise<(Decision & { do: "call" }) | null> {
    let decision = chain.pick(seconds(), Math.random());
    while (decision && decision.do !== "call") {
      if (decision.do === "wait") await unlessAborted(pause(decision.until - seconds()), signal);
      const granted = decision.do === "ask" && this.#context.health.permit(decision.permit, decision.option, seconds());
      decision =
        decision.do === "ask"
          ? chain.answered(seconds(), granted, Math.random())
          : chain.pick(seconds(), Math.random());
    }
    return decision;
  }

  #settle(call: Call, { ending, reason, latency }: Tried): void {
    const { option, outcome, actions } = call.chain.ended(seconds(), ending);
    const { status, retry_after_s: retryAfter } = ending;
    const attempt: Attempt = {
      option,
      outcome,
      latency,
      reason,
      ...(status === undefined ? {} : { status }),
      ...(retryAfter === undefined ? {} : { retryAfter }),
    };
    call.attempts.push(attempt);
    this.#context.onAttempt({ ...attempt, call: call.number });
    if (!actions.some((action) => TEACHES.has(action))) return;
    this.#context.onOutcome({ option, outcome, latency_s: latency, status, retry_after_s: retryAfter });
  }

  #deliver(call: Call, response: Response): Response {
    const option = call.attempts.at(-1)?.option ?? "";
    const skipped = skippedOf(call);
    this.#receipts.set(response, Object.freeze({ option, queue: call.queue, attempts: call.attempts, skipped }));
    return response;
  }

  async #attempt(call: Call, option: string, timeout: number): Promise<Tried> {
    const limit = new AbortController();
    const timer = setTimeout(() => {
      limit.abort();
    }, timeout);
    // The caller's signal stays connected after the headers are in: it ends the reading of the body, too.
    const signal = AbortSignal.any([call.signal, limit.signal]);
    let [began, called] = [performance.now(), false];
    const since = (): number => (performance.now() - began) / 1000;
    try {
      const request = await unlessAborted(this.#prepared(call, option, signal), signal);
      [began, called] = [performance.now(), true];
      const response = await unlessAborted(globalThis.fetch(request, { signal }), signal);
      return { ...answered(response), latency: since(), response };
    } catch (error) {
      const late = limit.signal.aborted ? `no answer within ${Math.round(timeout)} ms` : null;
      return { ...failed(error, call.signal.aborted, called, late), latency: since() };
    } finally {
      clearTimeout(timer);
    }
  }

  async #prepared(call: Call, option: string, signal: AbortSignal): Promise<Request> {
    const [upstream, base] = [this.#context.upstreams[option], this.#context.bases.get(option)];
    if (!upstream || !base) throw new SporewrightError("config", `${option} has no upstream`);
    return requestFor(option, upstream, base, { template: call.template, target: call.target, signal });
  }
}

function answered(response: Response): { ending: Ending; reason: string } {
  const { status } = response;
  const retryAfter = retryAfterSeconds(response.headers.get("retry-after"), seconds());
  const asked = retryAfter === undefined ? "" : `, to be left alone for ${Math.round(retryAfter)} s`;
  return {
    ending: { kind: "status", status, ...(retryAfter === undefined ? {} : { retry_after_s: retryAfter }) },
    reason: `HTTP ${status}${status >= 400 ? asked : ""}`,
  };
}

function failed(
  error: unknown,
  aborted: boolean,
  called: boolean,
  late: string | null,
): { ending: Ending; reason: string } {
  if (aborted) return { ending: { kind: "abort" }, reason: "aborted by the caller" };
  // Before the call it was `headers` or `prepare`: this option cannot be called, and that is not the option's fault.
  if (!called) return { ending: { kind: "prepare" }, reason: `not callable: ${late ?? messageOf(error)}` };
  return late
    ? { ending: { kind: "timeout" }, reason: late }
    : { ending: { kind: "network" }, reason: messageOf(error) };
}

function pause(length: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, length * 1000));
}

function skippedOf(call: Call): Skipped[] {
  return [...call.chain.skipped].map(([option, reason]) => ({ option, reason }));
}

function exhausted(call: Call): SporewrightError {
  const { queue, attempts, template, target } = call;
  const skipped = skippedOf(call);
  const told = [
    ...attempts.map(({ option, outcome, reason }) => `${option}: ${outcome} (${reason})`),
    ...skipped.map(({ option, reason }) => `${option}: skipped (${reason})`),
  ];
  const why = queue.length === 0 ? "the queue is empty" : told.join("; ") || "no time was left";
  const what = `${template.request.method} ${target.path}`;
  return new SporewrightError("exhausted", `no option answered ${what}: ${why}`, { attempts, skipped });
}

function signalOf(input: RequestInfo | URL, init: RequestInit | undefined): AbortSignal {
  const given = init?.signal ?? (input instanceof Request ? input.signal : undefined);
  return given ?? new AbortController().signal;
}

/** The promise, or the signal's reason as soon as it is aborted; a late rejection of the promise is nobody's. */
async function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  let stop = (): void => undefined;
  const aborted = new Promise<never>((_, reject) => {
    const onAbort = (): void => {
      reject(signal.reason as Error);
    };
    stop = () => {
      signal.removeEventListener("abort", onAbort);
    };
    if (signal.aborted) onAbort();
    else signal.addEventListener("abort", onAbort);
  });
  promise.catch(() => undefined);
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    stop();
  }
}
