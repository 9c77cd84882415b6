/**
 * One engine for all tabs without a SharedWorker: the tab that holds a lock runs it, the others reach it over a channel of
 * their own. The lock's queue tells of the end: a follower that is granted it knows that the leader is gone.
 */
import { closedError, SporewrightError } from "../errors";
import { randomId } from "../base";
import { endpointOf, type Endpoint } from "./protocol";

/** On the common channel. `join`: a tab would follow; `joined`: it is listened to; `leads`: an engine has begun. */
type Said = { join: string } | { joined: string } | { leads: true };

/** The beginning of the name of a worker that lets other tabs in. */
export const LED = "sporewright led ";

/** A timer that is this much late was asleep, and so may have been the leader. */
const LATE_MS = 1000;

export interface Role {
  /** To the leader's engine; null: this tab leads. */
  endpoint: Endpoint | null;
  release(): void;
}

export interface Wish {
  /** Tabs that agree on it have one engine. */
  name: string;
  /** A leader that does not answer within so many milliseconds is deposed: it is frozen, or hangs. */
  patience: number;
  signal: AbortSignal;
  /** The leader has gone, or, of a leader, another tab has deposed it. */
  failed: (error: SporewrightError) => void;
}

/** Lead or follow, whichever comes first. */
export async function takeRole(wish: Wish): Promise<Role> {
  const candidate = new Candidate(wish);
  try {
    await candidate.settled();
    return candidate;
  } catch (error) {
    candidate.release();
    throw error;
  }
}

/** The leader's engine lets other tabs in. */
export function admit(name: string, accept: (endpoint: Endpoint) => void): void {
  const common = new BroadcastChannel(name);
  const joined = new Set<string>();
  const say = (said: Said): void => {
    common.postMessage(said);
  };
  common.addEventListener("message", ({ data }: MessageEvent<Said>) => {
    if (!("join" in data)) return;
    if (!joined.has(data.join)) accept(endpointOf(new BroadcastChannel(channelOf(name, data.join))));
    joined.add(data.join);
    say({ joined: data.join });
  });
  say({ leads: true });
}

class Candidate implements Role {
  endpoint: Endpoint | null = null;
  readonly #wish: Wish;
  readonly #id = randomId();
  readonly #common: BroadcastChannel;
  readonly #own: BroadcastChannel;
  /** Ends the wait for the lock. */
  #queued = new AbortController();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #standing: "asks" | "follows" | "leads" | "over" = "asks";
  #letGo = (): void => undefined;
  #settle: { resolve: () => void; reject: (error: unknown) => void } | null = null;

  constructor(wish: Wish) {
    this.#wish = wish;
    this.#common = new BroadcastChannel(wish.name);
    this.#own = new BroadcastChannel(channelOf(wish.name, this.#id));
  }

  settled(): Promise<void> {
    const { signal } = this.#wish;
    return new Promise((resolve, reject) => {
      this.#settle = { resolve, reject };
      signal.addEventListener("abort", () => {
        reject(closedError());
      });
      this.#common.addEventListener("message", ({ data }: MessageEvent<Said>) => {
        this.#heard(data);
      });
      this.#bid({ signal: this.#queued.signal });
      this.#join();
      this.#expect();
    });
  }

  release(): void {
    this.#standing = "over";
    clearTimeout(this.#timer);
    this.#queued.abort();
    this.#letGo();
    this.#common.close();
    this.#own.close();
  }

  #heard(said: Said): void {
    if ("joined" in said && said.joined === this.#id && this.#standing === "asks") {
      this.endpoint = endpointOf(this.#own);
      this.#stand("follows");
    } else if ("leads" in said && this.#standing === "asks") this.#join();
    else if ("leads" in said && this.#standing === "follows") this.#lost("another tab leads now");
  }

  #join(): void {
    this.#common.postMessage({ join: this.#id } satisfies Said);
  }

  #expect(): void {
    const { patience } = this.#wish;
    const since = Date.now();
    this.#timer = setTimeout(() => {
      if (Date.now() - since > patience + LATE_MS) {
        this.#join();
        this.#expect();
      } else {
        this.#queued.abort();
        this.#bid({ steal: true });
      }
    }, patience);
  }

  #bid(how: LockOptions): void {
    navigator.locks
      .request(this.#wish.name, how, () => this.#granted())
      .catch((error: unknown) => {
        if (this.#standing === "leads") this.#lost("another tab has taken the lead");
        // What was queued is given up in favour of taking it.
        else if (!how.signal?.aborted) this.#settle?.reject(error);
      });
  }

  /** Holds the lock until it lets go of it. */
  #granted(): Promise<void> | undefined {
    if (this.#standing === "follows") this.#lost("the leading tab has gone");
    if (this.#standing !== "asks") return undefined;
    this.#stand("leads");
    return new Promise((resolve) => {
      this.#letGo = resolve;
    });
  }

  #stand(as: "follows" | "leads"): void {
    this.#standing = as;
    clearTimeout(this.#timer);
    this.#settle?.resolve();
  }

  #lost(why: string): void {
    this.#standing = "over";
    this.#wish.failed(new SporewrightError("engine", why));
  }
}

function channelOf(name: string, id: string): string {
  return `${name} ${id}`;
}
