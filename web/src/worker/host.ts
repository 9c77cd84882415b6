/** The message loop of an engine: pages come and go, calls go to Python in order, pushes to whom they concern. */
import { asError } from "../errors";
import type { CallName, StatePush } from "../generated/calls";
import { randomId } from "../base";
import {
  type CallMessage,
  type Endpoint,
  EngineChannel,
  type Hello,
  holdLife,
  isCall,
  isHello,
  isPing,
  type Life,
  outlive,
} from "../engine";
import { boot } from "./boot";
import { Effects, type Answer } from "./effects";
import { Probes } from "./probes";
import { RecordStore } from "./record-store";

/** A page that reloads comes back at once: the engine outlives its last page by this much. */
const GRACE_MS = 1000;
/** A burst of changes is one push: a display has no use for more. */
const FRAME_MS = 16;
/** The closed list of calls; a table, so that one which the contract has and this has not is no TypeScript. */
const CALLS: Record<CallName, true> = {
  start: true,
  resolve: true,
  explain: true,
  figures: true,
  chain: true,
  observe: true,
  gate: true,
  changed: true,
  attest: true,
  began: true,
  outcome: true,
  ended: true,
  permit: true,
  report: true,
  priced: true,
  batch: true,
  forget: true,
  watch: true,
  unwatch: true,
  token: true,
  online: true,
  close: true,
};

/** Calls by which something is learned. */
const KEPT = new Set(["observe", "gate", "attest", "outcome", "report", "batch", "forget"]);

/** One page: its end, its watches, and the way to stop listening to it. */
interface Page {
  endpoint: Endpoint;
  watches: Set<string>;
  probes: Probes;
  /** The engine lives in this page's own worker, and ends with it, whoever else uses it. */
  owns: boolean;
  stop: () => void;
}

export class Host {
  readonly #pages = new Set<Page>();
  readonly #queues = new Map<string, unknown>();
  readonly #onIdle: () => void;
  readonly #grace: number;
  #state: StatePush = { state: "cold" };
  #starting: Promise<void> | null = null;
  #effects: Effects | null = null;
  #readOnly = false;
  #life: Life | null = null;
  #neighbours: EngineChannel | null = null;
  #frame: ReturnType<typeof setTimeout> | null = null;
  #leaving: ReturnType<typeof setTimeout> | undefined;

  /** `onIdle`: the last page is gone and everything is let go of. */
  constructor(onIdle: () => void, grace = GRACE_MS) {
    this.#onIdle = onIdle;
    this.#grace = grace;
  }

  /** A page connects; it greets first. Returns the way to drop it. */
  accept(endpoint: Endpoint, owns = false): () => void {
    clearTimeout(this.#leaving);
    const page: Page = { endpoint, watches: new Set(), probes: new Probes(), owns, stop: () => undefined };
    this.#pages.add(page);
    page.stop = endpoint.listen((message) => {
      if (isHello(message)) this.#greet(page, message.hello);
      else if (isCall(message)) void this.#answer(page, message);
      else if (isPing(message)) endpoint.post({ pong: true });
    });
    return () => {
      this.#drop(page);
    };
  }

  #greet(page: Page, hello: Hello["hello"]): void {
    if (hello.life !== null)
      outlive(hello.life, () => {
        this.#drop(page);
      });
    if (this.#state.state === "cold" || this.#state.state === "failed") {
      this.#state = { state: "starting", stage: "worker" }; // at once: tabs that were restored together greet together
      this.#starting = this.#start(hello);
    } else page.endpoint.post({ push: "state", body: this.#state });
  }

  async #start(hello: Hello["hello"]): Promise<void> {
    try {
      this.#life ??= await holdLife("engine");
      const neighbours = this.#meet(hello.storage);
      const opening = RecordStore.open(hello.storage, () => {
        this.#takeOver();
      });
      this.#say({ state: "starting", stage: "worker" });
      const python = await boot(hello.stageTimeout, (stage) => {
        this.#say({ state: "starting", stage });
      });
      this.#say({ state: "starting", stage: "storage" });
      const storage = await opening;
      this.#effects = new Effects(
        python,
        storage,
        (push, body) => {
          this.#push(push, body);
        },
        (news) => {
          neighbours.tell(news);
        },
      );
      for (const [key, text] of await storage.records()) this.#effects.step({ type: "stored", key, text });
      for (const news of neighbours.known) this.#effects.step({ type: "news", news });
      this.#readOnly = !storage.writable;
      this.#say(this.#readOnly ? { state: "ready", stage: "read-only" } : { state: "ready" });
    } catch (error) {
      const { code, message } = asError(error, "engine");
      this.#say({ state: "failed", error: { code, message } });
    }
  }

  /** Before Python is up: by then the others have answered. */
  #meet(storage: string): EngineChannel {
    this.#neighbours?.close();
    this.#neighbours = new EngineChannel(storage, (news) => {
      this.#effects?.step({ type: "news", news });
    });
    return this.#neighbours;
  }

  #takeOver(): void {
    this.#readOnly = false;
    if (this.#state.state === "ready") this.#say({ state: "ready" });
  }

  #say(state: StatePush): void {
    this.#state = this.#life?.name ? { ...state, life: this.#life.name } : state;
    this.#broadcast("state", this.#state);
  }

  /** A call is answered once what came of it is stored: what a page was told of is known to the next engine. */
  async #answer(page: Page, { id, call, body }: CallMessage): Promise<void> {
    if (call === "close") await this.#goodbye(page);
    const answer: Answer = call === "close" ? { ok: true, body: {} } : this.#perform(page, call, body);
    page.probes.note(call, body, answer);
    if (KEPT.has(call)) await this.#effects?.saved();
    page.endpoint.post({ id, ...answer });
  }

  /** A worker of one page is ended by the page after this: what it still has to save is saved first. */
  async #goodbye(page: Page): Promise<void> {
    this.#drop(page);
    if (!page.owns) return;
    // A page that is also connected asks the next engine, and does so at once.
    for (const other of this.#pages) other.stop();
    this.#pages.clear();
    await this.#leave();
  }

  #perform(page: Page, call: string, body: unknown): Answer {
    if (!Object.hasOwn(CALLS, call)) return refusal("protocol", `${call} is not a call`);
    if (!this.#effects) return refusal("engine", `${call}: the engine is ${this.#state.state}`);
    try {
      return this.#effects.call(call as CallName, this.#prepared(page, call, body as Record<string, unknown>));
    } catch (error) {
      return { ok: false, error: asError(error) };
    }
  }

  #prepared(page: Page, call: string, body: Record<string, unknown>): Record<string, unknown> {
    if (call === "start" || call === "watch") page.watches.add(nameOf(body));
    if (call === "unwatch") page.watches.delete(nameOf(body));
    // Two engines under one client id would take each other's numbers of pushes for their own.
    return call === "start" && this.#readOnly ? { ...body, client: randomId() } : body;
  }

  #push(push: string, body: unknown): void {
    if (push !== "queue") {
      this.#broadcast(push, body);
      return;
    }
    this.#queues.set((body as { watch: string }).watch, body);
    this.#frame ??= setTimeout(() => {
      this.#flush();
    }, FRAME_MS);
  }

  #flush(): void {
    this.#frame = null;
    for (const [watch, body] of this.#queues) {
      for (const page of this.#pages) if (page.watches.has(watch)) page.endpoint.post({ push: "queue", body });
    }
    this.#queues.clear();
  }

  #broadcast(push: string, body: unknown): void {
    for (const { endpoint } of this.#pages) endpoint.post({ push, body });
  }

  #drop(page: Page): void {
    if (!this.#pages.delete(page)) return;
    page.stop();
    for (const watch of page.watches) this.#effects?.call("unwatch", { watch });
    for (const outcome of page.probes.abandoned()) this.#effects?.call("outcome", outcome);
    if (this.#pages.size > 0) return;
    this.#leaving = setTimeout(() => void this.#leave(), this.#grace);
  }

  async #leave(): Promise<void> {
    await this.#starting;
    const effects = this.#effects;
    if (this.#pages.size > 0 || this.#state.state === "cold") return;
    this.#effects = null;
    this.#state = { state: "cold" };
    // Before the next page may greet: it gets a start of its own, with a life of its own.
    this.#life?.release();
    this.#life = null;
    if (this.#frame !== null) clearTimeout(this.#frame);
    this.#frame = null;
    this.#neighbours?.close();
    effects?.call("close", {});
    await effects?.close();
    if (this.#pages.size === 0) this.#onIdle();
  }
}

function nameOf({ watch }: Record<string, unknown>): string {
  return typeof watch === "string" ? watch : "";
}

function refusal(code: string, message: string): Answer {
  return { ok: false, error: { code, message } };
}
