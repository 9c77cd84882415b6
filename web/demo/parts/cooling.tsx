/** "cooling 4 s": for how long an option is left alone; gone when the time is. */
import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import type { Session } from "../session";

export function Cooling({ session, option }: { session: Session; option: string }): JSX.Element | null {
  const until = session.cooling.value[option] ?? 0;
  const left = useSecondsUntil(until);
  return left > 0 ? <span class="badge">⏸ cooling {left} s</span> : null;
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
