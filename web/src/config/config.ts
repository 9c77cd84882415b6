/** The tensor as data: where it comes from, its text, and the order it declares before any engine has run. */
import { messageOf, SporewrightError } from "../errors";
import { pageAddress, tableOf } from "../base";
import { isZone, poolsOf } from "../pools";
import type { Figures } from "../generated/calls";
import { checkChains } from "./chains";
import type { Cursor, Seed, TensorConfig } from "../types";
import { repeatedKey } from "./repeated-key";

/** As `DIMENSIONS` of device/figures.py. */
const FIGURES = [
  ["cost", "financial"],
  ["latency", "latency"],
  ["price_in", "price:in"],
  ["price_out", "price:out"],
  ["price_cached", "price:cached"],
] as const satisfies readonly (readonly [keyof Figures, string])[];
const LOAD_TIMEOUT_MS = 10_000;
/** As `PARTS` of core/config.py, which refuses a seed's strange keys, too: what is ignored is believed to work. */
const PARTS = new Set(["$schema", "aliases", "chains", "global", "learning", "levels", "pools", "priors", "seeds"]);

/** The store for the last copy of a config from an address. */
export interface ConfigCopies {
  recall(kind: "config", address: string): Promise<unknown>;
  keep(kind: "config", address: string, config: TensorConfig): Promise<void>;
}

/** The config itself; from an address, or from the copy remembered of it when the address does not answer. */
export async function loadConfig(config: TensorConfig | string | URL, copies: ConfigCopies): Promise<TensorConfig> {
  if (typeof config !== "string" && !(config instanceof URL)) return checked(config, "config");
  const address = addressOf(config);
  try {
    const response = await fetch(address, { signal: AbortSignal.timeout(LOAD_TIMEOUT_MS) });
    if (!response.ok) throw new Error(`HTTP ${response.status}`);
    const text = await response.text();
    const twice = repeatedKey(text);
    if (twice !== undefined) throw new SporewrightError("config", `config ${address}: ${twice} is there twice`);
    const loaded = checked(JSON.parse(text), address);
    void copies.keep("config", address, loaded);
    return loaded;
  } catch (error) {
    const kept = await copies.recall("config", address);
    if (kept !== undefined) return checked(kept, address);
    if (error instanceof SporewrightError) throw error;
    throw new SporewrightError("config", `config ${address}: ${messageOf(error)}`, { cause: error });
  }
}

function addressOf(config: string | URL): string {
  try {
    return new URL(config, pageAddress()).href;
  } catch (error) {
    throw new SporewrightError("config", `config: ${JSON.stringify(config)} is no address`, { cause: error });
  }
}

function checked(config: unknown, where: string): TensorConfig {
  const { levels, seeds = [] } = (config ?? {}) as Partial<TensorConfig>;
  if (!Array.isArray(levels)) throw new SporewrightError("config", `${where}: needs the list "levels"`);
  if (!Array.isArray(seeds)) throw new SporewrightError("config", `${where}: "seeds" is not a list`);
  const odd = seeds.findIndex((seed: unknown) => typeof seed !== "object" || seed === null);
  if (odd >= 0)
    throw new SporewrightError("config", `${where}: seeds[${odd}] is ${JSON.stringify(seeds[odd])}, not an object`);
  const strange = Object.keys(config as TensorConfig).find((key) => !PARTS.has(key));
  if (strange !== undefined)
    throw new SporewrightError("config", `${where}: "${strange}" is none of ${[...PARTS].join(", ")}`);
  const options = new Set(seeds.map(({ option }) => option));
  checkChains(config as TensorConfig, where);
  poolsOf((config as TensorConfig).pools, { options, isZone }, `${where}.pools`);
  return config as TensorConfig;
}

/** The config's text; code `config` for what JSON cannot say (a cycle, a bigint). */
export function textOf(config: TensorConfig): string {
  try {
    return JSON.stringify(config);
  } catch (error) {
    throw new SporewrightError("config", `config: ${messageOf(error)}`, { cause: error });
  }
}

/** The config with ±∞ and NaN in their spelling (S2); a wide one is not copied without need, the page must stay fluent. */
export function plain(config: TensorConfig): TensorConfig {
  const odd = (value: unknown): value is number => typeof value === "number" && !Number.isFinite(value);
  if (!config.seeds?.some(({ value }) => odd(value))) return config;
  const seeds = config.seeds.map((seed) => (odd(seed.value) ? { ...seed, value: spelled(seed.value) } : seed));
  return { ...config, seeds };
}

/** A number as JSON has it, or its name (S2). */
export function spelled(value: number): number | "inf" | "-inf" | "nan" {
  if (Number.isFinite(value)) return value;
  return Number.isNaN(value) ? "nan" : value > 0 ? "inf" : "-inf";
}

/** A short name of a text, for keys of engines and memories; not a secret, so not cryptographic (FNV-1a, twice 32 bits). */
export function fingerprint(text: string): string {
  let [one, two] = [0x811c9dc5, 0x01000193];
  for (let index = 0; index < text.length; index += 1) {
    const code = text.charCodeAt(index);
    one = Math.imul(one ^ code, 0x01000193);
    two = Math.imul(two ^ code, 0x85ebca6b) + index;
  }
  return [one, two].map((half) => (half >>> 0).toString(16).padStart(8, "0")).join("");
}

/**
 * The options in the order in which the config names them: what is tried before anything was learned or computed.
 * Options without a scalar (R1) and those that the config itself gates at this cursor (R2) are left out.
 */
export function declaredOrder(config: TensorConfig, cursor: Cursor): string[] {
  const declared = [...declaredAt(config, cursor)];
  return declared.filter(([, dimensions]) => isOpen([...dimensions.values()])).map(([option]) => option);
}

/** The figures that the config itself states at this cursor, by option. */
export function declaredFigures(config: TensorConfig, cursor: Cursor): Record<string, Figures> {
  const figures = [...declaredAt(config, cursor)].map(([option, dimensions]) => {
    const known = FIGURES.map(([name, dimension]) => [name, dimensions.get(dimension)?.value] as const);
    return [option, Object.fromEntries(known.filter(([, value]) => Number.isFinite(value)))] as const;
  });
  return tableOf(figures);
}

function declaredAt(config: TensorConfig, cursor: Cursor): Map<string, Map<string, Seed>> {
  const folded = new Map<string, Map<string, Seed>>();
  for (const seed of config.seeds ?? []) {
    if (!isRead(seed, cursor)) continue;
    const dimensions = folded.get(seed.option) ?? new Map<string, Seed>();
    folded.set(seed.option, dimensions);
    const before = dimensions.get(seed.dim);
    if (!before || config.levels.indexOf(seed.level) >= config.levels.indexOf(before.level))
      dimensions.set(seed.dim, seed);
  }
  return folded;
}

function isRead(seed: Seed, cursor: Cursor): boolean {
  const isValue = seed.kind === "value" || seed.kind === "bytes";
  return (
    isValue && seed.option !== "" && (seed.inst || "") === (Object.hasOwn(cursor, seed.level) ? cursor[seed.level] : "")
  );
}

function isOpen(winners: readonly Seed[]): boolean {
  const scalars = winners.filter(({ kind }) => kind === "value");
  return scalars.length > 0 && scalars.every(({ value }) => Number.isFinite(value));
}
