/** The chains of a config (K1), checked before an engine reads them. */
import { SporewrightError } from "../errors";
import type { TensorConfig } from "../types";

type Table = Record<string, unknown>;

/** Code `config` names what cannot be a chain or an alias. */
export function checkChains({ chains = {}, aliases = {} }: Partial<TensorConfig>, where: string): void {
  for (const [key, byCapability] of Object.entries(table(chains, `${where}.chains`)))
    for (const [capability, slots] of Object.entries(table(byCapability, `${where}.chains.${key}`)))
      checkSlots(slots, `${where}.chains.${key}.${capability}`);
  for (const [stage, key] of Object.entries(table(aliases, `${where}.aliases`)))
    if (typeof key !== "string") throw no(`${where}.aliases.${stage}`, key, "a stage's key");
}

function checkSlots(slots: unknown, place: string): void {
  if (!Array.isArray(slots)) throw no(place, slots, "a list of slots");
  slots.forEach((slot: unknown, at) => {
    const { provider, model } = (slot ?? {}) as Table;
    if (typeof provider !== "string" || typeof model !== "string")
      throw no(`${place}[${at}]`, slot, "{provider, model}");
  });
}

function table(value: unknown, place: string): Table {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw no(place, value, "an object");
  return value as Table;
}

function no(place: string, value: unknown, what: string): SporewrightError {
  return new SporewrightError("config", `${place}: ${JSON.stringify(value)} is not ${what}`);
}
