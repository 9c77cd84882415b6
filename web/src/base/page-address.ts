/** The address of the page that this runs in. */

/** What relative addresses are relative to; undefined outside of a page. */
export function pageAddress(): string | undefined {
  const { location, document } = globalThis as Partial<typeof globalThis>;
  // A frame that was written, not loaded (`srcdoc`, about:blank), has the addresses of whoever wrote it.
  return location?.protocol === "about:" ? document?.baseURI : location?.href;
}
