/** From how an attempt ended to its outcome, by the plan's rows; the twin of `sporewright/routing/classify.py`. */
import { SporewrightError } from "../errors";
import type { ChainState, Phrase, Plan, Rule, Sign, When } from "../generated/calls";
import type { RecordedEnding } from "../receipt-types";
import { looksLikeJson, reachAll, readJson } from "./dialects";
import { holdsOf, sentences } from "./phrase-matching";

/** Levels of errors told as text in an error. */
const DEEPEST = 3;
/** A name within a wording, of a model, say. */
const GAP = "[^]{0,120}";

/**
 * The end of an attempt; `retry_after_s`: the wait that was asked for. `stage`, `fallback`, `judged`, `brought` and `keyed` are
 * the chain's to say.
 */
export interface Ending extends RecordedEnding {
  stage?: ChainState;
  fallback?: boolean;
  judged?: boolean;
  brought?: boolean;
  keyed?: boolean;
}

const FLAGS = ["fallback", "judged", "brought", "keyed"] as const;

function holds(when: When, ending: Ending): boolean {
  const event = ending.kind === "abort" ? "aborted" : ending.kind;
  if (when.event !== undefined && event !== when.event) return false;
  if (when.stage !== undefined && !when.stage.includes(ending.stage ?? "CALLING")) return false;
  if (when.retry_after !== undefined && (ending.retry_after_s !== undefined) !== when.retry_after) return false;
  if (when.says?.some((sign) => !ending.says?.includes(sign))) return false;
  if (FLAGS.some((name) => when[name] !== undefined && (ending[name] ?? false) !== when[name])) return false;
  if (when.status === undefined) return true;
  const [low, high] = when.status;
  return ending.kind === "status" && ending.status !== undefined && low <= ending.status && ending.status <= high;
}

/** The plan's first row that holds. */
export function ruleOf(ending: Ending, plan: Plan): Rule {
  const row = plan.classes.find(({ when }) => holds(when, ending));
  if (!row) throw new SporewrightError("config", `no row of the plan classifies ${JSON.stringify(ending)}`);
  return row;
}

/** True if the text of such a response may change `rule`, its row without the text, or may be the caller's. */
export function textMatters(status: number, { outcome }: Rule, { classes, transitions }: Plan): boolean {
  const step = transitions.CALLING?.[outcome];
  if (step?.to === "DELIVERED" || step?.do.includes("keep_first")) return true;
  return classes.some(({ when: { says, status: span } }) => says && span && span[0] <= status && status <= span[1]);
}

/**
 * The plan's error signs that the text of a refusal gives, in their order. Of a body of JSON only the fields that say why
 * are looked at: the rest may repeat what was asked.
 */
export function says(text: string, plan: Plan): Sign[] {
  const lines = told(text, plan);
  const said = lines.join("\n").toLowerCase();
  const own = lines.filter((line) => !line.startsWith(PARAM));
  const [plain, named] = [sentences(own, false), sentences(own, true)];
  const signs: Sign[] = [];
  for (const { sign, any, phrases = [], alone = false } of plan.error_signs) {
    if (signs.includes(sign) || (alone && signs.length > 0)) continue;
    const isSaid = (phrase: Phrase): boolean =>
      (phrase.names ? named : plain).some((sentence) => holdsOf(phrase, sentence, plan.phrases));
    if (any.some((wording) => isIn(said, wording)) || phrases.some(isSaid)) signs.push(sign);
  }
  return signs;
}

/** The fields of an error, each with its name; a gateway's error has another one as text in it. */
function told(text: string, plan: Plan, depth = 0): string[] {
  let body: unknown;
  try {
    body = looksLikeJson(text) && depth < DEEPEST ? readJson(text) : undefined;
  } catch {
    // Its own words, then.
  }
  if (Array.isArray(body) && body.length > 0) body = body[0];
  if (typeof body !== "object" || body === null || Array.isArray(body)) return [text];
  return plan.error_fields.flatMap((path) =>
    reachAll(body, path)
      .filter((found) => typeof found === "string")
      .flatMap((found) => told(own(found, plan), plan, depth + 1).map((line) => `${path.at(-1) ?? ""}=${line}`)),
  );
}

function own(text: string, plan: Plan): string {
  return plan.error_echoes.reduce((rest, echo) => rest.split(echo, 1)[0] ?? "", text);
}

/** A wording that is the code of an error. */
const CODE = /^[a-z0-9]+(?:_[a-z0-9]+)+$/;
const LETTER = /[a-z0-9_]/;
/** The field that names what of the request is at fault. */
const PARAM = "param=";
const QUOTES = "'\"`";
/** Before a quoted code that is the error's own, and no name that the caller gave. */
const NAMES_CODE = /(?:code|type|status|reason|error)["']?[ \t]*[:=][ \t]*$/;

function isIn(text: string, wording: string): boolean {
  if (CODE.test(wording)) {
    for (let at = text.indexOf(wording); at >= 0; at = text.indexOf(wording, at + wording.length))
      if (!isEcho(text, at, at + wording.length)) return true;
    return false;
  }
  if (!wording.includes("*")) return text.includes(wording);
  const parts = wording.split("*").map((part) => part.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&"));
  return new RegExp(parts.join(GAP), "u").test(text);
}

/** True if a code that stands there is (a part of) a name that the caller gave, or quoted and not as the error's own. */
function isEcho(text: string, start: number, end: number): boolean {
  if (text.slice(text.lastIndexOf("\n", start) + 1, start) === PARAM) return true;
  const quote = text.charAt(start - 1);
  if (LETTER.test(quote) || LETTER.test(text.charAt(end))) return true;
  const isQuoted = quote !== "" && QUOTES.includes(quote) && text.charAt(end) === quote;
  return isQuoted && !NAMES_CODE.test(text.slice(0, start - 1));
}

/** True if a request may be sent twice: by its method, its path (no query), or a header's name. */
export function isRepeatable(method: string, path: string, headers: Headers, plan: Plan): boolean {
  const { methods, paths, headers: names } = plan.repeatable;
  const bare = path.replace(/\/+$/, "");
  return (
    methods.includes(method.toUpperCase()) ||
    paths.some((end) => bare.endsWith(end)) ||
    names.some((name) => headers.has(name))
  );
}
