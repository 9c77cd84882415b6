/** The files of a start: fetched against their hashes, and looked into when a start has failed. */
import { integrityOf } from "../network";
import { LOOK_MS, lookAt } from "../engine";
import { FOLDER, RUNTIME } from "./build";

/** The bytes of a file of this build; the browser itself compares: what is of another build, or cut off, never arrives. */
export async function checked(name: string, signal?: AbortSignal): Promise<Uint8Array> {
  const { sha256 = "" } = RUNTIME.files[name] ?? {};
  const init = { integrity: integrityOf(sha256), ...(signal ? { signal } : {}) };
  const response = await fetch(new URL(name, FOLDER), init);
  if (!response.ok) throw new Error(`${name}: HTTP ${response.status}`);
  return new Uint8Array(await response.arrayBuffer());
}

/** The first file of a start that is not as it was built, or not served as what it is, with what is wrong; "" if all are. */
export async function firstBroken(): Promise<string> {
  const signal = AbortSignal.timeout(LOOK_MS);
  const looks = Object.keys(RUNTIME.files).map(async (name) => {
    const { says, isGood } = await lookAt(new URL(name, FOLDER), signal);
    if (!isGood) return `${name}: ${says}`;
    try {
      await checked(name, signal);
      return "";
    } catch {
      return `${name}: ${says}, ${signal.aborted ? `and not here within ${LOOK_MS} ms` : "cut off or of another build"}`;
    }
  });
  return (await Promise.all(looks)).find(Boolean) ?? "";
}

/**
 * Rejects once a file below the folder has arrived otherwise than it was built, which Pyodide waits out; settles in no other
 * case, and listens until `done`. Where the browser does not tell statuses and sizes, the deadline does.
 */
export function whenCutOff(folder: string, done: AbortSignal): Promise<never> {
  const files = Object.entries(RUNTIME.files).filter(([name]) => name.startsWith(folder));
  const named = new Map(files.map(([name, { bytes }]) => [new URL(name, FOLDER).href, { name, bytes }]));
  return new Promise((_, reject) => {
    const observer = new PerformanceObserver((list) => {
      for (const entry of list.getEntries() as (Arrival & PerformanceEntry)[]) {
        const file = named.get(entry.name);
        if (!file) continue;
        const broken = (): void => {
          reject(new Error(`${file.name} did not arrive as it was built`));
        };
        if (seemsFailed(entry)) isThere(entry.name, done).catch(broken);
        else if (!isWhole(entry, file.bytes)) broken();
      }
    });
    observer.observe({ type: "resource", buffered: true });
    done.addEventListener("abort", () => {
      observer.disconnect();
    });
  });
}

/** A browser's facts on a file that arrived; not each tells its status (`responseStatus` is missing in WebKit). */
type Arrival = Pick<PerformanceResourceTiming, "name" | "decodedBodySize"> & { readonly responseStatus?: number };

/**
 * No status and no size: of this page's own origin a request that failed, or, in Firefox, a file that a service worker gave
 * to a worker. Of another origin a browser need not tell.
 */
function seemsFailed({ name, responseStatus, decodedBodySize }: Arrival): boolean {
  return responseStatus === 0 && decodedBodySize === 0 && new URL(name).origin === location.origin;
}

/** Rejects if there is no answer at all for this address; its body is not read. */
async function isThere(address: string, signal: AbortSignal): Promise<void> {
  try {
    await (await fetch(address, { signal })).body?.cancel();
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}

function isWhole({ responseStatus = 0, decodedBodySize }: Arrival, bytes: number): boolean {
  return responseStatus < 400 && (decodedBodySize === 0 || decodedBodySize === bytes);
}
