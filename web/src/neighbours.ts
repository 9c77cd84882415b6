/** Where a profile's engines are no shared one: each tells the pages of the others what it finds of the options. */
import type { OptionHealth } from "./generated/calls";

type Message = { news: OptionHealth } | { ask: true };

export class Neighbours {
  readonly #channel: BroadcastChannel | null;
  readonly #last = new Map<string, OptionHealth>();

  /** `name`: of the storage that these engines write in turn. Whoever is there already is asked what is known. */
  constructor(name: string, onNews: (news: OptionHealth) => void) {
    this.#channel = typeof BroadcastChannel === "undefined" ? null : new BroadcastChannel(name);
    this.#channel?.addEventListener("message", ({ data }: MessageEvent<Message>) => {
      if ("ask" in data) for (const news of this.#last.values()) this.#say({ news });
      else {
        this.#last.set(data.news.option, data.news);
        onNews(data.news);
      }
    });
    this.#say({ ask: true });
  }

  /** The engine of this page says so. */
  tell(news: OptionHealth): void {
    this.#last.set(news.option, news);
    this.#say({ news });
  }

  close(): void {
    this.#channel?.close();
  }

  #say(message: Message): void {
    this.#channel?.postMessage(message);
  }
}
