/** A browser's timers hold 31 bits of milliseconds; beyond, they go off at once. */
export const LONGEST_MS = 2 ** 31 - 1;

/** A timer's delay for a wait of so many milliseconds, or a part of it: whoever it calls looks at the clock and waits on. */
export function delayOf(ms: number): number {
  return Math.min(Math.max(0, ms), LONGEST_MS);
}
