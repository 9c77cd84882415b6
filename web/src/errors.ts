/** The errors of the page; codes are the same as in Python (`sporewright/errors.py`). */
import type { Attempt, Skipped } from "./receipt-types";

/** Every error of the page, with a stable `code`. */
export class SporewrightError extends Error {
  override readonly name = "SporewrightError";
  /** Stable, for programs; the message is for people. */
  readonly code: string;
  /** With code `exhausted`, `broken` or `too-large`: each attempt and why it ended. */
  readonly attempts: readonly Attempt[];
  /** With code `exhausted`: each option that was not tried and why. */
  readonly skipped: readonly Skipped[];
  /** With code `exhausted`, if every option is being left alone: when the first returns, in ms since the epoch. */
  readonly returnsAt: number | undefined;
  /** With code `refused`: the HTTP status. */
  readonly status: number | undefined;
  /** With code `refused`: the provider's words, as JSON if they are JSON. */
  readonly refusal: unknown;
  /** With code `broken`, of a chat: the first choice's text as far as it came. */
  partial: string | undefined;
  /** Of an engine that did not start: the stage that failed (docs/how-to/deploy.md). */
  readonly stage: string | undefined;

  constructor(
    code: string,
    message: string,
    detail: {
      cause?: unknown;
      attempts?: readonly Attempt[];
      skipped?: readonly Skipped[];
      returnsAt?: number;
      status?: number;
      refusal?: unknown;
      stage?: string | undefined;
    } = {},
  ) {
    super(message, detail.cause === undefined ? undefined : { cause: detail.cause });
    this.code = code;
    this.attempts = detail.attempts ?? [];
    this.skipped = detail.skipped ?? [];
    this.returnsAt = detail.returnsAt;
    this.status = detail.status;
    this.refusal = detail.refusal;
    this.stage = detail.stage;
  }
}

/** Of whatever is asked of a router after its end. */
export function closedError(): SporewrightError {
  return new SporewrightError("closed", "the router is closed");
}

/** The message of anything thrown, in one line. */
export function messageOf(error: unknown): string {
  // By shape: Pyodide throws objects with a message that are no Error, and errors of another realm are not ours.
  const { message, name } = (error ?? {}) as { message?: unknown; name?: unknown };
  if (typeof message === "string" && message !== "") return message;
  return typeof name === "string" ? name : String(error);
}

/** The kind of a thrown value, for use where its own text may hold a secret of the code that threw it. */
export function nameOf(error: unknown): string {
  const { name } = (error ?? {}) as { name?: unknown };
  return typeof name === "string" && /^\w{1,40}$/.test(name) ? name : "Error";
}

/** Anything thrown as a SporewrightError; one that already is stays itself. */
export function asError(error: unknown, code = "internal"): SporewrightError {
  return error instanceof SporewrightError ? error : new SporewrightError(code, messageOf(error), { cause: error });
}
