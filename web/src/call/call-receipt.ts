/** The receipt of one routed call: what was known, what was done and why. No address, key, prompt or answer. */
import type { Arrangement, CallRequest, FetchContext } from "./call-context";
import { skippedOf } from "./call-errors";
import { PLAN } from "../generated/plan";
import type { Limits } from "../generated/calls";
import type { RecordedChain } from "../routing";
import type { Attempt, Receipt } from "../types";

/** Deeper than any provider's usage. */
const DEEPEST = 4;

/** Keeps the receipt current while the call goes on, and says when it has ended. */
export class ReceiptWriter {
  /** As errors and events tell them; their reasons may quote what was thrown. */
  readonly attempts: Attempt[] = [];
  readonly receipt: Receipt;
  readonly #chain: RecordedChain;
  readonly #asked: CallRequest;
  readonly #copies = new Map<Attempt, Attempt>();
  readonly #context: FetchContext;
  readonly #known: Promise<void>;

  constructor(context: FetchContext, asked: CallRequest, chain: RecordedChain, at: number) {
    [this.#context, this.#chain, this.#asked] = [context, chain, asked];
    const {
      facts = {},
      repeatable = true,
      streaming = false,
      restart = "error",
      hedge = true,
      judged,
      model,
    } = asked.traits;
    const { queue, number: call, task, at: cursor, arranged } = asked;
    this.receipt = {
      version: 1,
      call,
      at,
      plan: context.plan.version,
      end: "open",
      option: "",
      ...(task === undefined ? {} : { task }),
      ...(cursor === undefined ? {} : { cursor }),
      queue,
      ...(arranged ? { preferences: preferencesIn(arranged) } : {}),
      attempts: [],
      skipped: [],
      upstreams: Object.keys(context.upstreams),
      engine: context.engine?.() ?? { state: "cold" },
      traits: {
        ...{ repeatable, streaming, restart, hedge },
        ...(judged ? { judged } : {}),
        ...(model === undefined ? {} : { model }),
      },
      facts,
      limits: ownLimits(context.plan.limits),
      log: chain.log,
      known: null,
    };
    this.#known = Promise.resolve(context.known?.(arranged?.from ?? queue, cursor) ?? null).then(
      (known) => {
        this.receipt.known = known;
      },
      () => undefined, // an engine that is not up knows nothing: the order walked is in the receipt all the same
    );
  }

  /** This attempt as it stands; `threw`: its reason is the text of an exception, of which only the name is written. */
  note(entry: Attempt, threw: string | undefined): void {
    let copy = this.#copies.get(entry);
    if (!copy) {
      copy = { ...entry };
      this.#copies.set(entry, copy);
      this.attempts.push(entry);
      this.receipt.attempts.push(copy);
    }
    Object.assign(copy, entry, threw === undefined ? {} : { reason: threw });
    if (entry.usage !== undefined) copy.usage = countsOf(entry.usage);
  }

  /** The option that answers, from here on; "" if its answer will not do. */
  answeredBy(option: string): void {
    this.receipt.option = option;
    this.receipt.skipped = skippedOf(this.#asked, this.#chain);
  }

  /** No answer was accepted: this option's, of this quality, is the caller's. */
  rejected(option: string, quality: number): void {
    this.answeredBy(option);
    this.receipt.verdict = { rejected: true, quality };
  }

  /** It is over; only the first end counts. */
  ended(end: Receipt["end"], code?: string): void {
    const { receipt } = this;
    if (receipt.end !== "open") return;
    receipt.end = end;
    receipt.skipped = skippedOf(this.#asked, this.#chain);
    if (code !== undefined) receipt.error = code;
    void this.#known.then(() => {
      this.#context.onReceipt?.(receipt);
    });
  }
}

function preferencesIn({ asked, from, figures, properties }: Arrangement): Receipt["preferences"] & object {
  return {
    ...{ asked, from },
    ...(Object.keys(figures).length > 0 ? { figures } : {}),
    ...(asked.needs ? { properties } : {}),
  };
}

/** Numbers and what holds them: a provider's own words, which might repeat the caller's, are left out. */
export function countsOf(usage: unknown, depth = 0): unknown {
  if (typeof usage === "number" || typeof usage === "boolean") return usage;
  if (typeof usage !== "object" || usage === null || depth >= DEEPEST) return undefined;
  const counts = Object.entries(usage).map(([name, value]) => [name, countsOf(value, depth + 1)] as const);
  // A name is a word of the provider's, too: those of the APIs are short and plain.
  return Object.fromEntries(counts.filter(([name, value]) => value !== undefined && /^\w{1,40}$/.test(name)));
}

/** The router's limits are the same for all of its calls. */
const OWN = new WeakMap<Limits, readonly (readonly [string, number])[]>();

function ownLimits(limits: Limits): Partial<Limits> {
  const found = () => Object.entries(limits).filter(([name, value]) => PLAN.limits[name as keyof Limits] !== value);
  const own = OWN.get(limits) ?? found();
  OWN.set(limits, own);
  return Object.fromEntries(own);
}
