/** What a critic says of a whole answer, and what follows from it. */
import type { Critic, Receipt, Verdict } from "../types";

/** An answer and how it came about. */
export interface Answered {
  response: Response;
  receipt: Receipt;
  /** It is shown a stream of events as well, its whole text. */
  streams?: boolean;
}

interface Judged {
  quality?: number | undefined;
  rejects: boolean;
}

/**
 * The critic's verdict; none of a stream of events, which is the caller's before it is whole. A critic that throws has
 * said nothing: a defect in it loses no answer.
 */
export async function judged(critic: Critic | undefined, { response, receipt, streams }: Answered): Promise<Judged> {
  const isStream = response.headers.get("content-type")?.includes("text/event-stream") ?? false;
  if (!critic || (isStream && !streams) || !response.ok) return { rejects: false };
  try {
    return read(await critic(response.clone(), receipt));
  } catch {
    return { rejects: false };
  }
}

function read(verdict: Verdict): Judged {
  if (typeof verdict === "boolean") return verdict ? { rejects: false } : { quality: 0, rejects: true };
  const { quality, reject = false } = typeof verdict === "number" ? { quality: verdict } : (verdict ?? {});
  const known = typeof quality === "number" && quality >= 0 && quality <= 1;
  return { quality: known ? quality : reject ? 0 : undefined, rejects: reject };
}
