/** The address of the page that this runs in, and the one that stands for none. */

/** Stands for "whoever answers" while a call has no option yet; a reserved name that resolves nowhere (RFC 6761). */
export const NOWHERE = "http://sporewright.invalid";

/** The base of relative addresses; undefined outside of a page. */
export function pageAddress(): string | undefined {
  const { location, document } = globalThis as Partial<typeof globalThis>;
  // A frame that was written, not loaded (`srcdoc`, about:blank), has the addresses of the page that wrote it.
  return location?.protocol === "about:" ? document?.baseURI : location?.href;
}
