/** The device's token, as the page has it: a text, or a function that is asked for a fresh one. */

export type TokenSource = string | (() => string | Promise<string>) | undefined;

/** How long the page's own function may take before the engine goes on without; it asks again when it connects. */
const TOKEN_TIMEOUT_MS = 10_000;

/** The token now; undefined without one, when the page's function throws, or takes too long. */
export async function tokenFrom(source: TokenSource): Promise<string | undefined> {
  if (typeof source !== "function") return source;
  const late = new Promise<undefined>((resolve) => setTimeout(resolve, TOKEN_TIMEOUT_MS));
  try {
    return await Promise.race([source(), late]);
  } catch {
    return undefined;
  }
}

/** The device that a token speaks for, unverified; "" if it does not say. Only keeps engines of two devices apart. */
export function deviceOf(token: string | undefined): string {
  try {
    const claims = token?.split(".")[1] ?? "";
    const text = atob(claims.replace(/-/g, "+").replace(/_/g, "/"));
    const { device } = JSON.parse(text) as { device?: unknown };
    return typeof device === "string" ? device : "";
  } catch {
    return "";
  }
}
