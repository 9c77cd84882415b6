/** The answer that one call expects of each option; the twin of `sporewright/device/expectations.py`. */
import type { CallRequest, CallContext } from "./call-context";
import type { AttemptIO } from "./attempt-io";
import { verdictOf, type Judged } from "./critic";
import { Judge, type Listening } from "../routing/dialects";
import { responseOf } from "./made-response";
import { joined } from "../streams";
import type { Expectation } from "../types";

export class Expectations {
  readonly #context: CallContext;
  readonly #asked: CallRequest;

  constructor(context: CallContext, asked: CallRequest) {
    [this.#context, this.#asked] = [context, asked];
  }

  /** The judge of this response's form; null: anything is an answer, or the caller's own function will say. */
  judge(option: string, response: Response): Judge | null {
    const expects = this.#of(option);
    if (typeof expects === "function" || expects === "any") return null;
    const mediaType = response.headers.get("content-type") ?? "";
    const { target, listen, streaming } = this.#asked;
    const anyForm = listen !== undefined;
    return new Judge({ expects, mediaType, path: target.path, streaming, anyForm }, this.#context.plan);
  }

  /** The listener that follows a chat's answer. */
  listener(option: string): Listening | undefined {
    return this.#asked.listen?.(option);
  }

  /** True if a function of the caller's has to see the whole answer first. */
  asks(option: string): boolean {
    return typeof this.#of(option) === "function";
  }

  /** The verdict of that function on this whole answer, in time; its quality is learned. */
  async verdict({ option, held }: AttemptIO, response: Response, seconds: number): Promise<Judged> {
    const expects = this.#of(option);
    if (typeof expects !== "function") return { rejects: false };
    const found = await verdictOf("expects", () => expects(responseOf(response, joined(held))), seconds);
    if (found.quality !== undefined) this.#context.onReport?.(option, found.quality, this.#asked.task);
    return found;
  }

  #of(option: string): Expectation {
    return this.#asked.expects(option);
  }
}
