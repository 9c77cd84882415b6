/** One router and what the page shows of it: signals in, actions out; components only read and call. */
import { signal } from "@preact/signals";
import { Router, SporewrightError } from "../src/index";
import type { AttentionDetail, Cursor, Receipt, RefusedCell, Resolution, StateDetail, SyncState } from "../src/types";
import { isAnswer, ringed, throttled, withAttempt, withEnd, without, type Call, type Me } from "./view";
import { FAULTS, grant, readFault, writeFault, type Fault, type Grant, type World } from "./world";

/** Whose order is shown; requests always follow `mine`. */
export type Scope = "mine" | "workspace" | "global";

const REFRESH_MS = 120;
const FLOW_MS = 600;
const MAX_UNDER_WAY = 6;
/** Receipts kept for export. */
const RING = 500;
const ASK = JSON.stringify({ model: "llama-2-70b-chat", messages: [{ role: "user", content: "Say hello." }] });

export class Session {
  readonly world: World;
  readonly me: Me;
  readonly order = signal<readonly string[]>([]);
  readonly resolution = signal<Resolution | null>(null);
  readonly scope = signal<Scope>("mine");
  readonly state = signal<StateDetail>({ state: "cold" });
  readonly sync = signal<SyncState>({ state: "off", pending: 0, revision: null, lease: null });
  readonly calls = signal<readonly Call[]>([]);
  readonly underWay = signal(0);
  readonly flowing = signal(false);
  readonly faults = signal<Readonly<Record<string, Fault>>>({});
  /** Option → milliseconds since 1970 until which it is left alone. */
  readonly cooling = signal<Readonly<Record<string, number>>>({});
  /** Option → why and until when it is set aside, as the router told it. */
  readonly attention = signal<Readonly<Record<string, AttentionDetail>>>({});
  readonly refused = signal<readonly RefusedCell[]>([]);
  /** The last ones, oldest first. */
  readonly receipts = signal<readonly Receipt[]>([]);
  /** What the last action of the visitor met, if it was refused. */
  readonly problem = signal<string | null>(null);
  readonly #router: Router;
  readonly #refresh = throttled(REFRESH_MS, () => void this.#explain());
  #flow: ReturnType<typeof setInterval> | null = null;

  private constructor(router: Router, world: World, me: Me) {
    this.#router = router;
    this.world = world;
    this.me = me;
    this.order.value = router.queue;
    this.state.value = { state: router.state };
    this.sync.value = router.sync;
    this.#listen();
    this.#refresh(null);
    void this.readFaults();
    // Another tab may have switched some meanwhile.
    addEventListener("focus", () => void this.readFaults());
  }

  /** Start the router over the demo's upstreams; rejects when it cannot serve even a first order. */
  static async start(world: World, first: Grant): Promise<Session> {
    const orchestrator = new URL("/v1/sync", location.href);
    orchestrator.protocol = location.protocol === "https:" ? "wss:" : "ws:";
    const router = await Router.start({
      config: world.config,
      cursor: { workspace: first.workspace },
      device: first.device,
      upstreams: Object.fromEntries(Object.entries(world.upstreams).map(([name, { url }]) => [name, { url }])),
      orchestrator,
      token: async () => (await grant()).token,
      runtime: new URL("./", document.baseURI),
      offline: true,
      attemptTimeout: 4000,
    });
    return new Session(router, world, { workspace: first.workspace, device: first.device });
  }

  /** One routed request, from its first attempt to its body. */
  async send(): Promise<void> {
    this.underWay.value += 1;
    try {
      const response = await this.#router.fetch("/v1/chat/completions", {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: ASK,
      });
      const receipt = this.#router.receipt(response);
      const end = receipt?.attempts.some(isAnswer) ? "answered" : "failed";
      if (receipt) this.calls.value = withEnd(this.calls.value, receipt.attempts, end, receipt.skipped);
      await response.text();
    } catch (error) {
      this.#failed(error);
    } finally {
      this.underWay.value -= 1;
    }
  }

  /** One after the other, so that each may learn from the one before. */
  async sendMany(count: number): Promise<void> {
    for (let sent = 0; sent < count; sent += 1) await this.send();
  }

  /** Keep requests coming, or stop. */
  flow(on: boolean): void {
    this.flowing.value = on;
    if (this.#flow !== null) clearInterval(this.#flow);
    const next = (): void => {
      if (this.underWay.value < MAX_UNDER_WAY) void this.send();
    };
    this.#flow = on ? setInterval(next, FLOW_MS) : null;
  }

  async setFault(option: string, kind: Fault): Promise<void> {
    const provider = this.world.upstreams[option];
    if (!provider) return;
    await this.#trying(() => writeFault(provider, kind));
    await this.readFaults();
  }

  async mendAll(): Promise<void> {
    await Promise.all(Object.keys(this.faults.value).map((option) => this.setFault(option, "none")));
  }

  /** The faults as the upstreams have them. */
  async readFaults(): Promise<void> {
    const read = Object.entries(this.world.upstreams).map(async ([option, provider]) => {
      const kind = await readFault(provider).catch(() => "none" as const);
      return [option, FAULTS.includes(kind) ? kind : "none"] as const;
    });
    this.faults.value = Object.fromEntries(await Promise.all(read));
  }

  async observe(option: string, dimension: string, value: number): Promise<boolean> {
    const done = await this.#trying(() => this.#router.observe(option, dimension, value));
    this.#refresh(null);
    return done;
  }

  async gate(option: string, reachable: boolean): Promise<void> {
    await this.#trying(() => this.#router.gate(option, reachable));
    this.#refresh(null);
  }

  /** The receipts kept, as a file for `sporewright replay`. */
  exportReceipts(): void {
    const file = new Blob([JSON.stringify(this.receipts.value, null, 1)], { type: "application/json" });
    const link = document.createElement("a");
    [link.href, link.download] = [URL.createObjectURL(file), "receipts.json"];
    link.click();
    // The download has begun; a browser may still have to read the address.
    setTimeout(() => {
      URL.revokeObjectURL(link.href);
    }, 10_000);
  }

  look(scope: Scope): void {
    this.scope.value = scope;
    this.#refresh(null);
  }

  #cursor(): Cursor | undefined {
    if (this.scope.value === "mine") return undefined;
    return { workspace: this.scope.value === "workspace" ? this.me.workspace : "", device: "" };
  }

  async #explain(): Promise<void> {
    if (this.#router.state !== "ready") return;
    const asked = this.scope.value;
    const found = await this.#router.explain(this.#cursor()).catch((error: unknown) => {
      this.problem.value = text(error);
      return null;
    });
    if (found && asked === this.scope.value) this.resolution.value = found;
  }

  #listen(): void {
    const router = this.#router;
    router.addEventListener("queue", ({ detail }) => {
      this.order.value = detail.queue;
      this.#refresh(null);
    });
    router.addEventListener("state", ({ detail }) => {
      this.state.value = detail;
      this.#refresh(null);
    });
    router.addEventListener("sync", ({ detail }) => {
      this.sync.value = detail;
      this.#refresh(null);
    });
    router.addEventListener("attempt", ({ detail }) => {
      this.calls.value = withAttempt(this.calls.value, detail, Date.now() / 1000);
      if (detail.outcome === "ok") this.attention.value = without(this.attention.value, detail.option);
      this.#refresh(null);
    });
    router.addEventListener("cooldown", ({ detail }) => {
      this.cooling.value = { ...this.cooling.value, [detail.option]: detail.until * 1000 };
    });
    router.addEventListener("attention", ({ detail }) => {
      this.attention.value = { ...this.attention.value, [detail.option]: detail };
    });
    router.addEventListener("receipt", ({ detail }) => {
      this.receipts.value = ringed(this.receipts.value, detail, RING);
    });
    router.addEventListener("refused", ({ detail }) => {
      this.refused.value = [...detail.cells, ...this.refused.value].slice(0, 20);
    });
  }

  #failed(error: unknown): void {
    this.problem.value = text(error);
    if (!(error instanceof SporewrightError)) return;
    this.calls.value = withEnd(this.calls.value, error.attempts, "failed", error.skipped);
  }

  async #trying(action: () => unknown): Promise<boolean> {
    try {
      await action();
      this.problem.value = null;
      return true;
    } catch (error) {
      this.problem.value = text(error);
      return false;
    }
  }
}

function text(error: unknown): string {
  return error instanceof SporewrightError ? `${error.message} (${error.code})` : String(error);
}
