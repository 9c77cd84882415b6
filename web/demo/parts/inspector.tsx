/** The page once a router runs: traffic on top, what happened beside the order (above it on a phone), then the details. */
import type { JSX } from "preact";
import type { Session } from "../session";
import { Calls } from "./calls";
import { Frame } from "./frame";
import { ByHand } from "./hand";
import { Announcer, Order } from "./order";
import { Status } from "./status";
import { Traffic } from "./traffic";

export function Inspector({ session }: { session: Session }): JSX.Element {
  return (
    <Frame>
      <Traffic session={session} />
      <div class="columns">
        <Calls session={session} />
        <Order session={session} />
        <Status session={session} />
        <ByHand session={session} />
      </div>
      <Sources session={session} />
      <Announcer session={session} />
    </Frame>
  );
}

function Sources({ session }: { session: Session }): JSX.Element {
  const { sources, time_factor: factor } = session.world;
  return (
    <footer class="sources">
      <p>
        Latency and failure: {sources["latency"]}. Prices: {sources["prices"]}. Time runs {1 / factor} times faster here
        than it did there. No provider is called; the gate on replicate is an example, not a statement about it.
      </p>
    </footer>
  );
}
