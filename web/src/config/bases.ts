/** The base addresses of the upstreams, checked. */
import { NOWHERE, pageAddress } from "../base";
import { SporewrightError } from "../errors";
import type { Upstream } from "../types";

/** Each option's base address, that of a function NOWHERE; code `config` names the option whose address is none. */
export function basesOf(upstreams: Readonly<Record<string, Upstream>>): Map<string, URL> {
  return new Map(Object.entries(upstreams).map(([option, { url = NOWHERE }]) => [option, baseOf(option, url)]));
}

function baseOf(option: string, url: string | URL): URL {
  const no = (why: string, cause?: unknown): SporewrightError =>
    new SporewrightError("config", `upstream ${option}: ${why}`, { cause });
  // An empty one is the page's own address by the standard, and a setting that was never filled in by experience.
  if (url === "") throw no('"" is no address');
  let base: URL;
  try {
    base = new URL(url, pageAddress());
  } catch (error) {
    throw no(`${String(url)} is no address`, error);
  }
  if (!/^https?:$/.test(base.protocol)) throw no(`${base.href} is not http or https`);
  if (base.username !== "" || base.password !== "")
    throw no(`the address at ${base.host} holds a name or password, which fetch refuses; use headers`);
  return base;
}
