/**
 * Detection of sleep: looks at the clock while a call waits, and tells of gaps. It stops looking at a
 * tick after the last one has gone, not with it: to listen to a document costs more than to answer a call.
 */
import { seconds } from "../base";
import { Gaps } from "../routing";
import type { Limits } from "../generated/calls";

type OnGap = (gap: number) => void;

export class Awake {
  readonly #limits: Limits;
  readonly #waiting = new Set<OnGap>();
  #gaps: Gaps | null = null;
  #timer: ReturnType<typeof setInterval> | undefined;
  #frozen = false;
  /** The page's clock when it was last looked at. */
  #seen = -Infinity;

  constructor(limits: Limits) {
    this.#limits = limits;
  }

  /** Be told of gaps before anything is decided on a time that has one in it; returns the way to stop. */
  watch(onGap: OnGap): () => void {
    this.#look();
    if (!this.#gaps) this.#start();
    this.#waiting.add(onGap);
    return () => {
      this.#waiting.delete(onGap);
    };
  }

  /** The page's clock in seconds, once whoever waits has heard of a gap. */
  now(): number {
    const now = seconds();
    // There is no gap within a moment of the clock.
    if (now !== this.#seen || this.#frozen) this.#look();
    return now;
  }

  readonly #look = (): void => {
    this.#seen = seconds();
    const gap = this.#gaps?.seen(this.#seen, steady(), { hidden: isHidden(), frozen: this.#frozen }) ?? 0;
    this.#frozen = false;
    if (gap !== 0) for (const onGap of [...this.#waiting]) onGap(gap);
  };

  readonly #tick = (): void => {
    if (this.#waiting.size === 0) this.#stop();
    else this.#look();
  };

  readonly #freeze = (): void => {
    this.#frozen = true;
  };

  #start(): void {
    this.#gaps = new Gaps(seconds(), steady(), this.#limits);
    this.#timer = setInterval(this.#tick, this.#limits.tick_s * 1000);
    if (typeof document === "undefined") return;
    document.addEventListener("freeze", this.#freeze);
    for (const back of COMING_BACK) document.addEventListener(back, this.#look);
  }

  #stop(): void {
    this.#gaps = null;
    clearInterval(this.#timer);
    if (typeof document === "undefined") return;
    document.removeEventListener("freeze", this.#freeze);
    for (const back of COMING_BACK) document.removeEventListener(back, this.#look);
  }
}

const COMING_BACK = ["resume", "visibilitychange"] as const;
const steady = (): number => performance.now() / 1000;
const isHidden = (): boolean => typeof document !== "undefined" && document.visibilityState === "hidden";
