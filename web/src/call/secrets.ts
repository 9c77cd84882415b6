/** Secrets that must stand in no receipt, event or error: a request's credentials, and texts of a caller's exceptions. */
import { nameOf } from "../errors";

/** Headers that prove who somebody is: a key for one provider is none of another's business. */
export const CREDENTIALS = ["authorization", "proxy-authorization", "cookie", "x-api-key", "api-key", "x-goog-api-key"];
/** Shorter values are words of a protocol, like `gzip` or `Bearer`, which an error may well need. */
const SHORTEST = 8;
/** Characters of a secret that may not be quoted; fewer are its kind: "Bearer", "sk-proj-". */
const TELLING = 12;
/** Headers that prove nothing, and of whose values a refusal may well speak. */
const KNOWN_TO_ALL: ReadonlySet<string> = new Set(["accept", "content-type"]);

/** True if one of these headers proves who somebody is. */
export function hasCredentials(headers: Headers): boolean {
  return CREDENTIALS.some((name) => headers.has(name));
}

/** A function of the caller's has thrown. Its words may be a secret: the message says only where, and what kind of error. */
export class CallerFault extends Error {
  constructor(
    where: string,
    readonly thrown: unknown,
  ) {
    super(`${where} threw ${nameOf(thrown)}`);
    this.name = nameOf(thrown);
  }
}

/** The result of a caller's function, or what is made of it; a CallerFault if anything of it throws. */
export async function fromCaller<T>(where: string, asks: () => T | Promise<T>): Promise<T> {
  try {
    return await asks();
  } catch (error) {
    throw new CallerFault(where, error);
  }
}

/** The text without what proves who sent the request. */
export function redacted(text: string, request: Request | null): string {
  const secrets = request === null ? [] : secretsOf(request);
  return secrets.reduce(without, text);
}

/** Neither the secret nor a beginning of it that says much, in capitals or not. */
function without(text: string, secret: string): string {
  const [begins, rest] = [lowered(secret.slice(0, TELLING)), lowered(secret.slice(TELLING))];
  const told = lowered(text);
  let [said, at] = ["", 0];
  for (let found = told.indexOf(begins); found >= 0; found = told.indexOf(begins, at)) {
    let end = found + begins.length;
    for (let next = 0; next < rest.length && told[end] === rest[next]; next += 1) end += 1;
    [said, at] = [`${said}${text.slice(at, found)}[redacted]`, end];
  }
  return said + text.slice(at);
}

/** ASCII alone: every letter stays where it is. */
function lowered(text: string): string {
  return text.replace(/[A-Z]/g, (letter) => letter.toLowerCase());
}

/** The values of a request's headers and query, whole and in words, as they are and as an address has them, longest first. */
function secretsOf({ headers, url }: Request): string[] {
  const own = [...headers].flatMap(([name, value]) => (KNOWN_TO_ALL.has(name) ? [] : [value]));
  const values = [...own, ...new URL(url).searchParams.values()];
  const bare = values.flatMap((value) => [value, ...value.split(/\s+/)]).filter(({ length }) => length >= SHORTEST);
  const words = new Set(bare.flatMap((word) => [word, encodeURIComponent(word)]));
  return [...words].sort((one, other) => other.length - one.length);
}
