/**
 * The cause of a failed call, as far as a page can see: a fetch that fails says only that it failed. The device's network,
 * the page's own policy, and one look at the server without asking to read the answer tell most of it apart.
 */
import { until } from "../base";
import type { Block, Ended, Limits } from "../generated/calls";

/** A possible cause; `says` is for people. */
export interface Candidate {
  kind: Extract<Ended, "network" | "offline" | "blocked" | "unreadable" | "masked" | "prepare">;
  reason?: Block;
  says: string;
}

/** The options whose answers this page could read. */
export interface ReadableOptions {
  has(option: string): boolean;
  add(option: string): void;
}

/** A failed call, before any answer: when it began on `performance.now`, and what was asked of whom. */
export interface Failed {
  option: string;
  address: string;
  began: number;
  request?: Pick<Request, "mode"> | null;
}

const SAYS: Record<Block, string> = {
  csp: "blocked by this page's content security policy (connect-src)",
  cors: "it can be reached, but does not let this page read its answers (CORS)",
  client: "its server can be reached, but something on this device blocks the address (an extension, a filter)",
  "mixed-content": "an insecure address, which a secure page may not call",
};
const EMBARGOED: Candidate = {
  kind: "prepare",
  says: "it answers, but lets this page have no answer unread (Cross-Origin-Resource-Policy)",
};
const OFFLINE: Candidate = { kind: "offline", says: "the device is offline" };
/** Violations of a page's policy kept for calls that are still under way. */
const KEPT = 32;

export class FailureDiagnosis {
  readonly #limits: Limits;
  readonly #readable: ReadableOptions;
  readonly #looked = new Map<string, { at: number; found: Promise<Candidate> }>();
  readonly #waiting = new Set<AbortController>();
  readonly #violations: { at: number; address: string }[] = [];
  #offlineAt = -Infinity;

  constructor(limits: Limits, readable: ReadableOptions) {
    [this.#limits, this.#readable] = [limits, readable];
    if (typeof addEventListener === "undefined") return;
    addEventListener("offline", this.#lost);
    addEventListener("online", this.#back);
    addEventListener("securitypolicyviolation", this.#violated);
  }

  /** True if the device has no network now, as it says itself. */
  get isOffline(): boolean {
    return (globalThis.navigator as Partial<Navigator> | undefined)?.onLine === false;
  }

  /** Until that time, in seconds, or until the network comes or goes. */
  async wait(at: number, signal: AbortSignal): Promise<void> {
    const changed = new AbortController();
    this.#waiting.add(changed);
    try {
      await until(at, AbortSignal.any([signal, changed.signal]));
    } catch (error) {
      if (signal.aborted || !changed.signal.aborted) throw error;
    } finally {
      this.#waiting.delete(changed);
    }
  }

  /** This page could read what the option answered. */
  reads(option: string, { type }: Response): void {
    if (type !== "opaque") this.#readable.add(option);
  }

  /** True if it was, at any time since then, without a network. */
  wasOffline(since: number): boolean {
    return this.isOffline || this.#offlineAt >= since;
  }

  /** Look into a failure before any answer; at each option at most once in `look_again_s`, and for `look_s` a request. */
  async look(failed: Failed): Promise<Candidate> {
    if (this.wasOffline(failed.began)) return OFFLINE;
    const url = new URL(failed.address);
    if (isMixed(url)) return blocked("mixed-content");
    await aTurn(); // a violation is told after the failure
    if (this.#isForbidden(failed)) return blocked("csp");
    const found = await this.#probedOnce(failed, url);
    if (this.wasOffline(failed.began)) return OFFLINE;
    return this.#isForbidden(failed) ? blocked("csp") : found;
  }

  close(): void {
    if (typeof removeEventListener === "undefined") return;
    removeEventListener("offline", this.#lost);
    removeEventListener("online", this.#back);
    removeEventListener("securitypolicyviolation", this.#violated);
  }

  readonly #lost = (): void => {
    this.#offlineAt = performance.now();
    this.#wake();
  };

  readonly #back = (): void => {
    this.#looked.clear(); // another network may well be another view
    this.#wake();
  };

  readonly #violated = ({ blockedURI, disposition, effectiveDirective }: SecurityPolicyViolationEvent): void => {
    if (disposition !== "enforce" || effectiveDirective !== "connect-src") return;
    this.#violations.push({ at: performance.now(), address: blockedURI });
    if (this.#violations.length > KEPT) this.#violations.shift();
  };

  #wake(): void {
    for (const waiting of this.#waiting) waiting.abort();
  }

  #isForbidden({ address, began }: Failed): boolean {
    const { origin, pathname } = new URL(address);
    const told = new Set([origin, `${origin}/`, origin + pathname]);
    return this.#violations.some(({ at, address }) => at >= began && told.has(address.replace(/[?#].*$/, "")));
  }

  #probedOnce({ option, request }: Failed, url: URL): Promise<Candidate> {
    const isSealed = request?.mode === "no-cors";
    const key = `${String(isSealed)} ${option}`;
    const [known, now] = [this.#looked.get(key), performance.now()];
    if (known && now - known.at < this.#limits.look_again_s * 1000) return known.found;
    const found = this.#probed(option, url, isSealed);
    this.#looked.set(key, { at: now, found });
    return found;
  }

  /** `isSealed`: the answer was not to be read. */
  async #probed(option: string, url: URL, isSealed: boolean): Promise<Candidate> {
    const outage: Candidate = { kind: "network", says: "" };
    // Nothing of the kind stands between a page and its own server.
    if (typeof location === "undefined" || url.origin === location.origin) return outage;
    const path = url.origin + url.pathname;
    if (await this.#answers(path, "no-cors")) {
      if (isSealed || (await this.#answers(path, "cors"))) return outage; // this one connection failed
      if (!this.#readable.has(option)) return { ...blocked("cors"), kind: "unreadable" };
      return {
        kind: "masked",
        says: "it can be reached, but for now hides its answers: a refusal without CORS headers",
      };
    }
    // What may be read and not be had unread is withheld: this page, or the server, says so of what it embeds.
    if (isSealed && (await this.#answers(path, "cors"))) return EMBARGOED;
    // Where the address in another spelling answers, something on the way to the server goes by how it is spelled.
    const respelled = url.origin + respell(url.pathname);
    if (respelled !== path && (await this.#answers(respelled, "no-cors"))) return blocked("client");
    return outage;
  }

  /**
   * True if anything comes back; reads nothing of it and says nothing of the caller. By GET, which may be asked of anything:
   * many a server has no answer to HEAD, and so none with its usual headers.
   */
  async #answers(address: string, mode: RequestMode): Promise<boolean> {
    const enough = new AbortController();
    const signal = AbortSignal.any([AbortSignal.timeout(this.#limits.look_s * 1000), enough.signal]);
    const quiet = { credentials: "omit", cache: "no-store", referrerPolicy: "no-referrer" } as const;
    const answered = fetch(address, { mode, signal, ...quiet }).then(
      () => true,
      () => false,
    );
    return answered.finally(() => {
      enough.abort();
    });
  }
}

function blocked(reason: Block): Candidate {
  return { kind: "blocked", reason, says: SAYS[reason] };
}

/** A secure page may call no plain address but those of its own machine. */
export function isMixed({ protocol, hostname }: URL): boolean {
  return (
    protocol === "http:" &&
    (globalThis as { location?: Location }).location?.protocol === "https:" &&
    !isLoopback(hostname)
  );
}

/** True if the host is this machine: reachable without a network. */
export function isLoopback(hostname: string): boolean {
  return /^(?:localhost|.+\.localhost|127(?:\.\d+){3}|\[::1\])$/.test(hostname);
}

/** The same path to a server (RFC 3986 §6.2.2.2), and another to a filter's rules: letters and digits percent-encoded. */
function respell(path: string): string {
  return path.replace(/%[\da-f]{2}|[\da-z]/gi, (part) =>
    part.length > 1 ? part : `%${part.charCodeAt(0).toString(16)}`,
  );
}

const aTurn = (): Promise<void> => new Promise((resolve) => setTimeout(resolve));
