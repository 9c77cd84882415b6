/** The queues that the engine tells this page: its head and the options it can call, remembered for the next start, and watches. */
import { randomId } from "../base";
import { declaredOrder, type Settings } from "../config";
import type { EngineCalls } from "../engine";
import { asError, type SporewrightError } from "../errors";
import type { Calls, Pushes } from "../generated/calls";
import type { Mirror } from "./mirror";
import { Order } from "./queue-view";
import type { QueueDetail, TensorConfig } from "../types";
import { Watch } from "./watch";

/** The names of this page's own queues among the watches of a shared engine. */
interface Names {
  head: string;
  route: string;
}

export class Queues {
  readonly #order = new Order();
  readonly #watches = new Map<string, Watch>();
  readonly #mirror: Mirror;
  readonly #settings: Settings;
  readonly #onShown: (head: QueueDetail) => void;
  /** Under what the two are remembered: another config, place, device or length has its own. */
  #memory = "";
  /** Under what the options that can be called are: other upstreams have their own. */
  #among = "";
  #isRouted = false;
  /** Null while it is not loaded. */
  config: TensorConfig | null = null;

  constructor(settings: Settings, mirror: Mirror, onShown: (head: QueueDetail) => void) {
    [this.#settings, this.#mirror, this.#onShown] = [settings, mirror, onShown];
  }

  get head(): QueueDetail {
    return this.#order.head;
  }

  /** The name under which orders among these upstreams are remembered; known once `recall` was called. */
  get memory(): string {
    return this.#among;
  }

  get walk(): readonly string[] {
    return this.#order.walk;
  }

  /**
   * Show what was last known under this config. Whether that is all there is to know: a page that was left early remembers
   * its head alone, and what other upstreams were called in says nothing of these.
   */
  async recall(fingerprint: string): Promise<boolean> {
    const { cursor, device = "", limit, upstreams } = this.#settings;
    this.#memory = JSON.stringify([fingerprint, cursor, device, limit]);
    this.#among = JSON.stringify([this.#memory, Object.keys(upstreams).sort()]);
    const [queue, routes] = (await Promise.all([
      this.#mirror.recall("queue", this.#memory),
      this.#mirror.recall("routes", this.#among),
    ])) as [string[] | undefined, string[] | undefined];
    if (queue) this.#show({ queue, total: queue.length, revision: 0 });
    if (routes) this.#route(routes);
    return queue !== undefined && routes !== undefined;
  }

  /** The order that the config itself declares, as far as nothing else is known. */
  declare(config: TensorConfig): void {
    this.config = config;
    const { cursor, limit, upstreams } = this.#settings;
    const order = declaredOrder(config, cursor);
    if (!this.#isRouted) this.#order.route(order.filter((option) => Object.hasOwn(upstreams, option)));
    if (this.head.total === 0) this.#show({ queue: order.slice(0, limit), total: order.length, revision: 0 });
  }

  routed(routes: readonly string[]): void {
    this.#route(routes);
    void this.#mirror.keep("routes", this.#among, routes);
  }

  told({ watch, ...head }: Pushes["queue"], own: Names): void {
    if (watch === own.route) this.routed(head.queue);
    else if (watch === own.head) {
      this.#show(head);
      void this.#mirror.keep("queue", this.#memory, head.queue);
    } else this.#watches.get(watch)?.update({ ...head, queue: Object.freeze(head.queue) });
  }

  /** A watch whose first head is asked for; `left`: nobody wants it any more. */
  watch(name: string, asked: Promise<Omit<QueueDetail, "revision">>, left: () => void): Watch {
    const watch = new Watch(() => {
      if (this.#watches.delete(name)) left();
    });
    this.#watches.set(name, watch);
    asked.then(
      (head) => {
        if (this.#watches.has(name)) watch.update({ ...head, revision: 0 });
      },
      (error: unknown) => {
        if (this.#watches.delete(name)) watch.fail(asError(error));
      },
    );
    return watch;
  }

  /** A queue that the engine keeps current from now on. */
  follow(calls: Pick<EngineCalls, "call" | "tell">, asked: Omit<Calls["watch"]["body"], "watch">): Watch {
    const watch = randomId();
    return this.watch(watch, calls.call("watch", { watch, ...asked }), () => {
      void calls.tell("unwatch", { watch });
    });
  }

  /** No watch is followed any more; they fail where there is an error. */
  drop(error?: SporewrightError): void {
    if (error) for (const watch of this.#watches.values()) watch.fail(error);
    this.#watches.clear();
  }

  #route(routes: readonly string[]): void {
    this.#order.route(routes);
    this.#isRouted = true;
  }

  #show(head: QueueDetail): void {
    this.#onShown(this.#order.show(head));
  }
}
