/** Waiting, and ceasing to. */
import { delayOf } from "./timers";

/** The promise, or the signal's reason as soon as it is aborted; a late rejection of the promise is nobody's. */
export function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => {
      reject(signal.reason as Error);
    };
    const stop = (): void => {
      signal.removeEventListener("abort", onAbort);
    };
    if (signal.aborted) onAbort();
    else signal.addEventListener("abort", onAbort);
    promise.then(resolve, reject).then(stop, stop);
  });
}

/** Waits of one piece of work, one after the other, each given up with the signal's reason: it is listened to once for all. */
export class Waits {
  readonly #signal: AbortSignal;
  #giveUp: ((reason: unknown) => void) | null = null;

  constructor(signal: AbortSignal) {
    this.#signal = signal;
    signal.addEventListener("abort", () => this.#giveUp?.(signal.reason));
  }

  /** The promise's value, or the signal's reason; a late rejection of the promise is nobody's. */
  for<T>(promise: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      if (this.#signal.aborted) reject(this.#signal.reason as Error);
      this.#giveUp = reject;
      promise.then(resolve, reject);
    });
  }
}

/** The promise's result, or this in its place once so many seconds are over; it is not waited for any more then. */
export async function inTime<T, L>(promise: Promise<T>, seconds: number, late: L): Promise<T | L> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const over = new Promise<L>((resolve) => {
    timer = setTimeout(resolve, delayOf(seconds * 1000), late);
  });
  promise.catch(() => undefined);
  try {
    return await Promise.race([promise, over]);
  } finally {
    clearTimeout(timer);
  }
}

/** The clock that timers run on may stand still while a device sleeps: the page's own is looked at this often. */
const SLICE_MS = 1000;

/** Until that time on the page's clock, in seconds, or until the signal is aborted. */
export function until(at: number, signal: AbortSignal): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const over = new Promise<void>((resolve) => {
    const look = (): void => {
      const left = at * 1000 - Date.now();
      if (left <= 0) resolve();
      else timer = setTimeout(look, Math.min(left, SLICE_MS));
    };
    look();
  });
  return unlessAborted(over, signal).finally(() => {
    clearTimeout(timer);
  });
}

/** The page's clock, in seconds since the epoch: the one that cooldowns and breakers are told on. */
export const seconds = (): number => Date.now() / 1000;
