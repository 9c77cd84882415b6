/** The device's token, as the page has it: a text, or a function that is asked for a fresh one. */
import { messageOf, SporewrightError } from "../errors";

export type TokenSource = string | (() => string | Promise<string>) | null | undefined;

/** The time that the page's own function has before the engine goes on without; it asks again when it connects. */
const TOKEN_TIMEOUT_MS = 10_000;

/** Asks the page for its token and remembers why the last answer was none. */
export class Token {
  readonly #source: TokenSource;
  readonly #timeout: number;
  readonly #changed: () => void;
  #error: SporewrightError | null = null;

  /** `changed` is told when there is an error, or none any more. */
  constructor(source: TokenSource, changed: () => void, timeout = TOKEN_TIMEOUT_MS) {
    [this.#source, this.#changed, this.#timeout] = [source, changed, timeout];
  }

  /** The reason for which the last question gave no token; null if it did. */
  get error(): SporewrightError | null {
    return this.#error;
  }

  /** True if it may be another one the next time. */
  get canChange(): boolean {
    return typeof this.#source === "function";
  }

  /** The token now; undefined without one, or when the page's function throws, gives no text, or takes too long. */
  async ask(): Promise<string | undefined> {
    if (typeof this.#source !== "function") return this.#source ?? undefined;
    const before = this.#error;
    let timer: ReturnType<typeof setTimeout> | undefined;
    try {
      const late = new Promise<never>((_, reject) => {
        timer = setTimeout(() => {
          reject(new Error(`no answer within ${this.#timeout} ms`));
        }, this.#timeout);
      });
      const token: unknown = await Promise.race([this.#source(), late]);
      if (typeof token !== "string") throw new TypeError(`gave ${String(token)}, not a text`);
      this.#error = null;
      return token;
    } catch (error) {
      this.#error = new SporewrightError("token", `the page's token function: ${messageOf(error)}`, { cause: error });
      return undefined;
    } finally {
      clearTimeout(timer);
      if (this.#error?.message !== before?.message) this.#changed();
    }
  }
}

/** The device that a token speaks for, unverified; "" if it does not say. Only keeps engines of two devices apart. */
export function deviceOf(token: string | undefined): string {
  try {
    const claims = token?.split(".")[1] ?? "";
    const text = atob(claims.replace(/-/g, "+").replace(/_/g, "/"));
    const { device } = JSON.parse(text) as { device?: unknown };
    return typeof device === "string" ? device : "";
  } catch {
    return "";
  }
}
