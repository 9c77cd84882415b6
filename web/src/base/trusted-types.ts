/** Addresses of our scripts where a page wants every one vouched for (`require-trusted-types-for 'script'`). */

/** The policy's name, for the page's `trusted-types` directive. */
export const POLICY = "sporewright";

/** The part of Trusted Types that all browsers that have them share. */
interface Factory {
  createPolicy(name: string, rules: { createScriptURL: (address: string) => string }): Policy;
}
interface Policy {
  createScriptURL(address: string): unknown;
}

/** A worker of the build, or its service worker, of this page's origin: whoever gets hold of the policy can name no other. */
const OURS = /\/(runtime\/worker-\w+|service-worker)\.js$/;

let policy: Policy | null = null;

/** The address as a browser takes it for a script's. */
export function scriptAddress(address: string): string {
  const factory = (globalThis as { trustedTypes?: Factory }).trustedTypes;
  if (!factory) return address;
  try {
    policy ??= factory.createPolicy(POLICY, { createScriptURL: checked });
  } catch {
    return address; // the page does not allow it; whether it wants it is for the browser to say
  }
  // What it gives is no text to TypeScript, and is one to every place that takes a script's address.
  return policy.createScriptURL(address) as string;
}

function checked(address: string): string {
  const url = new URL(address);
  if (url.origin === globalThis.origin && OURS.test(url.pathname)) return address;
  throw new TypeError(`${address} is no script of sporewright's`);
}
