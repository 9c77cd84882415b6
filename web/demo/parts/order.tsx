/** The order for a cursor: each option with what its cost is made of, then what was dropped and by which gate. */
import { useComputed } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import type { Ranked } from "../../src/types";
import { useReorder } from "../flip";
import type { Scope, Session } from "../session";
import { barsOf, dropText, orderText, throttled } from "../view";
import { OptionCard } from "./option";

const SCOPES: Record<Scope, string> = {
  mine: "this device (used for requests)",
  workspace: "the workspace, no device",
  global: "everyone, no workspace",
};
const ANNOUNCE_MS = 4000;

export function Order({ session }: { session: Session }): JSX.Element {
  const ranked = useComputed(() => rankedOf(session));
  const bars = useComputed(() => barsOf(ranked.value));
  const list = useRef<HTMLOListElement>(null);
  useReorder(
    list,
    ranked.value.map(({ option }) => option),
  );
  return (
    <section class="order" id="order" aria-labelledby="order-title" tabIndex={-1}>
      <div class="section-head">
        <h2 id="order-title">The order</h2>
        <ScopeSelect session={session} />
      </div>
      <p class="hint">
        {session.scope.value === "mine"
          ? "Lowest cost first. A cost sums value × weight; left of a bar’s line is what lowers it, faded where it goes on."
          : "A look from elsewhere: requests still follow this device’s own order."}
      </p>
      <ol class="options" ref={list}>
        {ranked.value.map((entry, index) => (
          <OptionCard
            key={entry.option}
            session={session}
            entry={entry}
            rank={index + 1}
            bar={bars.value.get(entry.option)}
          />
        ))}
      </ol>
      <Gone session={session} />
    </section>
  );
}

/** The explained order; before there is one, the options in the order the router already has. */
function rankedOf(session: Session): readonly Ranked[] {
  const explained = session.resolution.value;
  return explained ? explained.ranked : session.order.value.map((option) => ({ option, score: "nan", terms: [] }));
}

function ScopeSelect({ session }: { session: Session }): JSX.Element {
  return (
    <label class="inline">
      <span>as seen by</span>
      <select
        value={session.scope.value}
        onChange={(event) => {
          session.look(event.currentTarget.value as Scope);
        }}
      >
        {Object.entries(SCOPES).map(([scope, label]) => (
          <option key={scope} value={scope}>
            {label}
          </option>
        ))}
      </select>
    </label>
  );
}

function Gone({ session }: { session: Session }): JSX.Element {
  const resolution = session.resolution.value;
  const dropped = resolution?.dropped ?? [];
  return (
    <>
      <h3 class="dropped-title">Dropped by a gate</h3>
      {dropped.length === 0 && (
        <p class="empty">{resolution ? "Nothing is dropped here." : "Not known without the engine."}</p>
      )}
      <ul class="dropped">
        {dropped.map((entry) => {
          const { text, own } = dropText(entry, session.me);
          return (
            <li key={entry.option}>
              <strong>{entry.option}</strong> <code>{entry.dimension}</code>
              <span class="why">{text}</span>
              {own && (
                <button type="button" onClick={() => void session.gate(entry.option, true)}>
                  Put {entry.option} back
                </button>
              )}
            </li>
          );
        })}
      </ul>
    </>
  );
}

/** Tells a screen reader the order when it changes, politely and not more often than it can be listened to. */
export function Announcer({ session }: { session: Session }): JSX.Element {
  const [said, say] = useState("");
  const later = useRef(throttled<string>(ANNOUNCE_MS, say));
  const text = orderText(session.order.value, session.resolution.value?.ranked);
  useEffect(() => {
    later.current(text);
  }, [text]);
  return (
    <p class="unseen" role="status" aria-live="polite">
      {said}
    </p>
  );
}
