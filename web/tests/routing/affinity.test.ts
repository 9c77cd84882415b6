/** Affinity: the scripts that Python wrote, to the bit; in words they are tested there. */
import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import type { Figures, Place } from "../../src/generated/calls";
import { Affinity, turnOf } from "../../src/routing/affinity";

interface Asks {
  at: number;
  key: string;
  queue: string[];
  figures: Record<string, Figures>;
}

interface Hears {
  at: number;
  key: string;
  option: string;
  usage: unknown;
  sent: number;
  first_s: number | null;
}

const file = new URL("../../../tests/routing/affinity.json", import.meta.url);
const cases = JSON.parse(readFileSync(file, "utf-8")) as { events: (Asks | Hears)[]; places: (Place | null)[] }[];

it.each(cases.map((one, number) => [number, one] as const))("comes to the same places: script %i", (_, one) => {
  const affinity = new Affinity();
  const found = one.events.flatMap((event) => {
    if ("queue" in event) return [affinity.place(event.key, event.at, event.queue, event.figures)];
    affinity.heard(event.key, event.option, event.at, turnOf(event.usage, event.sent, event.first_s ?? undefined));
    return [];
  });
  expect(found).toEqual(one.places);
});
