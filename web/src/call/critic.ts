/** The verdict of a caller's function on a whole answer, and what follows from it. */
import { inTime } from "../base";
import { nameOf } from "../errors";
import type { Critic, Receipt, Verdict } from "../types";

/** An answer and how it came about. */
export interface Answered {
  response: Response;
  receipt: Receipt;
}

export interface Judged {
  quality?: number | undefined;
  rejects: boolean;
  /** A remark on the function itself. */
  says?: string;
}

const LATE = Symbol("late");

/** The critic's verdict; none of a stream of events, which is the caller's before it is whole, nor of a refusal. */
export async function judged(critic: Critic | undefined, answered: Answered, seconds: number): Promise<Judged> {
  const { response, receipt } = answered;
  const isStream = response.headers.get("content-type")?.includes("text/event-stream") ?? false;
  if (!critic || isStream || !response.ok) return { rejects: false };
  return verdictOf("critic", () => critic(response.clone(), receipt), seconds);
}

/**
 * The verdict in time. A function that throws, or says nothing in time, has said nothing of the answer: a defect in it
 * loses none.
 */
export async function verdictOf(
  what: string,
  asks: () => Verdict | Promise<Verdict>,
  seconds: number,
): Promise<Judged> {
  const asked = async (): Promise<Verdict> => asks();
  try {
    const verdict = await inTime(asked(), seconds, LATE);
    if (verdict !== LATE) return read(verdict);
    return { rejects: false, says: `; ${what} said nothing within ${Math.round(seconds * 1000)} ms` };
  } catch (error) {
    return { rejects: false, says: `; ${what} threw ${nameOf(error)}` };
  }
}

function read(verdict: Verdict): Judged {
  if (typeof verdict === "boolean") return verdict ? { rejects: false } : { quality: 0, rejects: true };
  const { quality, reject = false } = typeof verdict === "number" ? { quality: verdict } : (verdict ?? {});
  const known = typeof quality === "number" && quality >= 0 && quality <= 1;
  return { quality: known ? quality : reject ? 0 : undefined, rejects: reject };
}
