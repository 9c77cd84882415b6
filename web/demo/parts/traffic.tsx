/** What the visitor can do first: send, send many, keep sending, break the leader. */
import type { JSX } from "preact";
import type { Session } from "../session";

export function Traffic({ session }: { session: Session }): JSX.Element {
  const { flowing, underWay, order, faults } = session;
  const leader = order.value[0];
  const broken = Object.values(faults.value).some((kind) => kind !== "none");
  const sick = leader !== undefined && (faults.value[leader] ?? "none") !== "none";
  return (
    <section class="traffic" aria-label="Send requests">
      <p class="next">
        <span class="quiet">The next request goes to</span>
        <strong>{leader ?? "nobody"}</strong>
      </p>
      <div class="buttons">
        <button type="button" class="primary" onClick={() => void session.send()}>
          Send one
        </button>
        <button type="button" onClick={() => void session.sendMany(20)}>
          Send 20
        </button>
        <button
          type="button"
          aria-pressed={flowing.value}
          onClick={() => {
            session.flow(!flowing.value);
          }}
        >
          Keep sending
        </button>
        <button
          type="button"
          disabled={leader === undefined || sick}
          onClick={() => void session.setFault(leader ?? "", "error")}
        >
          Break the first
        </button>
        <button type="button" disabled={!broken} onClick={() => void session.mendAll()}>
          Mend all
        </button>
      </div>
      <p class="under-way" aria-hidden="true">
        {underWay.value} under way
      </p>
      <Problem session={session} />
    </section>
  );
}

/** What was refused last, until it is put away or something works again. */
function Problem({ session }: { session: Session }): JSX.Element | null {
  if (session.problem.value === null) return null;
  return (
    <div class="alert" role="alert">
      <p>{session.problem.value}</p>
      <button
        type="button"
        onClick={() => {
          session.problem.value = null;
        }}
      >
        Dismiss
      </button>
    </div>
  );
}
