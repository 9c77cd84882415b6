/** The page's use of an engine: start it, ask it, open another when it is lost, let go of it. */
import { randomId, unlessAborted } from "../base";
import { plain, type Settings } from "../config";
import { Connection, type Loss } from "./engine-connection";
import type { EngineKey } from "./open-engine";
import { asError, closedError, SporewrightError } from "../errors";
import type { CallName, Calls, OptionHealth, Pushes, StartReply } from "../generated/calls";
import type { Link } from "./protocol";
import { explained, Refusals } from "./start-failure";
import { BackForwardCache } from "./bfcache";
import { deviceOf, type Token } from "./token";
import type { EngineKind, TensorConfig } from "../types";
import { Watched } from "./watch-registry";

/** Waited before each engine in place of one that was lost; so many in a row, and no more. */
const REOPENINGS_MS = [0, 1000, 5000];
/** One that has lasted this long was sound: what comes after it is not in a row with what was before. */
const SOUND_MS = 60_000;
/** A leading tab gets this much to answer: its engine may be busy; less where it has been silent already. */
const PATIENCE_MS = 10_000;
const SHORT_PATIENCE_MS = 2000;

export interface SessionEvents {
  push<P extends keyof Pushes>(push: P, body: Pushes[P]): void;
  /** The engine's first reply, at once: a push may come before its next answer, and is newer. Its head is a push, too. */
  told(started: StartReply): void;
  /** The engine is gone, another one is being opened. */
  reopening(error: SporewrightError): void;
  /** It is up; the order among the options that can be called, however short the head is. */
  reopened(routes: readonly string[]): void;
  /** The engine is gone for good. */
  lost(error: SporewrightError): void;
}

/** The tensor as data, with its fingerprint. */
export interface Declared {
  config: TensorConfig;
  fingerprint: string;
}

/** The engine that calls go to, or the wait for one. */
interface Line {
  link: Promise<Link>;
  found: (link: Link) => void;
  none: (error: SporewrightError) => void;
}

export class Session {
  /** Names this page's head among the watches of a shared engine. */
  readonly head = randomId();
  /** Names its watch of the options that it can call. */
  readonly route = randomId();
  readonly #events: SessionEvents;
  readonly #settings: Settings;
  readonly #token: Token;
  readonly #watched = new Watched();
  readonly #closed = new AbortController();
  readonly #stowed = new BackForwardCache(() => {
    if (this.#connection) this.#gone(this.#connection, new SporewrightError("engine", "the page was left"), true);
  });
  #kinds: readonly EngineKind[];
  #wanted: { key: EngineKey; config: TensorConfig } | null = null;
  #connection: Connection | null = null;
  #line = newLine();
  /** True if an engine is in use. */
  #inUse = false;
  /** The health of options as engines found it: the next one is told. */
  readonly #health = new Map<string, OptionHealth>();
  #nth = 0;
  #patience = PATIENCE_MS;
  #reopened = 0;
  #since = 0;

  constructor(settings: Settings, token: Token, events: SessionEvents) {
    [this.#settings, this.#token, this.#events, this.#kinds] = [settings, token, events, settings.engines];
  }

  /** This was known before an engine was up: the first one is told. */
  knew(health: readonly OptionHealth[]): void {
    for (const news of health) this.#health.set(news.option, news);
  }

  /**
   * From nothing to an engine that answers; gives the order among the options that can be called. Rejects with `engine`, or
   * with what the engine says of the config.
   */
  async start({ config, fingerprint }: Declared): Promise<readonly string[]> {
    const { cursor, device, orchestrator = "" } = this.#settings;
    const asked = this.#asked();
    const key: EngineKey = {
      workspace: cursor["workspace"] ?? "",
      // A page that names its device need not wait for a token to know which engine is its own.
      device: device ?? deviceOf(await asked),
      orchestrator,
      config: fingerprint,
    };
    this.#wanted = { key, config };
    return this.#begin(asked);
  }

  /**
   * Ask. What an engine has not answered before it was lost is asked of the next one, in the same order; but for a permit,
   * which is for a moment.
   */
  async call<C extends CallName>(
    call: C,
    body: Calls[C]["body"],
    timeout = this.#settings.callTimeout,
  ): Promise<Calls[C]["reply"]> {
    for (;;) {
      // At once where one is in use: whatever is said before a goodbye is before it.
      const link = this.#inUse && this.#connection ? this.#connection.link : await this.#line.link;
      try {
        const reply = await link.call(call, body, timeout);
        this.#note(call, body, reply);
        return reply;
      } catch (error) {
        if (call === "permit" || error !== link.closed || this.#closed.signal.aborted) throw error;
      }
    }
  }

  /** Say goodbye, free worker, port and lock; whatever is pending is rejected. A running engine gets a second to save. */
  async close(error?: SporewrightError): Promise<void> {
    this.#closed.abort(error ?? closedError());
    this.#stowed.close();
    const goodbye = this.#connection?.goodbye();
    if (this.#inUse && !error) await goodbye;
    this.#line.none(error ?? closedError());
    this.#connection?.close(error);
  }

  #asked(): Promise<string | undefined> | undefined {
    return this.#settings.orchestrator === undefined ? undefined : this.#token.ask();
  }

  /** Not while the page is put aside; what was begun before is begun anew when it is shown. */
  async #begin(asked = this.#asked()): Promise<readonly string[]> {
    for (let token = asked; ; token = this.#asked()) {
      await this.#stowed.shown;
      try {
        return await this.#beginNow(token);
      } catch (error) {
        if (!this.#stowed.isAside) throw error;
      }
    }
  }

  async #beginNow(asked: Promise<string | undefined> | undefined): Promise<readonly string[]> {
    if (!this.#wanted) throw closedError();
    const { key, config } = this.#wanted;
    const { cursor, device, limit, orchestrator, plan, stageTimeout } = this.#settings;
    const connection = await this.#open(key, this.#kinds);
    const link = connection.link;
    const token = await asked;
    const identity = { fresh_id: randomId(), device };
    const asks = { config: plain(config), cursor, limit, watch: this.head, orchestrator, token };
    const more = { limits: { ...plan.limits }, health: [...this.#health.values()] };
    // The first answer may wait for a wide config to be built.
    const started = await link.call("start", { ...asks, ...identity, ...more }, stageTimeout);
    this.knew(started.health);
    this.#begins(this.head, null, started);
    this.#events.told(started);
    const routes = await this.#watch(link);
    [this.#inUse, this.#since] = [true, performance.now()];
    connection.expectAnswers(plan.limits);
    this.#line.found(link);
    return routes;
  }

  /** The first kind whose worker comes alive; once one did, what it fails of would fail the next one, too. */
  async #open(key: EngineKey, [kind = "inline", ...rest]: readonly EngineKind[]): Promise<Connection> {
    this.#closed.signal.throwIfAborted();
    const { callTimeout, runtime, stageTimeout } = this.#settings;
    const connection = new Connection(
      kind,
      { runtime, key, stageTimeout, nth: this.#nth, patience: this.#patience },
      {
        push: (push, body) => {
          this.#heard(push, body);
        },
        lost: (loss) => {
          this.#lost(connection, loss);
        },
      },
    );
    this.#connection = connection;
    const refusals = new Refusals();
    try {
      await connection.open(callTimeout);
      refusals.stop();
      this.#kinds = [kind, ...rest];
      return connection;
    } catch (error) {
      const refusedBy = refusals.stop();
      connection.close(asError(error, "engine"));
      if (this.#stowed.isAside) throw error;
      this.#nth = connection.nth + 1;
      if (connection.isAlive || this.#closed.signal.aborted) throw error;
      if (rest.length > 0) return this.#open(key, rest);
      throw await unlessAborted(explained(error, runtime, refusedBy), this.#closed.signal);
    }
  }

  /** All that this page follows, asked of an engine that has just started; the order among the options that can be called. */
  async #watch(link: Link): Promise<readonly string[]> {
    const asked = this.#watched.asked.map(async (body) => {
      this.#begins(body.watch, body, await link.call("watch", body));
    });
    await Promise.all(asked);
    const among = Object.keys(this.#settings.upstreams);
    if (among.length === 0) return among;
    return (await link.call("watch", { watch: this.route, limit: among.length, among })).queue;
  }

  #begins(...watch: Parameters<Watched["begins"]>): void {
    const change = this.#watched.begins(...watch);
    if (change) this.#events.push("queue", change);
  }

  #note<C extends CallName>(call: C, body: Calls[C]["body"], reply: Calls[C]["reply"]): void {
    if (call === "watch") {
      const asked = body as Calls["watch"]["body"];
      this.#watched.begins(asked.watch, asked, reply as Calls["watch"]["reply"]);
    } else if (call === "unwatch") this.#watched.delete((body as Calls["unwatch"]["body"]).watch);
  }

  #heard<P extends keyof Pushes>(push: P, body: Pushes[P]): void {
    if (push === "health") {
      const news = body as Pushes["health"];
      this.#health.set(news.option, news);
    }
    const told = push === "queue" ? this.#watched.changed(body as Pushes["queue"]) : body;
    this.#events.push(push, told as Pushes[P]);
  }

  #lost(connection: Connection, { error, hangs, wasFollowed }: Loss): void {
    if (this.#closed.signal.aborted || connection !== this.#connection) return;
    this.#nth = connection.nth + 1;
    this.#patience = hangs ? SHORT_PATIENCE_MS : PATIENCE_MS;
    this.#gone(connection, error, wasFollowed);
  }

  /** `free`: nothing is wrong with it. */
  #gone(connection: Connection, error: SporewrightError, free: boolean): void {
    if (this.#inUse) {
      if (performance.now() - this.#since > SOUND_MS) this.#reopened = 0;
      this.#inUse = false;
      this.#line = newLine();
      void this.#reopen(error, free);
    }
    // A caller whom it answered asks again; an engine that had not begun yet fails the caller who began it.
    connection.close(error);
  }

  async #reopen(lost: SporewrightError, free: boolean): Promise<void> {
    for (let [error, counts] = [lost, !free]; ; counts = true) {
      const wait = counts ? REOPENINGS_MS[this.#reopened++] : 0;
      if (wait === undefined) {
        this.#events.lost(error);
        return;
      }
      this.#events.reopening(error);
      try {
        await unlessAborted(new Promise((resolve) => setTimeout(resolve, wait)), this.#closed.signal);
        this.#events.reopened(await this.#begin());
        return;
      } catch (again) {
        if (this.#closed.signal.aborted) return;
        error = asError(again, "engine");
      }
    }
  }
}

function newLine(): Line {
  const line: Partial<Line> = {};
  line.link = new Promise((found, none) => Object.assign(line, { found, none }));
  line.link.catch(() => undefined); // the caller who asks hears of it
  return line as Line;
}
