/** The page's connection to one engine: open it, follow its start, ask it, let go of it. */
import { plain } from "./config";
import { openEngine, storageName, type EngineKey, type OpenEngine } from "./engine";
import { asError, closedError, SporewrightError } from "./errors";
import type { CallName, Calls, Pushes, StartReply } from "./generated/calls";
import { randomId } from "./ids";
import { outlive } from "./life";
import { Neighbours } from "./neighbours";
import { Link } from "./protocol";
import type { Settings } from "./options";
import { deviceOf, type Token } from "./token";
import type { EngineKind, TensorConfig } from "./types";

/** A worker whose script never comes alive (blocked, or on its way out) is given up after this much. */
const GREETING_MS = 10_000;
const CLOSE_MS = 1000;

export interface SessionEvents {
  push<P extends keyof Pushes>(push: P, body: Pushes[P]): void;
  /** The engine is gone for good. */
  lost(error: SporewrightError): void;
}

/** The tensor as data, with its fingerprint. */
export interface Declared {
  config: TensorConfig;
  fingerprint: string;
}

export class Session {
  /** Names this page's head among the watches of a shared engine. */
  readonly head = randomId();
  /** Names its watch of the options that it can call. */
  readonly route = randomId();
  readonly #events: SessionEvents;
  readonly #settings: Settings;
  readonly #token: Token;
  readonly #aborted = new AbortController();
  #engine: OpenEngine | null = null;
  #link: Link | null = null;
  #neighbours: Neighbours | null = null;
  #running = false;
  #isShared = false;
  /** Whether a worker has said anything. */
  #alive = false;
  /** Whether the engine's sign of life is watched. */
  #watched = false;
  #progress: ((state: Pushes["state"]) => void) | null = null;

  constructor(settings: Settings, token: Token, events: SessionEvents) {
    [this.#settings, this.#token, this.#events] = [settings, token, events];
  }

  /** From nothing to the engine's first answer; rejects with `engine`, or with what the engine says of the config. */
  async start({ config, fingerprint }: Declared): Promise<StartReply> {
    const { cursor, device, engines, limit, orchestrator, runtime, stageTimeout } = this.#settings;
    const asked = orchestrator === undefined ? undefined : this.#token.ask();
    const key: EngineKey = {
      workspace: cursor["workspace"] ?? "",
      // A page that names its device need not wait for a token to know which engine is its own.
      device: device ?? deviceOf(await asked),
      orchestrator: orchestrator ?? "",
      config: fingerprint,
    };
    await this.#open({ runtime, key, stageTimeout }, engines);
    this.#running = true;
    this.#listen(storageName(key));
    const { head: watch } = this;
    const token = await asked;
    const identity = { fresh_id: randomId(), device };
    const limits = { ...this.#settings.plan.limits };
    return this.call("start", {
      config: plain(config),
      cursor,
      limit,
      watch,
      ...identity,
      orchestrator,
      token,
      limits,
    });
  }

  /** Follow the order among the options that can be called, however short the head is; the order now. */
  async routes(): Promise<readonly string[]> {
    const among = Object.keys(this.#settings.upstreams);
    if (among.length === 0) return among;
    return (await this.call("watch", { watch: this.route, limit: among.length, among })).queue;
  }

  call<C extends CallName>(
    call: C,
    body: Calls[C]["body"],
    timeout = this.#settings.callTimeout,
  ): Promise<Calls[C]["reply"]> {
    if (!this.#link) return Promise.reject(closedError());
    // The first answer may wait for a wide config to be built.
    return this.#link.call(call, body, call === "start" ? this.#settings.stageTimeout : timeout);
  }

  /** Say goodbye, free worker, port and lock; whatever is pending is rejected. A running engine gets a second to save. */
  async close(error?: SporewrightError): Promise<void> {
    this.#aborted.abort();
    const goodbye = this.#link?.call("close", {}, CLOSE_MS).catch(() => undefined);
    if (this.#running && !error) await goodbye;
    this.#release(error);
  }

  #release(error?: SporewrightError): void {
    this.#link?.close(error);
    this.#engine?.close();
    this.#engine = null;
    this.#neighbours?.close();
    this.#neighbours = null;
  }

  /** The first kind whose worker comes alive; once one did, what it fails of would fail the next one, too. */
  async #open(settings: Parameters<typeof openEngine>[1], [kind, ...rest]: readonly EngineKind[]): Promise<void> {
    try {
      await this.#attach(settings, kind ?? "inline");
    } catch (error) {
      if (this.#alive || this.#aborted.signal.aborted || rest.length === 0) throw error;
      this.#release(asError(error, "engine"));
      await this.#open(settings, rest);
    }
  }

  async #attach(settings: Parameters<typeof openEngine>[1], kind: EngineKind): Promise<void> {
    let mine: OpenEngine | null = null;
    const early: SporewrightError[] = [];
    const engine = await openEngine(kind, settings, (error) => {
      if (mine === null) early.push(error);
      else if (this.#engine === mine) this.#fail(error);
    });
    mine = engine;
    if (this.#aborted.signal.aborted) {
      engine.close();
      throw closedError();
    }
    [this.#engine, this.#isShared] = [engine, kind === "shared"];
    if (early[0]) throw early[0]; // its script failed while a lock was still being waited for
    const started = this.#started(settings.stageTimeout);
    this.#link = new Link(
      engine.endpoint,
      (push, body) => {
        this.#heard(push, body);
      },
      this.#settings.callTimeout,
    );
    await started;
  }

  /** A shared engine tells all its pages by itself. */
  #listen(storage: string): void {
    if (this.#isShared) return;
    this.#neighbours = new Neighbours(storage, (news) => {
      this.#events.push("health", news);
    });
  }

  #heard<P extends keyof Pushes>(push: P, body: Pushes[P]): void {
    if (push === "state") this.#staged(body as Pushes["state"]);
    if (push === "health") this.#neighbours?.tell(body as Pushes["health"]);
    this.#events.push(push, body);
  }

  #staged(state: Pushes["state"]): void {
    this.#alive = true;
    if (state.life !== undefined && !this.#watched) {
      this.#watched = true;
      const gone = new SporewrightError("engine", "the engine ended by itself: its worker crashed or was ended");
      const told = (): void => {
        this.#fail(gone);
      };
      outlive(state.life, told, this.#aborted.signal);
    }
    this.#progress?.(state);
  }

  #fail(error: SporewrightError): void {
    if (this.#aborted.signal.aborted) return;
    if (this.#progress) this.#progress({ state: "failed", error });
    else this.#events.lost(error);
  }

  /** Resolves when Python is up. Each stage has its deadline in the worker; this is for a worker that says nothing at all. */
  #started(stageTimeout: number): Promise<void> {
    return new Promise((resolve, reject) => {
      let timer: ReturnType<typeof setTimeout> | undefined;
      const finish = (settle: () => void): void => {
        clearTimeout(timer);
        this.#progress = null;
        settle();
      };
      const watch = (stage: string, timeout: number): void => {
        clearTimeout(timer);
        const late = new SporewrightError("engine", `stage ${stage}: nothing heard for ${timeout} ms`);
        timer = setTimeout(() => {
          finish(() => {
            reject(late);
          });
        }, timeout);
      };
      watch("worker", Math.min(GREETING_MS, stageTimeout));
      this.#progress = ({ state, stage, error }) => {
        if (state === "ready") finish(resolve);
        else if (state === "failed")
          finish(() => {
            reject(errorOf(error));
          });
        else watch(stage ?? state, stageTimeout + CLOSE_MS);
      };
      this.#aborted.signal.addEventListener("abort", () => {
        finish(() => {
          reject(closedError());
        });
      });
    });
  }
}

function errorOf(error: unknown): SporewrightError {
  if (error instanceof SporewrightError) return error;
  const { code = "engine", message = "the engine did not start" } = (error ?? {}) as Partial<SporewrightError>;
  return asError(new SporewrightError(code, message));
}
