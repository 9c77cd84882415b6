/** The check that an engine still answers: one that hangs, or whose tab is frozen, holds its locks and says nothing. */
import { seconds } from "../base";
import { Gaps } from "../routing";
import type { Limits } from "../generated/calls";

const BEAT_S = 5;
/** An engine may be busy for a while, with a wide tensor on a slow device. */
const MISSED = 2;

export class Heartbeat {
  readonly #ask: () => void;
  readonly #silent: () => void;
  readonly #gaps: Gaps;
  readonly #timer: ReturnType<typeof setInterval>;
  #missed = 0;

  /** Asks from now on, while this page is seen; `silent` is called, once, after two questions without any sign of life. */
  constructor(limits: Limits, ask: () => void, silent: () => void) {
    [this.#ask, this.#silent] = [ask, silent];
    this.#gaps = new Gaps(seconds(), steady(), { ...limits, tick_s: BEAT_S });
    this.#timer = setInterval(() => {
      this.#beat();
    }, BEAT_S * 1000);
    this.#ask();
  }

  /** It has said something. */
  heard(): void {
    this.#missed = -1;
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #beat(): void {
    const hidden = isHidden();
    // What was asleep with this page has had no chance to answer.
    const slept = this.#gaps.seen(seconds(), steady(), { hidden }) !== 0;
    this.#missed = hidden || slept ? 0 : this.#missed + 1;
    if (this.#missed >= MISSED) {
      this.stop();
      this.#silent();
    } else if (!hidden) this.#ask();
  }
}

const steady = (): number => performance.now() / 1000;
const isHidden = (): boolean => typeof document !== "undefined" && document.visibilityState === "hidden";
