/** The page's side of starts without a network: have the build's own service worker there, and nobody else's disturbed. */
import { scriptAddress } from "../base";
import { COMPLETE } from "./complete";

/**
 * Register the service worker of the build served at `runtime`, for that folder alone; false removes what was registered.
 * A worker of another script for the same folder stays. Never rejects: without one the page works as long as it is online.
 */
export async function keepOffline(runtime: string, wanted: boolean): Promise<void> {
  const script = new URL("service-worker.js", runtime).href;
  try {
    // In a frame without an origin a browser throws for asking.
    const workers = (globalThis.navigator as Partial<Navigator> | undefined)?.serviceWorker;
    if (!workers) return;
    const there = await workers.getRegistration(runtime);
    const same = there?.scope === runtime ? there : undefined;
    const isOurs = [same?.active, same?.waiting, same?.installing].some((worker) => worker?.scriptURL === script);
    if (!wanted && isOurs) await same?.unregister();
    if (wanted && (isOurs || !same))
      await workers.register(scriptAddress(script), { scope: runtime, updateViaCache: "none" });
    // Its caches may be gone: a browser, or the host, deletes them and keeps the registration, so it never installs again.
    if (wanted && isOurs) same?.active?.postMessage(COMPLETE);
  } catch {
    return; // not a secure context, another origin, or switched off
  }
}
