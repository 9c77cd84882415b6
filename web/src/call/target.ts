/** The calls that are routed, and the address of each for each option: addresses only, no I/O. */
import { NOWHERE, pageAddress } from "../base";

/** The target of a routed call: path and query below an upstream's base; `owner`: the option whose base was written. */
export interface Target {
  path: string;
  search: string;
  owner: string | null;
}

/** The path that was called last: most pages call one again and again. */
let last: { input: string; target: Target } | null = null;
/** The address of the target that was called last, by base. */
const LAST = new WeakMap<URL, { path: string; search: string; address: string }>();

/** The target of a routed call; null when the address is somebody else's and goes straight through. */
export function targetOf(input: RequestInfo | URL, bases: ReadonlyMap<string, URL>): Target | null {
  if (typeof input === "string" && input === last?.input) return last.target;
  if (typeof input === "string" && isPath(input)) {
    const url = new URL(input, `${NOWHERE}/`);
    const target = { path: url.pathname, search: url.search, owner: null };
    last = { input, target };
    return target;
  }
  const url = addressOf(input);
  if (!url || url.username !== "" || url.password !== "") return null; // native fetch refuses these
  if (url.origin === NOWHERE) return null; // the base of functions, which have no address
  const under = [...bases].filter(([, base]) => isUnder(url, base));
  under.sort(([, one], [, other]) => other.pathname.length - one.pathname.length);
  const found = under[0];
  if (!found) return null;
  const [owner, base] = found;
  return { path: url.pathname.slice(folderOf(base).length) || "/", search: url.search, owner };
}

/** The address of a target at one option; the base's own query comes first. */
export function addressAt(base: URL, { path, search }: Target): string {
  const known = LAST.get(base);
  if (known?.path === path && known.search === search) return known.address;
  const address = addressBelow(base, path, search);
  LAST.set(base, { path, search, address });
  return address;
}

function addressBelow(base: URL, path: string, search: string): string {
  const url = new URL(base);
  url.pathname = folderOf(base) + (path.startsWith("/") ? path : `/${path}`);
  url.search = [base.search, search]
    .map((part) => part.replace(/^\?/, ""))
    .filter(Boolean)
    .join("&");
  url.hash = "";
  return url.href;
}

function isPath(input: string): boolean {
  return !/^\s*([a-z][a-z\d+.-]*:|[/\\]{2})/i.test(input);
}

function addressOf(input: RequestInfo | URL): URL | null {
  try {
    return new URL(input instanceof Request ? input.url : input, pageAddress());
  } catch {
    return null; // native fetch says what is wrong with it
  }
}

function folderOf(base: URL): string {
  return base.pathname.replace(/\/+$/, "");
}

function isUnder(url: URL, base: URL): boolean {
  const folder = folderOf(base);
  return url.origin === base.origin && (url.pathname === folder || url.pathname.startsWith(`${folder}/`));
}
