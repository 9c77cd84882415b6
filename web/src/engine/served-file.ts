/** The status and type with which a file of the build is served, looked at once a start has failed. */
import { messageOf } from "../errors";

/** Looking for the reason must not take longer than was waited for. */
export const LOOK_MS = 5000;

export interface Served {
  /** Status and content type, or why there are none; for people. */
  says: string;
  /** True if a browser takes it for what its name says. */
  isGood: boolean;
  headers?: Headers;
}

/** The types that files must have to be run; browsers go by nothing else. */
const TYPES: readonly { name: RegExp; type: RegExp; wanted: string }[] = [
  { name: /\.m?js$/, type: /^(text|application)\/(x-)?(java|ecma)script$/, wanted: "JavaScript" },
  { name: /\.wasm$/, type: /^application\/wasm$/, wanted: "application/wasm" },
];

/** Ask for it, read nothing of it. Never rejects. */
export async function lookAt(address: URL, signal: AbortSignal): Promise<Served> {
  let response: Response;
  try {
    response = await fetch(address, { signal });
  } catch (error) {
    const why = signal.aborted ? `no answer within ${LOOK_MS} ms` : `blocked, or out of reach (${messageOf(error)})`;
    return { says: why, isGood: false };
  }
  response.body?.cancel().catch(() => undefined);
  const { headers, ok, redirected, status, url } = response;
  const type = headers.get("content-type")?.split(";", 1)[0]?.trim().toLowerCase();
  const says = `HTTP ${status}, ${type ?? "no content type"}${redirected ? `, redirected to ${placeOf(url)}` : ""}`;
  if (!ok) return { says, isGood: false, headers };
  const wanted = TYPES.find(({ name }) => name.test(address.pathname));
  if (wanted && !wanted.type.test(type ?? "")) return { says: `${says}: not ${wanted.wanted}`, isGood: false, headers };
  return { says, isGood: true, headers };
}

/** Without what a query may hold. */
function placeOf(address: string): string {
  const { origin, pathname } = new URL(address);
  return origin + pathname;
}
