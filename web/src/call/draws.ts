/** The draws of one call on the pools of its options: asked for by option, used by its attempts (P2, P3). */
import { type Ending, tokensOf, wordsOf } from "../routing";
import { joined } from "../streams";
import type { Refused } from "../pools";
import type { PoolStore } from "../state";
import { since, type AttemptIO } from "./attempt-io";
import type { CallContext, CallRequest } from "./call-context";
import { isJson } from "./answer";

/** Ends of attempts that have not reached the option. */
const UNSENT: readonly string[] = ["prepare", "connect", "offline"];
/** The names by which providers count the tokens of a request and of its answer. */
const COUNTS = [
  ["prompt_tokens", "completion_tokens"],
  ["input_tokens", "output_tokens"],
  ["promptTokenCount", "candidatesTokenCount"],
] as const;

type Told = Record<string, unknown>;

export class Draws {
  /** The options that were passed over for want of an allowance. */
  readonly refused = new Map<string, Refused>();
  readonly #pools: PoolStore | undefined;
  readonly #context: CallContext;
  readonly #asked: CallRequest;
  readonly #granted = new Map<string, string>();
  readonly #used = new Map<AttemptIO, string>();
  #isOver = false;

  constructor(context: CallContext, asked: CallRequest) {
    [this.#pools, this.#context, this.#asked] = [context.pools, context, asked];
  }

  /** null if the draw is reserved, or the option draws on nothing. */
  async ask(option: string): Promise<Refused | null> {
    if (!this.#pools?.covers(option) || this.#granted.has(option)) return null;
    const found = await this.#pools.reserve(option, asksFor(this.#bodyOf(option)));
    if (typeof found !== "string") {
      this.refused.set(option, found);
      return found;
    }
    if (this.#isOver) this.#pools.release(found);
    else this.#granted.set(option, found);
    return null;
  }

  /** The attempt that begins now uses the reservation. */
  use(one: AttemptIO): void {
    const key = this.#granted.get(one.option);
    if (key === undefined) return;
    this.#granted.delete(one.option);
    this.#used.set(one, key);
  }

  /** An answer has come. */
  hears({ option }: AttemptIO, { headers }: Response): void {
    if (this.#pools?.covers(option)) this.#pools.hears(option, wordsOf(headers, this.#context.plan));
  }

  /** The attempt is over, or was given up; it counts once. */
  ends(one: AttemptIO, ending: Partial<Ending> | null): void {
    const key = this.#used.get(one);
    if (key === undefined || !this.#pools) return;
    this.#used.delete(one);
    if (!one.called || UNSENT.includes(ending?.kind ?? "")) {
      this.#pools.release(key);
      return;
    }
    const { status = one.response?.status ?? 0, retry_after_s: wait } = ending ?? {};
    const used = { tokens: countedBy(one), seconds: since(one), refused: status >= 400 };
    this.#pools.ends(key, one.option, used, status >= 400 ? { status, wait } : undefined);
  }

  /** The call is over: what it has not used it has not drawn. */
  drop(): void {
    this.#isOver = true;
    for (const key of this.#granted.values()) this.#pools?.release(key);
    this.#granted.clear();
  }

  /** The body that the option is sent. */
  #bodyOf(option: string): string {
    const { spoken, body } = this.#asked.template;
    const [upstream, base] = [this.#context.upstreams[option], this.#context.bases.get(option)];
    if (spoken && upstream && base) return spoken(upstream, base).body;
    return body instanceof ArrayBuffer ? new TextDecoder().decode(body) : "";
  }
}

/** The size of a request (P2); of what is no JSON object a quarter of its text. */
function asksFor(text: string): { tokens: number; maxTokens: number | undefined } {
  const said = text.trimStart().startsWith("{") ? read(text) : undefined;
  if (!said) return { tokens: text.length / 4, maxTokens: undefined };
  const { in: tokens, out } = tokensOf(said);
  return { tokens, maxTokens: out ?? undefined };
}

/** The tokens in and out that the answer counts, by its events or its whole JSON. */
function countedBy(one: AttemptIO): { in: number; out: number } | undefined {
  const { tokens, usage } = one.answer ?? {};
  if (tokens?.in !== undefined || tokens?.out !== undefined) return { in: tokens.in ?? 0, out: tokens.out ?? 0 };
  const told = (usage ?? usageIn(one)) as Told | null | undefined;
  if (typeof told !== "object" || told === null) return undefined;
  for (const [input, output] of COUNTS) {
    const [used, made] = [told[input], told[output]];
    if (typeof used === "number" && typeof made === "number") return { in: used, out: made };
  }
  return undefined;
}

function usageIn({ held, response }: AttemptIO): unknown {
  if (!response || held.length === 0 || !isJson(response)) return undefined;
  const said = read(new TextDecoder().decode(joined(held)));
  return said?.["usage"] ?? said?.["usageMetadata"];
}

function read(text: string): Told | undefined {
  try {
    const said: unknown = JSON.parse(text);
    return typeof said === "object" && said !== null ? (said as Told) : undefined;
  } catch {
    return undefined;
  }
}
