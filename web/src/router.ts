/** The page's router: knows its order without waiting, calls with failover, learns, and asks Python for the rest. */
import { Attention, EngineCalls, Session, Token, warnOf } from "./engine";
import { CorsHistory, CursorQueues, HealthCache, Mirror, PoolStore, Queues, type Watch } from "./state";
import { Chat, type ChatInit, type ChatRequest } from "./chat";
import { askedFrom, checkLimit, fingerprint, loadConfig, type Settings, settingsOf, textOf } from "./config";
import { checkEnvironment, type Settle, settled, TypedTarget } from "./base";
import { asError, closedError, SporewrightError } from "./errors";
import { type FetchContext, Reasons, reportBody, type Reported, RoutedFetch } from "./call";
import type { Pushes, StartReply } from "./generated/calls";
import { Health } from "./routing";
import { keepOffline } from "./offline";
import { Online } from "./network";
import type {
  Cursor,
  EngineStanding,
  Preferences,
  PoolState,
  Receipt,
  Report,
  Resolution,
  RoutedInit,
  RouterEvents,
  RouterOptions,
  RouterState,
  StateDetail,
  SyncState,
  TensorConfig,
} from "./types";

export class Router extends TypedTarget<RouterEvents> {
  /** Resolves when the engine answers; rejects when it cannot start. Routing does not wait for it. */
  readonly ready: Promise<void>;
  readonly #settings: Settings;
  readonly #token: Token;
  readonly #mirror = new Mirror();
  readonly #readable: CorsHistory;
  readonly #session: Session;
  readonly #fetch: RoutedFetch;
  readonly #health: Health;
  readonly #emits =
    <E extends keyof RouterEvents>(event: E) =>
    (detail: RouterEvents[E]): void => {
      this.emit(event, detail);
    };
  readonly #attention = new Attention(() => this.#health, this.#emits("attention"));
  readonly #pools = new PoolStore(this.#mirror, this.#emits("pools"), (body) => void this.#calls.tell("priced", body));
  readonly #away: HealthCache;
  readonly #queues: Queues;
  readonly #cursors = new CursorQueues({
    settings: () => this.#settings,
    mirror: this.#mirror,
    follow: (asked) => this.#queues.follow(this.#calls, asked),
    isReady: () => this.#state === "ready",
    config: () => this.#queues.config,
    bound: () => this.#queues.walk,
  });
  readonly #orders: Pick<FetchContext, "queue" | "figures"> = {
    queue: (at) => (at === undefined ? this.#queues.walk : this.#cursors.of(at)),
    figures: (at = {}) => this.#cursors.figures(at),
  };
  readonly #calls = new EngineCalls({
    ready: () => this.ready,
    session: () => this.#session,
    isReady: () => this.#state === "ready",
    error: () => this.#error,
  });
  /** The reaction to each push of the engine. */
  readonly #hands: { [P in keyof Pushes]: (body: Pushes[P]) => void } = {
    queue: (push) => {
      this.#queues.told(push, this.#session);
    },
    sync: (sync) => {
      this.#synced(sync);
    },
    state: (state) => {
      this.#staged(state);
    },
    refused: this.#emits("refused"),
    cooldown: ({ option, until }) => {
      this.emit("cooldown", { option, until: this.#health.cooldowns.extend(option, until) });
    },
    health: (news) => {
      const before = this.#health.blocks.data(news.option);
      this.#away.told(news);
      if (news.blocked && !before) this.#blocked(news.option);
      this.#attention.note(news.option);
    },
    token: () => {
      void this.#renewToken();
    },
  };
  readonly #online = new Online(() => {
    const { state } = this.#sync;
    if (this.#state === "ready" && (state === "waiting" || state === "refused")) void this.#calls.tell("online", {});
  });
  readonly #settleReady: Settle;
  #state: RouterState = "cold";
  #standing: EngineStanding = { state: "cold" };
  #error: SporewrightError | null = null;
  #readOnly = false;
  /** The option `runtime`, as it was given. */
  readonly #named: string | URL | undefined;
  #sync: SyncState = { state: "off", pending: 0, revision: null, lease: null };

  private constructor(options: RouterOptions) {
    super();
    const settings = settingsOf(options);
    [this.#settings, this.#named] = [settings, options.runtime];
    const { promise, ...settle } = settled();
    [this.ready, this.#settleReady] = [promise, settle];
    [this.#health, this.#readable] = [new Health(settings.plan), new CorsHistory(settings.bases, this.#mirror)];
    this.#away = new HealthCache(this.#mirror, this.#health, settings);
    const reasons = new Reasons((cursor) => this.#calls.ask("explain", { cursor }));
    this.#queues = new Queues(settings, this.#mirror, this.#emits("queue"));
    const context: FetchContext = {
      ...this.#orders,
      health: this.#health,
      readable: this.#readable,
      pools: this.#pools,
      ...settings,
      onAttempt: this.#emits("attempt"),
      onOutcome: (body) => {
        this.#calls.gather("outcome", { task: settings.cursor["task"], ...body, ...this.#calls.numbered() });
        this.#away.note(body.option);
        if (body.outcome !== "ok" || body.probe) this.#calls.flush(); // the other tabs are to know
      },
      onBegan: (option, first, task = settings.cursor["task"]) => {
        this.#calls.gather("began", { option, first, task });
      },
      onEnded: (option) => {
        this.#calls.gather("ended", { option });
      },
      engine: () => this.#standing,
      onReport: (option, quality, task) => {
        void this.report({ option, ...(task === undefined ? {} : { task }) }, { quality });
      },
      onRestart: this.#emits("restart"),
      onBlocked: this.#blocked,
      onAttention: this.#attention.note,
      onChanged: (option) => void this.#calls.tell("changed", { option }).catch(() => undefined),
      permit: (kind, option) => this.#calls.permit(kind, option, context),
      known: (queue, at) =>
        this.#state === "ready" ? reasons.of(queue, this.#queues.head, { ...settings.cursor, ...at }, at) : null,
      onReceipt: this.#emits("receipt"),
    };
    this.#fetch = new RoutedFetch(context, settings);
    this.#token = new Token(options.token, () => {
      this.#synced(this.#sync);
    });
    this.#session = new Session(settings, this.#token, {
      push: this.#pushed,
      told: this.#told,
      reopening: this.#reopening,
      reopened: this.#ready,
      lost: this.#fail,
    });
  }

  /**
   * Resolves as soon as there is a queue: the remembered one, else the one that the config declares.
   * Rejects with code `config` if there is neither, and for an option that cannot work.
   */
  static async start(options: RouterOptions): Promise<Router> {
    try {
      checkEnvironment();
      return await Router.#open(options);
    } catch (error) {
      throw asError(error);
    }
  }

  static async #open(options: RouterOptions): Promise<Router> {
    const router = new Router(options);
    const { config } = options;
    // The text of a wide config is megabytes: it is made and hashed once.
    const named = typeof config === "string" || config instanceof URL;
    const print = fingerprint(named ? String(config) : textOf(config));
    const recalling = [router.#queues.recall(print), router.#away.recall()] as const;
    const cursors = router.#cursors.recall(router.#queues.memory);
    const [remembered, away] = await Promise.all([...recalling, cursors]);
    router.#session.knew(away);
    const loading = loadConfig(config, router.#mirror);
    const pooled = loading.then((found) => router.#pools.declare(found, options.cursor)).catch(() => undefined);
    if (!named) await pooled; // a config that is refused is refused below
    if (router.total === 0) router.#queues.declare(await loading.catch((error: unknown) => router.#refuse(error)));
    else if (!remembered) {
      const declared = loading.then((config) => {
        router.#queues.declare(config);
      });
      // What has an address may take its time: the head that is remembered is served meanwhile.
      if (named) declared.catch(() => undefined);
      else await declared.catch((error: unknown) => router.#refuse(error));
    }
    void router.#start(loading, named ? null : print);
    return router;
  }

  /** The head of the order at the bound cursor, as last pushed by the engine; frozen. */
  get queue(): readonly string[] {
    return this.#queues.head.queue;
  }

  /** The number of options in the order. */
  get total(): number {
    return this.#queues.head.total;
  }

  /** Each pool of the config as it stands; frozen. */
  get pools(): Readonly<Record<string, PoolState>> {
    return this.#pools.state;
  }

  get state(): RouterState {
    return this.#state;
  }

  /** The state of the connection to the orchestrator. */
  get sync(): SyncState {
    // The page knows the cause of what the engine only misses.
    const error = this.#token.error ?? this.#sync.error;
    return error ? { ...this.#sync, error: { code: error.code, message: error.message } } : this.#sync;
  }

  /** The exact, whole order at the cursor after every `observe` made before; `preferences`: as such a call walks it. */
  async resolve(cursor?: Cursor, preferences: Preferences = {}): Promise<string[]> {
    return (await this.#calls.call("resolve", { cursor, ...askedFrom(preferences, this.#settings.upstreams) })).queue;
  }

  /** The exact order with its reasons (R8); with preferences, `skipped` says which options they pass over, and why. */
  async explain(cursor?: Cursor, preferences: Preferences = {}): Promise<Resolution> {
    return this.#calls.call("explain", { cursor, ...askedFrom(preferences, this.#settings.upstreams) });
  }

  /** The providers and models to try for this work, in order, by the config's `chains` (K1); once the engine is up. */
  readonly chain = this.#calls.chain;

  /** A queue kept current at a cursor laid over the bound one; throws code `config` for a bad limit. */
  watch(cursor: Cursor = {}, { limit = this.#settings.limit }: { limit?: number } = {}): Watch {
    checkLimit(limit);
    return this.#queues.follow(this.#calls, { cursor, limit });
  }

  /**
   * A replacement for `fetch`: a path, or an address below an upstream's, is routed; any other is fetched as it is.
   * Bound, so that it can be passed on. Rejects with code `exhausted` if no option answers. Reading a body that breaks
   * off fails with code `broken`, unless `restart` asks for something else.
   */
  readonly fetch = (input: RequestInfo | URL, init?: RoutedInit): Promise<Response> => this.#fetch.fetch(input, init);

  /** A chat with the first option that answers, each asked in its own dialect. The call is made at the first read. */
  readonly chat = (request: ChatRequest, init: ChatInit = {}): Chat => new Chat(this.#fetch, request, init);

  /** The receipt of a routed call, by its response or error; undefined for any other. */
  receipt(answer: Response | SporewrightError): Receipt | undefined {
    return this.#fetch.receipt(answer);
  }

  /** States a measurement of this device (A1). Resolves once it is stored; waits in order until the engine is up. */
  observe(option: string, dimension: string, value: number): Promise<void> {
    return this.#calls.observe(option, dimension, value);
  }

  /** States whether this device reaches the option (A1). */
  gate(option: string, reachable: boolean): Promise<void> {
    return this.#calls.tell("gate", { option, reachable });
  }

  /** States whether the option has a capability, as this device saw it (A1). */
  attest(option: string, capability: string, can: boolean): Promise<void> {
    return this.#calls.tell("attest", { option, capability, can });
  }

  /**
   * Reports how good an answer was and what it cost: money, or tokens at the config's prices, unless a chat's cost was
   * learned already. Learned for the option that answered and the kind of work (`task`) of this page's cursor.
   */
  report(answer: Reported, report: Report): Promise<void> {
    return this.#calls.tell("report", {
      ...reportBody(answer, this.#settings.cursor["task"], report),
      ...this.#calls.numbered(),
    });
  }

  /** Erases everything that this device has learned or stated, here and at the orchestrator. */
  forget(): Promise<void> {
    this.#readable.forget();
    this.#away.forget();
    return this.#calls.tell("forget", {});
  }

  /** Frees worker, socket, lock and database; pending calls are rejected with code `closed`. */
  async close(): Promise<void> {
    if (this.#state === "closed") return;
    this.#calls.close();
    this.#online.close();
    this.#become("closed");
    const closed = closedError();
    this.#error = closed;
    this.#settleReady.reject(closed);
    this.#fetch.close(closed);
    this.#unplug();
    this.#queues.drop();
    this.#pools.close();
    await this.#session.close();
    await this.#mirror.close();
  }

  #refuse(error: unknown): never {
    void this.close();
    throw asError(error, "config");
  }

  async #start(loading: Promise<TensorConfig>, known: string | null): Promise<void> {
    this.#become("starting");
    try {
      const config = await loading;
      this.#ready(await this.#session.start({ config, fingerprint: known ?? fingerprint(textOf(config)) }));
    } catch (error) {
      const found = asError(error, "engine");
      this.#fail(found, found.stage ?? "start");
    }
  }

  readonly #told = ({ sync, health }: StartReply): void => {
    if (this.#state !== "starting") return;
    for (const news of health) {
      this.#away.told(news);
    }
    this.#synced(sync);
  };

  readonly #ready = (routes: readonly string[]): void => {
    if (this.#state !== "starting") return;
    this.#queues.routed(routes);
    this.#settleReady.resolve();
    this.#become("ready");
    const { runtime, offline } = this.#settings;
    // Not before: it asks for the same files.
    if (offline !== undefined) void keepOffline(runtime, offline);
  };

  /** Routing goes on as it was; what is asked of the engine meanwhile waits for the next one. */
  readonly #reopening = ({ code, message }: SporewrightError): void => {
    this.#unplug();
    this.#become("starting", { stage: "reopening", error: { code, message } });
  };

  readonly #fail = (error: SporewrightError, stage = error.stage): void => {
    if (this.#state === "closed" || this.#state === "failed") return;
    this.#error = error;
    this.#settleReady.reject(error);
    const { code, message } = error;
    this.#become("failed", { ...(stage === undefined ? {} : { stage }), error: { code, message } });
    warnOf(error, stage, { runtime: this.#settings.runtime, named: this.#named });
    this.#unplug();
    this.#queues.drop(error);
    void this.#session.close(error);
  };

  /** The engine had the connection; what it had not sent yet stays pending for the next one. */
  #unplug(): void {
    if (this.#sync.state !== "off") this.#synced({ ...this.#sync, state: "off", lease: null });
  }

  #become(state: RouterState, more: Omit<StateDetail, "state" | "readOnly"> = {}): void {
    this.#state = state;
    const { stage, error } = more;
    this.#standing = { state, ...(stage === undefined ? {} : { stage }), ...(error ? { reason: error.message } : {}) };
    this.emit("state", { state, ...more, ...(this.#readOnly ? { readOnly: true } : {}) });
  }

  readonly #blocked = (option: string): void => {
    const found = this.#health.blocks.data(option);
    if (found) this.emit("blocked", { option, ...found });
  };

  #synced(sync: SyncState): void {
    this.#sync = sync;
    this.emit("sync", this.sync);
  }

  async #renewToken(): Promise<void> {
    // A text that was refused cannot become another; a function is asked again, and that it gave none is said.
    if (!this.#token.canChange) return;
    const token = (await this.#token.ask()) ?? null;
    await this.#calls.tell("token", { token }).catch(() => undefined);
  }

  #staged({ state, stage, error }: Pushes["state"]): void {
    this.#readOnly = stage === "read-only";
    if (state === "failed")
      this.#fail(new SporewrightError(error?.code ?? "engine", error?.message ?? "the engine failed"));
    else if (this.#state !== "failed") this.#become(this.#state, stage === undefined ? {} : { stage });
  }

  readonly #pushed = <P extends keyof Pushes>(push: P, body: Pushes[P]): void => {
    if (this.#state === "closed" || !Object.hasOwn(this.#hands, push)) return;
    (this.#hands[push] as (body: Pushes[P]) => void)(body);
  };
}
