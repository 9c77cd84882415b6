/** The engines of one profile beside each other, of two builds or two configs: each tells the others what it finds of the options. */
import type { News } from "../generated/calls";

type Message = { news: News } | { ask: true };

export class EngineChannel {
  readonly #channel: BroadcastChannel | null;
  readonly #last = new Map<string, News>();

  /** `name`: of the storage that these engines write in turn. Whoever is there already is asked how the options stand. */
  constructor(name: string, onNews: (news: News) => void) {
    this.#channel = channelOf(`${name} news`);
    this.#channel?.addEventListener("message", ({ data }: MessageEvent<Message>) => {
      if ("ask" in data) for (const news of this.#last.values()) this.#say({ news });
      else {
        this.#note(data.news);
        onNews(data.news);
      }
    });
    this.#say({ ask: true });
  }

  /** The health of the options, as last heard or told. */
  get known(): Iterable<News> {
    return this.#last.values();
  }

  /** The engine here says so. */
  tell(news: News): void {
    this.#note(news);
    this.#say({ news });
  }

  close(): void {
    this.#channel?.close();
  }

  /** Keep the health of an option; a permit or a call is nothing for engines that come later. */
  #note(news: News): void {
    if (news.health) this.#last.set(news.health.option, { health: news.health });
  }

  #say(message: Message): void {
    this.#channel?.postMessage(message);
  }
}

/** Null where there is none, or where the site may store nothing: Firefox has the class then and throws. */
function channelOf(name: string): BroadcastChannel | null {
  if (typeof BroadcastChannel === "undefined") return null;
  try {
    return new BroadcastChannel(name);
  } catch {
    return null;
  }
}
