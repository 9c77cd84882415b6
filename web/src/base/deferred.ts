/** A promise that somebody else settles. */
import type { SporewrightError } from "../errors";

export interface Settle {
  resolve: () => void;
  reject: (error: SporewrightError) => void;
}

export function settled(): Settle & { promise: Promise<void> } {
  const settle: Partial<Settle> = {};
  const promise = new Promise<void>((resolve, reject) => Object.assign(settle, { resolve, reject }));
  promise.catch(() => undefined); // a caller who does not wait for it has not asked
  return { ...(settle as Settle), promise };
}
