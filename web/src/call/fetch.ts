/** Routed fetch: which calls are routed, with which request, and the receipts of their answers. */
import { NOWHERE, tableOf, Waits } from "../base";
import { askedFor, type AskedFor, bodyOf } from "./asked-for";
import type { CallRequest, CallContext, FetchContext } from "./call-context";
import { Awake, Connections, FailureDiagnosis, isLoopback } from "../network";
import { RoutedCall } from "./routed-call";
import { Affinity, type CallTraits, isRepeatable, type TokenCount, tokensOf } from "../routing";
import { judged, type Answered } from "./critic";
import { SporewrightError } from "../errors";
import type { Facts } from "../generated/calls";
import { PLAN } from "../generated/plan";
import { bringsKey, isKeyed, keysOf, lookForChanges } from "./credentials";
import { expectsOf, type Listening } from "../routing/dialects";
import { checkCall, checkFetchWords, placeOf } from "../config";
import { askedOf, orderOf } from "./arrangement";
import { verified } from "./misuse";
import { redacted } from "./secrets";
import { templateOf, type Spoken, type Template } from "./template";
import { CorsHistory } from "../state";
import { targetOf, type Target } from "./target";
import type { Receipt, RetryRule, RoutedInit, Upstream } from "../types";

/** The settings for every call of a router. */
export interface FetchDefaults {
  retry: RetryRule;
  hedge: boolean;
}

/** The request in each option's dialect, and the listener that follows its answer. */
export interface Speech {
  path: string;
  /** As the caller made it, before it is put into any option's words. */
  request: unknown;
  spoken: Spoken;
  listen: (option: string) => Listening;
}

/** The facts read from a request itself; `path`: that of inference, empty where it is none. */
interface Inferred extends Pick<CallRequest, "streaming" | "expects">, Pick<AskedFor, "model"> {
  path: string;
  isInference: boolean;
}

/** The fetch of one router; keeps receipts only for as long as the caller keeps the response. */
export class RoutedFetch {
  readonly #context: CallContext;
  readonly #defaults: FetchDefaults;
  readonly #underWay = new Set<AbortController>();
  readonly #receipts = new WeakMap<object, Receipt>();
  readonly #requests = new WeakMap<object, Request>();
  /** The options on this machine. */
  readonly #local: ReadonlySet<string>;
  #calls = 0;
  #closed: SporewrightError | null = null;

  constructor(context: FetchContext, defaults: FetchDefaults = { retry: "auto", hedge: true }) {
    const { limits } = context.plan;
    const own = { affinity: new Affinity(), awake: new Awake(limits), connections: new Connections() };
    const { readable = new CorsHistory() } = context;
    this.#context = { ...context, ...own, sight: new FailureDiagnosis(limits, readable) };
    this.#defaults = defaults;
    const local = Object.entries(context.upstreams).filter(([option, { run, local }]) => {
      return local ?? (run !== undefined || isLoopback(context.bases.get(option)?.hostname ?? ""));
    });
    this.#local = new Set(local.map(([option]) => option));
  }

  /** The context of every call. */
  get context(): FetchContext {
    return this.#context;
  }

  receipt(answer: object): Receipt | undefined {
    return this.#receipts.get(answer);
  }

  /** The text of an answer with this receipt, without what proves who sent its request. */
  redacted(text: string, receipt: Receipt | undefined): string {
    return redacted(text, (receipt && this.#requests.get(receipt)) ?? null);
  }

  /** Reject what is under way with this reason, abort it upstream and learn nothing from it; a body handed over stays. */
  close(reason: SporewrightError): void {
    this.#closed = reason;
    for (const call of this.#underWay) call.abort(reason);
    this.#context.sight.close();
  }

  /** Rejects with the signal's reason when aborted, with code `exhausted` when nobody answered. */
  async fetch(input: RequestInfo | URL, init?: RoutedInit): Promise<Response> {
    const target = targetOf(input, this.#context.bases);
    if (this.#closed) throw this.#closed;
    checkFetchWords(init ?? {});
    checkCall(init ?? {});
    if (!target) return globalThis.fetch(input, init);
    return this.#tracked(signalOf(input, init), (signal) => this.#route(target, input, init ?? {}, signal));
  }

  /** A POST that each option is sent in its own words; `path` says what kind of request it is. */
  async speak(speech: Speech, init: RoutedInit): Promise<Response> {
    if (this.#closed) throw this.#closed;
    checkCall(init);
    const target = { path: speech.path, search: "", owner: null };
    return this.#tracked(signalOf(NOWHERE, init), (signal) => this.#route(target, NOWHERE, init, signal, speech));
  }

  async #tracked(given: AbortSignal | undefined, work: (signal: AbortSignal) => Promise<Response>): Promise<Response> {
    const own = new AbortController();
    this.#underWay.add(own);
    try {
      return await work(given ? AbortSignal.any([given, own.signal]) : own.signal);
    } finally {
      this.#underWay.delete(own);
    }
  }

  async #route(
    target: Target,
    input: RequestInfo | URL,
    init: RoutedInit,
    signal: AbortSignal,
    speech?: Speech,
  ): Promise<Response> {
    signal.throwIfAborted();
    const context = within(this.#context, init.deadline);
    const waits = new Waits(signal);
    const [at, asking] = [placeOf(init), askedOf(init, context)];
    const asked = asking && (await waits.for(asking));
    const read = await waits.for(templateOf(input, init, signal));
    const template: Template = { ...read, spoken: speech?.spoken };
    const number = ++this.#calls;
    const { plan } = context;
    const { stream: streaming, model, infers } = askedFor(template, target.path, plan.repeatable.fields);
    // What is no inference has no path of inference, whatever it ends in.
    const path = infers ? target.path : "";
    const isInference = speech !== undefined || this.#isInference(template, path);
    const expects = this.#expectationOf(init, isInference, speech);
    const traits = this.#traitsOf(init, target, template, { streaming, expects, model, path, isInference });
    await waits.for(lookForChanges(context));
    const size = (): TokenCount => tokensOf(speech ? speech.request : bodyOf(template));
    const call = new RoutedCall(context, {
      number,
      ...(await waits.for(orderOf(asked, at, context, size, init.affinity))),
      stays: init.affinity === undefined ? undefined : { key: init.affinity, sent: () => size().in },
      task: at?.["task"],
      at,
      keepsBest: init.rejected !== "error",
      target,
      template,
      traits,
      signal,
      onRestart: init.onRestart,
      listen: speech?.listen,
      streaming,
      expects,
      delivered: (answer, receipt, sent) => {
        if (typeof answer !== "object" || answer === null) return;
        this.#receipts.set(answer, receipt);
        if (sent) this.#requests.set(receipt, sent);
      },
    });
    for (let response = await call.run(); ;) {
      const answered = { response, receipt: call.receipt };
      const verdict = call.isBest ? null : await this.#rejects(answered, traits, call, waits);
      const again = verdict && call.again(response, verdict.quality);
      if (!again) {
        call.taken();
        return this.#verified(answered, template);
      }
      response = await again;
    }
  }

  /** The answer, once it is what the caller's `integrity` says. */
  async #verified({ response, receipt }: Answered, { request }: Template): Promise<Response> {
    const same = await verified(response, request).catch((error: unknown) => {
      if (typeof error === "object" && error !== null) this.#receipts.set(error, receipt);
      throw error;
    });
    this.#receipts.set(same, receipt);
    return same;
  }

  /** The critic's verdict if it rejects the answer and another may be asked for; it is learned in any case. */
  async #rejects(
    answered: Answered,
    { facts, repeatable }: CallTraits,
    call: RoutedCall,
    waits: Waits,
  ): Promise<{ quality?: number | undefined } | null> {
    const { critic, plan } = this.#context;
    if (!critic) return null;
    const verdict = judged(critic, answered, plan.limits.attempt_timeout_s);
    const { quality, rejects, says } = await waits.for(verdict);
    const { option, task } = answered.receipt;
    if (says !== undefined) call.remarks(says);
    if (quality !== undefined) this.#context.onReport?.(option, quality, task);
    // What was carried out is not asked for once more, whatever came of it.
    return rejects && (facts?.[option]?.repeatable ?? repeatable ?? true) ? { quality } : null;
  }

  /** The answer expected of each option: by the call, else by its upstream, else by its path. */
  #expectationOf({ expects }: RoutedInit, isInference: boolean, speech: Speech | undefined): CallRequest["expects"] {
    const { upstreams } = this.#context;
    if (speech) return () => "answer";
    return (option) => expects ?? upstreams[option]?.expects ?? (isInference ? "answer" : "any");
  }

  #isInference({ request: { method, mode } }: Template, path: string): boolean {
    return mode !== "no-cors" && expectsOf(method, path, this.#context.plan) === "answer";
  }

  #traitsOf(
    init: RoutedInit,
    target: Target,
    template: Template,
    { streaming, expects, model, path, isInference }: Inferred,
  ): CallTraits {
    const { retry, hedge } = this.#defaults;
    const { upstreams } = this.#context;
    const own = init.idempotent === true ? "always" : init.retry;
    const options = Object.keys(upstreams);
    // A function is shown the whole answer: it is held back until then.
    const isShown = options.some((option) => typeof expects(option) === "function");
    const restart = isShown ? "buffer" : (init.restart ?? "error");
    // If no limit was set to it, plain `fetch` waits for an answer however slowly it comes.
    const isLimited = this.#context.plan.limits.inter_token_s !== PLAN.limits.inter_token_s;
    const isPlain = restart === "error" && !isLimited;
    const rules = new Map<RetryRule, boolean>();
    const may = (rule: RetryRule): boolean => {
      const known = rules.get(rule) ?? mayRepeat(rule, path, template, this.#context);
      rules.set(rule, known);
      return known;
    };
    const facts = options.map((option): [string, Facts] => {
      const found = this.#declaredOf(option, target, template);
      const rule = own ?? upstreams[option]?.retry;
      if (rule !== undefined) found.repeatable = may(rule);
      if (isInference && expects(option) !== "any") found.judged = true;
      if (isPlain && expects(option) === "any") found.any = true;
      return [option, found];
    });
    return {
      repeatable: may(own ?? retry),
      streaming: streaming ?? false,
      restart,
      model,
      hedge: init.hedge ?? hedge,
      facts: tableOf(facts),
    };
  }

  /** The facts about an option that are the same for all calls, and whether it is called with the caller's key. */
  #declaredOf(option: string, target: Target, template: Template): Facts {
    const { upstreams, bases, pools } = this.#context;
    const [upstream, found]: [Upstream | undefined, Facts] = [upstreams[option], {}];
    if (!upstream) return found;
    const { model, window } = upstream;
    const keys = keysOf(upstream).length;
    if (model) found.model = model;
    if (window) found.window = window;
    if (keys > 1) found.keys = keys;
    if (this.#local.has(option)) found.local = true;
    if (bringsKey(option, upstream, bases, target, template)) found.brought = true;
    if (isKeyed(upstream)) found.keyed = true;
    if (pools?.covers(option)) found.pooled = true;
    return found;
  }
}

/** The context of a call that has this much time (ms) for itself. */
function within(context: CallContext, deadline: number | undefined): CallContext {
  if (deadline === undefined) return context;
  const { plan } = context;
  return { ...context, plan: { ...plan, limits: { ...plan.limits, deadline_s: deadline / 1000 } } };
}

function mayRepeat(rule: RetryRule, path: string, { request }: Template, { plan }: FetchContext): boolean {
  if (rule === "always") return true;
  return isRepeatable(request.method, rule === "safe" ? "" : path, request.headers, plan);
}

function signalOf(input: RequestInfo | URL, init: RequestInit | undefined): AbortSignal | undefined {
  return init?.signal ?? (input instanceof Request ? input.signal : undefined);
}
