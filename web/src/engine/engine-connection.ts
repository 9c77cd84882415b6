/** One engine as a page has it: opened, followed while it starts, watched for as long as it lives. */
import { openEngine, type Opening, type OpenEngine } from "./open-engine";
import { closedError, SporewrightError } from "../errors";
import type { Limits, Pushes } from "../generated/calls";
import { Heartbeat } from "./heartbeat";
import { outlive } from "./liveness-lock";
import { Link } from "./protocol";
import { delayOf } from "../base";
import type { EngineKind } from "../types";

/** A worker whose script never comes alive (blocked, or on its way out) is given up after this much. */
const GREETING_MS = 10_000;
const CLOSE_MS = 1000;
/** More than a stage's own deadline, which the worker keeps. */
const LATE_MS = 1000;

/** The reason for which an engine is lost. */
export interface Loss {
  error: SporewrightError;
  /** It has not answered any more; whether it will ever end nobody knows. */
  hangs: boolean;
  /** It was another tab's, and that tab is gone. */
  wasFollowed: boolean;
}

export interface Listener {
  push<P extends keyof Pushes>(push: P, body: Pushes[P]): void;
  /** It was up, and is gone. */
  lost(loss: Loss): void;
}

type Progress = (state: Pushes["state"]) => void;

export class Connection {
  readonly kind: EngineKind;
  readonly #opening: Opening;
  readonly #listener: Listener;
  readonly #ended = new AbortController();
  #engine: OpenEngine | null = null;
  #link: Link | null = null;
  #heart: Heartbeat | null = null;
  #alive = false;
  #watched = false;
  #progress: Progress | null = null;

  constructor(kind: EngineKind, opening: Omit<Opening, "signal">, listener: Listener) {
    [this.kind, this.#listener] = [kind, listener];
    this.#opening = { ...opening, signal: this.#ended.signal };
  }

  /** True if a worker has said anything: what it fails of then would fail one of another kind, too. */
  get isAlive(): boolean {
    return this.#alive;
  }

  /** Its number in a row of workers (`Opening`). */
  get nth(): number {
    return this.#engine?.nth ?? this.#opening.nth;
  }

  /** Once it is open. */
  get link(): Link {
    if (!this.#link) throw closedError();
    return this.#link;
  }

  /** Resolves when Python is up; rejects with what kept it from it. */
  async open(callTimeout: number): Promise<void> {
    const { stageTimeout } = this.#opening;
    const early: SporewrightError[] = [];
    const engine = await openEngine(this.kind, this.#opening, (error) => {
      if (this.#engine === null) early.push(error);
      else this.#fail(error);
    });
    if (this.#ended.signal.aborted) {
      engine.close();
      throw closedError();
    }
    this.#engine = engine;
    if (early[0]) throw early[0]; // its script failed while a lock was still being waited for
    const started = this.#started(stageTimeout);
    this.#link = new Link(
      engine.endpoint,
      (push, body) => {
        this.#heard(push, body);
      },
      callTimeout,
    );
    await started;
  }

  /** From now on it has to answer. An engine in the page's own thread is as silent as the page. */
  expectAnswers(limits: Limits): void {
    const { link } = this;
    if (this.kind === "inline" || this.#ended.signal.aborted) return;
    const silent = (): void => {
      this.#fail(new SporewrightError("engine", "the engine does not answer any more"), true);
    };
    const ask = (): void => {
      link.ping();
    };
    const heart = new Heartbeat(limits, ask, silent);
    this.#heart = heart;
    link.onSign(() => {
      heart.heard();
    });
  }

  /** Tell it that this page goes; resolves once it has saved, or has had its time. */
  async goodbye(): Promise<void> {
    await this.#link?.call("close", {}, CLOSE_MS).catch(() => undefined);
  }

  /** Free worker, port and lock; whatever is pending is rejected. */
  close(error?: SporewrightError): void {
    this.#ended.abort();
    this.#heart?.stop();
    this.#link?.close(error);
    this.#engine?.close();
  }

  #heard<P extends keyof Pushes>(push: P, body: Pushes[P]): void {
    if (push === "state" && this.#staged(body as Pushes["state"])) return;
    this.#listener.push(push, body);
  }

  /** True if it is a failure of the start, of which the page that opens it is told. */
  #staged(state: Pushes["state"]): boolean {
    this.#alive = true;
    if (state.life !== undefined && !this.#watched) {
      this.#watched = true;
      const gone = new SporewrightError("engine", "the engine ended by itself: its worker crashed or was ended");
      const told = (): void => {
        this.#fail(gone);
      };
      outlive(state.life, told, this.#ended.signal);
    }
    const progress = this.#progress;
    progress?.(state);
    return progress !== null && state.state === "failed";
  }

  #fail(error: SporewrightError, hangs = false): void {
    if (this.#ended.signal.aborted) return;
    if (this.#progress) this.#progress({ state: "failed", error });
    else this.#listener.lost({ error, hangs, wasFollowed: this.#engine?.isFollowed ?? false });
  }

  /** Each stage has its deadline in the worker; this is for a worker that says nothing at all. */
  #started(stageTimeout: number): Promise<void> {
    return new Promise((resolve, reject) => {
      let timer: ReturnType<typeof setTimeout> | undefined;
      const finish = (settle: () => void): void => {
        clearTimeout(timer);
        this.#progress = null;
        settle();
      };
      let current = "";
      const watch = (stage: string, timeout: number): void => {
        clearTimeout(timer);
        current = stage;
        const late = new SporewrightError("engine", `stage ${stage}: nothing heard for ${timeout} ms`, { stage });
        timer = setTimeout(() => {
          finish(() => {
            reject(late);
          });
        }, delayOf(timeout));
      };
      watch("worker", Math.min(GREETING_MS, stageTimeout));
      this.#progress = ({ state, stage, error }) => {
        if (state === "ready") finish(resolve);
        else if (state === "failed")
          finish(() => {
            reject(errorOf(error, current));
          });
        else watch(stage ?? state, stageTimeout + LATE_MS);
      };
      this.#ended.signal.addEventListener("abort", () => {
        finish(() => {
          reject(closedError());
        });
      });
    });
  }
}

function errorOf(error: unknown, stage: string | undefined): SporewrightError {
  if (error instanceof SporewrightError) return error;
  const { code = "engine", message = "the engine did not start" } = (error ?? {}) as Partial<SporewrightError>;
  return new SporewrightError(code, message, { stage });
}
