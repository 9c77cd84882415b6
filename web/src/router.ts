/** The page's router: knows its order without waiting, calls with failover, learns, and asks Python for the rest. */
import { declaredOrder, fingerprint, loadConfig, spelled } from "./config";
import { Cooldowns } from "./cooldown";
import { asError, SporewrightError } from "./errors";
import { TypedTarget } from "./events";
import { RoutedFetch } from "./fetch";
import type { CallName, Calls, Plan, Pushes, StartReply } from "./generated/calls";
import { PLAN } from "./generated/plan";
import { randomId } from "./ids";
import { Mirror } from "./mirror";
import { Order } from "./order";
import { Session } from "./session";
import { tokenFrom } from "./token";
import type {
  Cursor,
  QueueDetail,
  Receipt,
  Resolution,
  RouterEvents,
  RouterOptions,
  RouterState,
  StateDetail,
  SyncState,
  TensorConfig,
} from "./types";
import { pageAddress } from "./target";
import { Watch } from "./watch";

const LIMIT = 64;
const OWN_ADDRESS: string = import.meta.url;

interface Settle {
  resolve: () => void;
  reject: (error: SporewrightError) => void;
}

export class Router extends TypedTarget<RouterEvents> {
  /** Resolves when the engine answers; rejects when it cannot start. Routing does not wait for it. */
  readonly ready: Promise<void>;
  readonly #options: RouterOptions;
  readonly #limit: number;
  readonly #mirror = new Mirror();
  readonly #session: Session;
  readonly #fetch: RoutedFetch;
  readonly #cooldowns: Cooldowns;
  readonly #watches = new Map<string, Watch>();
  /** What each push of the engine does here. */
  readonly #hands: { [P in keyof Pushes]: (body: Pushes[P]) => void } = {
    queue: (push) => {
      this.#queued(push);
    },
    sync: (sync) => {
      this.#synced(sync);
    },
    state: (state) => {
      this.#staged(state);
    },
    refused: (detail) => {
      this.emit("refused", detail);
    },
    cooldown: ({ option, until }) => {
      this.emit("cooldown", { option, until: this.#cooldowns.extend(option, until) });
    },
    token: () => {
      void this.#renewToken();
    },
  };
  readonly #settleReady: Settle;
  readonly #order = new Order();
  #memory = "";
  #state: RouterState = "cold";
  #error: SporewrightError | null = null;
  #readOnly = false;
  #sync: SyncState = { state: "off", pending: 0, revision: null, lease: null };

  private constructor(options: RouterOptions) {
    super();
    this.#options = options;
    this.#limit = options.limit ?? LIMIT;
    const settle: Partial<Settle> = {};
    this.ready = new Promise((resolve, reject) => Object.assign(settle, { resolve, reject }));
    this.#settleReady = settle as Settle;
    this.ready.catch(() => undefined); // whoever does not wait for it has not asked
    const plan = planOf(options);
    this.#cooldowns = new Cooldowns(plan.limits);
    this.#fetch = new RoutedFetch({
      queue: () => this.#order.walk,
      plan,
      cooldowns: this.#cooldowns,
      upstreams: { ...options.upstreams },
      onAttempt: (detail) => {
        this.emit("attempt", detail);
      },
      onOutcome: (body) => {
        void this.#tell("outcome", body);
      },
    });
    this.#session = new Session(options, {
      push: (push, body) => {
        this.#pushed(push, body);
      },
      lost: (error) => {
        this.#fail(error);
      },
    });
  }

  /**
   * Resolves as soon as a queue can be served: the one remembered, else the one that the config declares.
   * Rejects with `config` when there is neither, or when an upstream's address is none.
   */
  static async start(options: RouterOptions): Promise<Router> {
    try {
      return await Router.#open(options);
    } catch (error) {
      throw asError(error, "config");
    }
  }

  static async #open(options: RouterOptions): Promise<Router> {
    const router = new Router(options);
    const { config } = options;
    // The text of a wide config is megabytes: it is made and hashed once.
    const named = typeof config === "string" || config instanceof URL;
    const print = fingerprint(named ? String(config) : JSON.stringify(config));
    router.#memory = JSON.stringify([print, options.cursor ?? {}, options.device ?? "", router.#limit]);
    const [remembered, routes] = (await Promise.all([
      router.#mirror.recall("queue", router.#memory),
      router.#mirror.recall("routes", router.#memory),
    ])) as [string[] | undefined, string[] | undefined];
    if (remembered) {
      router.#order.route(routes ?? []);
      router.#show({ queue: remembered, total: remembered.length, revision: 0 });
    }
    const loading = loadConfig(config, router.#mirror);
    if (!remembered) router.#declare(await loading.catch((error: unknown) => router.#refuse(error)));
    void router.#start(loading, named ? null : print);
    return router;
  }

  /** The head of the order for the bound cursor, as last told; frozen, never waits. */
  get queue(): readonly string[] {
    return this.#order.head.queue;
  }

  /** How many options are in the order. */
  get total(): number {
    return this.#order.head.total;
  }

  get state(): RouterState {
    return this.#state;
  }

  get sync(): SyncState {
    return this.#sync;
  }

  /** The exact, whole order at the cursor; sees every `observe` made before it. */
  async resolve(cursor?: Cursor): Promise<string[]> {
    return (await this.#call("resolve", { cursor })).queue;
  }

  /** The exact order with its reasons (R8). */
  explain(cursor?: Cursor): Promise<Resolution> {
    return this.#call("explain", { cursor });
  }

  /** A queue kept current at a cursor laid over the bound one. */
  watch(cursor: Cursor = {}, { limit = this.#limit }: { limit?: number } = {}): Watch {
    const name = randomId();
    const watch = new Watch(() => {
      if (this.#watches.delete(name)) void this.#tell("unwatch", { watch: name });
    });
    this.#watches.set(name, watch);
    this.#call("watch", { watch: name, cursor, limit }).then(
      (head) => {
        if (this.#watches.has(name)) watch.update({ ...head, revision: this.#order.head.revision });
      },
      () => undefined, // a failed engine is told by `state`; the watch stays empty
    );
    return watch;
  }

  /**
   * A drop-in for `fetch`: a path, or an address under an upstream's base, is routed; any other goes straight through.
   * Bound, so that it can be handed on. Rejects with code `exhausted` when nobody answers.
   */
  readonly fetch = (input: RequestInfo | URL, init?: RequestInit): Promise<Response> =>
    this.#state === "closed" ? Promise.reject(closedError()) : this.#fetch.fetch(input, init);

  /** What happened to a routed call and why; undefined for a response that was not routed here. */
  receipt(response: Response): Receipt | undefined {
    return this.#fetch.receipt(response);
  }

  /** A measurement of this device (A1): kept in order before the engine is up; resolves once it is handed to storage. */
  observe(option: string, dimension: string, value: number): Promise<void> {
    if (typeof value !== "number") {
      const shown = `${typeof value} ${String(value)}`;
      return Promise.reject(
        new SporewrightError("bad-value-kind", `observe(${option}, ${dimension}): ${shown} is not a number`),
      );
    }
    return this.#tell("observe", { option, dimension, value: spelled(value) });
  }

  /** Whether this device reaches the option (A1). */
  gate(option: string, reachable: boolean): Promise<void> {
    return this.#tell("gate", { option, reachable });
  }

  /** Whether the option can do something, as this device saw it (A1). */
  attest(option: string, capability: string, can: boolean): Promise<void> {
    return this.#tell("attest", { option, capability, can });
  }

  /** Free worker, socket, lock and database; whatever is pending is rejected with `closed`. */
  async close(): Promise<void> {
    if (this.#state === "closed") return;
    this.#become("closed");
    const closed = closedError();
    this.#error = closed;
    this.#settleReady.reject(closed);
    this.#watches.clear();
    await this.#session.close();
    await this.#mirror.close();
  }

  #refuse(error: unknown): never {
    void this.close();
    throw asError(error, "config");
  }

  #declare(config: TensorConfig): void {
    const order = declaredOrder(config, this.#options.cursor ?? {});
    this.#order.route(order.filter((option) => Object.hasOwn(this.#options.upstreams ?? {}, option)));
    this.#show({ queue: order.slice(0, this.#limit), total: order.length, revision: 0 });
  }

  async #start(loading: Promise<TensorConfig>, known: string | null): Promise<void> {
    this.#become("starting");
    try {
      const config = await loading;
      const print = known ?? fingerprint(JSON.stringify(config));
      const runtime = folderOf(this.#options.runtime);
      const settings = { options: this.#options, config, fingerprint: print, limit: this.#limit, runtime };
      const started = await this.#session.start(settings);
      this.#started(started, await this.#session.routes(Object.keys(this.#options.upstreams ?? {})));
    } catch (error) {
      this.#fail(asError(error, "engine"));
    }
  }

  #started({ queue, total, sync, cooldowns }: StartReply, routes: readonly string[]): void {
    if (this.#state !== "starting") return;
    this.#routed(routes);
    for (const [option, until] of Object.entries(cooldowns)) this.#cooldowns.extend(option, until);
    this.#queued({ watch: this.#session.head, queue, total, revision: sync.revision ?? 0 });
    this.#synced(sync);
    this.#settleReady.resolve();
    this.#become("ready");
  }

  #fail(error: SporewrightError): void {
    if (this.#state === "closed" || this.#state === "failed") return;
    this.#error = error;
    this.#settleReady.reject(error);
    this.#become("failed", { error: { code: error.code, message: error.message } });
    void this.#session.close(error);
  }

  #become(state: RouterState, more: Omit<StateDetail, "state" | "readOnly"> = {}): void {
    this.#state = state;
    this.emit("state", { state, ...more, ...(this.#readOnly ? { readOnly: true } : {}) });
  }

  #show(head: QueueDetail): void {
    this.emit("queue", this.#order.show(head));
  }

  #routed(routes: readonly string[]): void {
    this.#order.route(routes);
    void this.#mirror.keep("routes", this.#memory, routes);
  }

  #queued({ watch, ...head }: Pushes["queue"]): void {
    if (watch === this.#session.route) {
      this.#routed(head.queue);
      return;
    }
    if (watch !== this.#session.head) {
      this.#watches.get(watch)?.update({ ...head, queue: Object.freeze(head.queue) });
      return;
    }
    this.#show(head);
    void this.#mirror.keep("queue", this.#memory, head.queue);
  }

  #synced(sync: SyncState): void {
    this.#sync = sync;
    this.emit("sync", sync);
  }

  async #renewToken(): Promise<void> {
    const token = await tokenFrom(this.#options.token);
    if (token !== undefined) await this.#tell("token", { token }).catch(() => undefined);
  }

  #staged({ state, stage, error }: Pushes["state"]): void {
    this.#readOnly = stage === "read-only";
    if (state === "failed")
      this.#fail(new SporewrightError(error?.code ?? "engine", error?.message ?? "the engine failed"));
    else if (this.#state !== "failed") this.#become(this.#state, stage === undefined ? {} : { stage });
  }

  /** Calls go out in the order they were made: all wait for the same promise. */
  async #call<C extends CallName>(call: C, body: Calls[C]["body"]): Promise<Calls[C]["reply"]> {
    await this.ready;
    if (this.#error) throw this.#error;
    return this.#session.call(call, body);
  }

  /** A call whose answer only says that it arrived; not waiting for it is fine. */
  #tell<C extends CallName>(call: C, body: Calls[C]["body"]): Promise<void> {
    const told = this.#call(call, body).then(() => undefined);
    told.catch(() => undefined);
    return told;
  }

  #pushed<P extends keyof Pushes>(push: P, body: Pushes[P]): void {
    if (this.#state === "closed" || !Object.hasOwn(this.#hands, push)) return;
    (this.#hands[push] as (body: Pushes[P]) => void)(body);
  }
}

function closedError(): SporewrightError {
  return new SporewrightError("closed", "the router is closed");
}

/** The plan with this page's own limits, which are milliseconds outside and seconds inside. */
function planOf({ attemptTimeout, deadline }: RouterOptions): Plan {
  const { limits } = PLAN;
  for (const [name, value] of Object.entries({ attemptTimeout, deadline }))
    if (value !== undefined && !(typeof value === "number" && value > 0))
      throw new SporewrightError("config", `${name}: ${String(value)} is not a positive number of milliseconds`);
  const attempt_timeout_s = attemptTimeout === undefined ? limits.attempt_timeout_s : attemptTimeout / 1000;
  const deadline_s = deadline === undefined ? limits.deadline_s : deadline / 1000;
  return { ...PLAN, limits: { ...limits, attempt_timeout_s, deadline_s } };
}

/** The folder that serves the build, absolute, with its closing slash. */
function folderOf(runtime: string | URL | undefined): string {
  if (runtime === undefined) return new URL("./", OWN_ADDRESS).href;
  return new URL(runtime, pageAddress()).href.replace(/\/?$/, "/");
}
