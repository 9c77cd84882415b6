/** Whoever runs an option is told once each time that it is set aside, whichever of the profile's pages found it out. */
import { seconds } from "../base";
import type { AsideData } from "../generated/calls";
import type { Health } from "../routing";
import type { AttentionDetail } from "../types";

export class Attention {
  readonly #health: () => Health;
  readonly #tells: (detail: AttentionDetail) => void;
  readonly #told = new Map<string, AsideData>();

  constructor(health: () => Health, tells: (detail: AttentionDetail) => void) {
    [this.#health, this.#tells] = [health, tells];
  }

  /** Something has changed of this option. */
  readonly note = (option: string): void => {
    const [found, before] = [this.#health().asides.data(option), this.#told.get(option)];
    if (!found) this.#told.delete(option);
    if (!found || found.until <= seconds() || (before?.reason === found.reason && before.until > seconds())) return;
    this.#told.set(option, found);
    this.#tells({ option, reason: found.reason, until: found.until });
  };
}
