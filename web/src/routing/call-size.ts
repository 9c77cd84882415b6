/** The size of a request to a model; as `sporewright/routing/call_size.py`. */
const CHARS_A_TOKEN = 4;
/** Fields that hold files: their length says nothing of tokens. */
const BINARY: ReadonlySet<string> = new Set(["data", "bytes", "image_url", "file_data"]);
const LIMITS = ["max_tokens", "max_completion_tokens", "max_output_tokens", "maxOutputTokens"];
const DEEPEST = 32;

/** Tokens of a request, estimated, and the most that its answer may have; null: it sets no limit. */
export interface TokenCount {
  in: number;
  out: number | null;
}

/** The size of a request as it was read from JSON; nothing of what is no object. */
export function tokensOf(body: unknown): TokenCount {
  if (!isTable(body)) return { in: 0, out: null };
  const nested = body["generationConfig"];
  const tables = [body, ...(isTable(nested) ? [nested] : [])];
  const found = tables.flatMap((table) =>
    LIMITS.filter((name) => Object.hasOwn(table, name)).map((name) => table[name]),
  );
  const limit = found.find((each): each is number => typeof each === "number" && each > 0);
  return { in: Math.ceil(charsOf(body, DEEPEST) / CHARS_A_TOKEN), out: limit ?? null };
}

function isTable(data: unknown): data is Record<string, unknown> {
  return typeof data === "object" && data !== null && !Array.isArray(data);
}

/** The characters of all texts within, names and files left out. */
function charsOf(data: unknown, depth: number): number {
  if (typeof data === "string") return data.startsWith("data:") ? 0 : Array.from(data).length;
  if (depth === 0 || typeof data !== "object" || data === null) return 0;
  const within: [string, unknown][] = Array.isArray(data) ? data.map((value) => ["", value]) : Object.entries(data);
  return within.reduce((sum, [name, value]) => sum + (BINARY.has(name) ? 0 : charsOf(value, depth - 1)), 0);
}
