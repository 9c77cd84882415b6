/** The orders at cursors that calls name, each followed from its first call on and remembered for the next visit. */
import { meant } from "../base";
import { declaredFigures, declaredOrder, type Settings } from "../config";
import { SporewrightError } from "../errors";
import type { Calls, Figures } from "../generated/calls";
import type { Mirror } from "./mirror";
import type { Cursor, TensorConfig } from "../types";
import type { Watch } from "./watch";

/** The number of cursors that are followed: as many kinds of work the engine keeps current. The oldest makes room. */
const MOST = 32;
const TASK = "task";
/** The errors of a cursor itself; any other is the engine's. */
const OWN_ERRORS: ReadonlySet<string> = new Set(["unknown-level", "config", "decode"]);

type ByOption = Readonly<Record<string, Figures>>;

/** The parts that the router lends. */
export interface CursorSource {
  settings(): Pick<Settings, "cursor" | "device" | "upstreams">;
  mirror: Pick<Mirror, "recall" | "keep">;
  follow(asked: Omit<Calls["watch"]["body"], "watch">): Watch;
  /** True if the engine answers now. */
  isReady(): boolean;
  /** Null while it is not loaded. */
  config(): TensorConfig | null;
  /** The order at the bound cursor. */
  bound(): readonly string[];
}

export class CursorQueues {
  readonly #source: CursorSource;
  readonly #watches = new Map<string, Watch>();
  readonly #remembered = new Map<string, readonly string[]>();
  #memory = "";

  constructor(source: CursorSource) {
    this.#source = source;
  }

  /** Reads the orders of the last visit under this name; the newer ones of this visit stay. */
  async recall(memory: string): Promise<void> {
    this.#memory = memory;
    const found = (await this.#source.mirror.recall("cursors", memory)) as [string, string[]][] | undefined;
    for (const [key, queue] of found ?? []) if (!this.#remembered.has(key)) this.#remembered.set(key, queue);
  }

  /**
   * The order at a cursor laid over the bound one, among the options that can be called: as last told or remembered. If
   * it is neither, it is the engine's first answer, or before the engine is up the order that the config declares
   * there; a kind of work that is new goes by the order at large. Code `unknown-level` or `config` for a cursor that no
   * call can have.
   */
  of(at: Cursor): readonly string[] | Promise<readonly string[]> {
    this.#check(at);
    const key = keyOf(at);
    const watch = this.#followed(key, at);
    if (watch.error && OWN_ERRORS.has(watch.error.code)) throw watch.error;
    const isTask = Object.keys(at).every((level) => level === TASK);
    if (watch.isTold && (watch.queue.length > 0 || !isTask)) return watch.queue;
    const remembered = this.#remembered.get(key);
    if (remembered) return remembered;
    if (isTask) return this.#source.bound();
    if (!this.#source.isReady()) return this.#declared(at);
    return this.#told(watch).then((isTold) => (isTold ? watch.queue : this.#declared(at)));
  }

  /**
   * The figures of the options there, as last told: the engine's first answer, or before the engine is up what the config
   * states.
   */
  figures(at: Cursor): ByOption | Promise<ByOption> {
    this.#check(at);
    const watch = this.#followed(`figures ${keyOf(at)}`, at, true);
    if (watch.isTold) return watch.figures;
    if (!this.#source.isReady()) return this.#stated(at);
    return this.#told(watch).then((isTold) => (isTold ? watch.figures : this.#stated(at)));
  }

  #followed(key: string, at: Cursor, figures = false): Watch {
    const among = Object.keys(this.#source.settings().upstreams);
    let watch = this.#watches.get(key);
    if (!watch || (watch.error && !OWN_ERRORS.has(watch.error.code))) {
      watch = this.#source.follow({ cursor: at, limit: among.length, among, ...(figures ? { figures } : {}) });
      const followed = watch;
      if (!figures)
        watch.addEventListener("change", () => {
          this.#remember(key, followed.queue);
        });
    }
    this.#watches.delete(key);
    this.#watches.set(key, watch);
    const [oldest] = this.#watches;
    if (oldest && this.#watches.size > MOST) {
      this.#watches.delete(oldest[0]);
      oldest[1].close();
    }
    return watch;
  }

  #remember(key: string, queue: readonly string[]): void {
    this.#remembered.delete(key);
    this.#remembered.set(key, queue);
    for (const [oldest] of this.#remembered) if (this.#remembered.size > MOST) this.#remembered.delete(oldest);
    void this.#source.mirror.keep("cursors", this.#memory, [...this.#remembered]);
  }

  /** True once the engine has told the head, false if it cannot; rejects for a cursor that there cannot be. */
  #told(watch: Watch): Promise<boolean> {
    return new Promise((resolve, reject) => {
      watch.addEventListener("change", () => {
        resolve(true);
      });
      watch.addEventListener("error", ({ detail }) => {
        if (OWN_ERRORS.has(detail.code)) reject(detail);
        else resolve(false);
      });
    });
  }

  #stated(at: Cursor): ByOption {
    const declared = this.#source.config();
    return declared ? declaredFigures(declared, { ...this.#source.settings().cursor, ...at }) : {};
  }

  #declared(at: Cursor): readonly string[] {
    const settings = this.#source.settings();
    const declared = this.#source.config();
    if (!declared) return this.#source.bound();
    const order = declaredOrder(declared, { ...settings.cursor, ...at });
    return order.filter((option) => Object.hasOwn(settings.upstreams, option));
  }

  /** The check that the config allows where it is known; the rest the engine says. */
  #check(at: Cursor): void {
    const settings = this.#source.settings();
    const levels = this.#source.config()?.levels;
    if (!levels) return;
    const own = levels.includes("device") ? "device" : levels.at(-1);
    for (const [level, instance] of Object.entries(at)) {
      if (level !== TASK && !levels.includes(level)) throw unknown(level, levels);
      if (level === own && instance !== (settings.cursor[own] ?? settings.device))
        throw new SporewrightError("config", `cursor: ${level}: "${instance}": a call is made from this device`);
    }
  }
}

function unknown(level: string, levels: readonly string[]): SporewrightError {
  const near = meant(level, levels);
  const hint = near === undefined ? `the levels are ${levels.join(", ")}` : `did you mean "${near}"?`;
  return new SporewrightError("unknown-level", `cursor: no level "${level}": ${hint}`);
}

function keyOf(at: Cursor): string {
  return JSON.stringify(Object.entries(at).sort(([one], [other]) => (one < other ? -1 : 1)));
}
