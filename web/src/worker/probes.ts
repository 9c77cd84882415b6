/** The probes that a page has out: they end with it, however it goes, and the next page need not wait for their lease. */
import type { Calls } from "../generated/calls";
import { unmade } from "../engine";
import type { Answer } from "./effects";

type Outcome = Calls["outcome"]["body"];

export class Probes {
  readonly #out = new Set<string>();

  /** A call of the page was answered so: it may have been granted a probe, or have told of one's end. */
  note(call: string, body: unknown, answer: Answer): void {
    if (!answer.ok) return;
    if (call === "permit") {
      const { permit, option } = body as Calls["permit"]["body"];
      if (permit === "probe" && (answer.body as Calls["permit"]["reply"]).granted) this.#out.add(option);
    } else if (call === "batch")
      for (const one of (body as Calls["batch"]["body"]).calls) this.#told(one.call, one.body);
    else this.#told(call, body);
  }

  /** The outcomes that the page would have reported of them if it had had the time. */
  abandoned(): Outcome[] {
    return [...this.#out].map(unmade);
  }

  #told(call: string, body: unknown): void {
    const { option, probe } = body as Partial<Outcome>;
    if (call === "outcome" && probe === true && option !== undefined) this.#out.delete(option);
  }
}
