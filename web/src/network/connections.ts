/**
 * Requests of this page that wait for a connection: over HTTP/1.1 a browser opens six to an origin, and says of nothing
 * beyond them that it waits. That time is not the option's.
 */

/** A request; `isAwaited`: its headers are waited for. */
export interface WaitingRequest {
  readonly address: string;
  readonly isAwaited: boolean;
}

/** The number of connections that browsers open to one origin over HTTP/1.1. */
const MOST = 6;
/** So much of a body a browser takes from its connection before anybody reads it. */
const READ_AHEAD = 1 << 16;
/** Over these any number of requests share a connection. */
const SHARED = /^h[23]/;

interface Line {
  /** The attempts whose answers have not ended, oldest first, each with the function to call when it has waited. */
  all: { one: WaitingRequest; freed: () => void }[];
  /** True if more answered at once than so many connections could. */
  isShared: boolean;
}

export class Connections {
  readonly #lines = new Map<string, Line>();
  readonly #lineOf = new WeakMap<WaitingRequest, Line>();

  /** It is sent now; whether it may have to wait, and `freed` is called once another one's end gives it a connection. */
  sent(one: WaitingRequest, freed: () => void): boolean {
    const origin = one.address.slice(0, one.address.indexOf("/", "https://".length)); // it is a URL's own `href`
    const line = this.#lines.get(origin) ?? { all: [], isShared: false };
    this.#lines.set(origin, line);
    this.#lineOf.set(one, line);
    line.all.push({ one, freed });
    if (line.all.length > MOST && !line.isShared) line.isShared = isShared(origin);
    return this.isWaiting(one);
  }

  /** True if as many as there are connections were sent before it, and may still have them. */
  isWaiting(one: WaitingRequest): boolean {
    const line = this.#lineOf.get(one);
    if (!line || line.isShared || line.all.length <= MOST) return false;
    return line.all.findIndex((each) => each.one === one) >= MOST;
  }

  /** Its headers are in. Where twice six before it are waited for, it has shared one: six might be a matter of turns. */
  answered(one: WaitingRequest, { headers }: Response): void {
    const line = this.#lineOf.get(one);
    if (!line) return;
    const before = line.all.slice(
      0,
      Math.max(
        0,
        line.all.findIndex((each) => each.one === one),
      ),
    );
    line.isShared ||= before.filter((each) => each.one.isAwaited).length >= 2 * MOST;
    const length = headers.get("content-length");
    if (length !== null && Number(length) <= READ_AHEAD) this.ended(one);
  }

  /** Nothing more comes of it: its connection is the next one's. */
  ended(one: WaitingRequest): void {
    const line = this.#lineOf.get(one);
    const at = line?.all.findIndex((each) => each.one === one) ?? -1;
    if (!line || at < 0) return;
    const next = at < MOST && !line.isShared ? line.all[MOST] : undefined;
    line.all.splice(at, 1);
    next?.freed();
  }
}

/** True if the browser says so of an earlier answer, which it does if the origin lets this page see its timing. */
function isShared(origin: string): boolean {
  const timings = performance.getEntriesByType("resource") as PerformanceResourceTiming[];
  return timings.some(({ name, nextHopProtocol }) => SHARED.test(nextHopProtocol) && name.startsWith(`${origin}/`));
}
