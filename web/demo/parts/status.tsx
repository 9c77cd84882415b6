/** The machinery behind the order: the engine, the sync with the orchestrator, what it refused. */
import type { JSX } from "preact";
import type { StateDetail, SyncState } from "../../src/types";
import type { Session } from "../session";

const ENGINE: Record<StateDetail["state"], string> = {
  cold: "not started",
  starting: "starting",
  ready: "ready",
  closed: "closed",
  failed: "failed; declared order in use",
};
const SYNC: Record<SyncState["state"], string> = {
  off: "off",
  connecting: "connecting",
  live: "live",
  waiting: "waiting to reconnect",
  refused: "refused by the orchestrator",
};

export function Status({ session }: { session: Session }): JSX.Element {
  const state = session.state.value;
  const sync = session.sync.value;
  const facts: [string, string, string | undefined][] = [
    ["Device", session.me.device ?? "unnamed", `workspace ${session.me.workspace}`],
    [
      "Engine",
      ENGINE[state.state],
      state.error?.message ??
        (state.readOnly
          ? "another tab keeps the storage"
          : state.state === "starting"
            ? `stage ${state.stage ?? "worker"}`
            : "Python, off the main thread"),
    ],
    ["Sync", SYNC[sync.state], sync.error?.message],
    ["Pending", `${sync.pending} cells`, "observed here, not yet acknowledged"],
    ["Revision", sync.revision === null ? "none yet" : String(sync.revision), "of the shared levels"],
    ["Lease", sync.lease === null ? "none" : `${sync.lease} s`, "how long our evidence counts"],
  ];
  return (
    <section class="status" aria-labelledby="status-title">
      <h2 id="status-title">Behind the order</h2>
      <dl>
        {facts.map(([name, value, more]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>
              <span class="fact">{value}</span>
              <span class="quiet more">{more}</span>
            </dd>
          </div>
        ))}
      </dl>
      <h3>Refused cells</h3>
      <Refused session={session} />
    </section>
  );
}

function Refused({ session }: { session: Session }): JSX.Element {
  const cells = session.refused.value;
  if (cells.length === 0) return <p class="empty">None: the orchestrator took everything this device said.</p>;
  return (
    <ul class="refused">
      {cells.map((cell, index) => (
        <li key={index}>
          <code>{[cell.level, cell.inst, cell.option, cell.dim].join(" / ")}</code> {cell.message}
        </li>
      ))}
    </ul>
  );
}
