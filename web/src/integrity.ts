/** What the browser itself compares a response with before anybody sees it. */

/** A sha256 in hexadecimal digits as `fetch` and Subresource Integrity spell it. */
export function integrityOf(sha256: string): string {
  const bytes = (sha256.match(/../g) ?? []).map((pair) => String.fromCharCode(Number.parseInt(pair, 16)));
  return `sha256-${btoa(bytes.join(""))}`;
}
