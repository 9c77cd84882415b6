/** How an option stands just now: cooling down, or set aside and why; nothing where it is like any other. */
import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import type { Term } from "../../src/types";
import type { Session } from "../session";
import { ASIDES, asideOf, lasting } from "../view";

/** "cooling 4 s": for how long an option is left alone; gone when the time is. */
export function Cooling({ session, option }: { session: Session; option: string }): JSX.Element | null {
  const left = useSecondsUntil(session.cooling.value[option] ?? 0);
  return left > 0 ? <span class="badge">‖ cooling {lasting(left)}</span> : null;
}

/** Why an option is asked last, and until when; the event `attention` says so before, or without, an explained order. */
export function SetAside(props: { session: Session; option: string; terms: readonly Term[] }): JSX.Element | null {
  const { session, option, terms } = props;
  const told = session.attention.value[option];
  const left = useSecondsUntil((told?.until ?? 0) * 1000);
  const reason = asideOf(terms) ?? (terms.length === 0 && left > 0 ? told?.reason : undefined);
  if (reason === undefined) return null;
  return (
    <p class="aside">
      <strong>
        <span aria-hidden="true">! </span>Set aside: {ASIDES[reason]}.
      </strong>{" "}
      {left > 0
        ? `Others are asked first, for ${lasting(left)}.`
        : "Others are asked first; a request may try it again."}
    </p>
  );
}

function useSecondsUntil(until: number): number {
  const [now, setNow] = useState(() => Date.now());
  const left = Math.ceil((until - now) / 1000);
  useEffect(() => {
    if (until <= Date.now()) return undefined;
    setNow(Date.now());
    const timer = setInterval(() => {
      setNow(Date.now());
      if (Date.now() >= until) clearInterval(timer);
    }, 250);
    return () => {
      clearInterval(timer);
    };
  }, [until]);
  return left;
}
