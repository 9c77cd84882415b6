/** Subresource Integrity: what a response is compared with before anybody sees it. */

/** A sha256 in hexadecimal digits as `fetch` and Subresource Integrity spell it. */
export function integrityOf(sha256: string): string {
  const bytes = (sha256.match(/../g) ?? []).map((pair) => String.fromCharCode(Number.parseInt(pair, 16)));
  return `sha256-${btoa(bytes.join(""))}`;
}

const STRENGTHS = ["sha256", "sha384", "sha512"];
const DIGEST = /^(sha256|sha384|sha512)-([A-Za-z0-9+/_-]+={0,2})(?:\?.*)?$/;

/** True if these bytes are what the metadata says, by its strongest digests; metadata of no known kind says nothing. */
export async function isWhatItSays(bytes: ArrayBuffer, metadata: string): Promise<boolean> {
  const known = metadata.split(/[\t\n\f\r ]+/).flatMap((token) => {
    const [, algorithm = "", digest = ""] = DIGEST.exec(token) ?? [];
    return algorithm === "" ? [] : [{ strength: STRENGTHS.indexOf(algorithm), digest }];
  });
  const strength = Math.max(...known.map((each) => each.strength));
  const algorithm = STRENGTHS[strength];
  if (algorithm === undefined) return true;
  const found = new Uint8Array(await crypto.subtle.digest(algorithm.replace("sha", "SHA-"), bytes));
  const spelled = btoa(String.fromCharCode(...found));
  return known.some((each) => each.strength === strength && plain(each.digest) === spelled);
}

const plain = (digest: string): string => digest.replaceAll("-", "+").replaceAll("_", "/");
