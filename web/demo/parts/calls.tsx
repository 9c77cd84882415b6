/** The requests of this page as they happen: each attempt, how it ended, and where the request went next. */
import type { JSX } from "preact";
import type { Session } from "../session";
import { endOf, tally, type Call } from "../view";

export function Calls({ session }: { session: Session }): JSX.Element {
  const calls = session.calls.value;
  return (
    <section class="calls" aria-labelledby="calls-title">
      <div class="section-head">
        <h2 id="calls-title">Requests</h2>
        <p class="tally">
          {tally(calls)
            .map(([option, answered]) => `${option} ${answered}`)
            .join(" · ")}
        </p>
        <ExportButton session={session} />
      </div>
      <div class="log" role="region" aria-label="Log of requests" tabIndex={0}>
        <table>
          <thead>
            <tr>
              <th scope="col">No.</th>
              <th scope="col">Attempts, in order</th>
              <th scope="col" class="number">
                Took
              </th>
            </tr>
          </thead>
          <tbody>
            {calls.map((call) => (
              <CallRow key={call.call} call={call} />
            ))}
          </tbody>
        </table>
        {calls.length === 0 && <p class="empty">None yet. Send one.</p>}
      </div>
    </section>
  );
}

function ExportButton({ session }: { session: Session }): JSX.Element {
  const { length } = session.receipts.value;
  return (
    <button
      type="button"
      class="export"
      disabled={length === 0}
      title="What was known and decided for each of the last 500 requests; no keys, prompts or answers"
      onClick={() => {
        session.exportReceipts();
      }}
    >
      Export {length === 1 ? "1 receipt" : `${length} receipts`}
    </button>
  );
}

function CallRow({ call }: { call: Call }): JSX.Element {
  const took = call.attempts.reduce((sum, { latency }) => sum + latency, 0);
  return (
    <tr>
      <th scope="row">{call.call}</th>
      <td>
        <ol class="chain">
          {call.attempts.map((attempt, index) => (
            <AttemptItem key={index} attempt={attempt} />
          ))}
          {call.end === "open" && <li class="chip waiting">… trying the next</li>}
          {call.end === "failed" && <li class="chip bad">✕ nobody left to ask</li>}
        </ol>
        {call.skipped.map(({ option, reason }) => (
          <p key={option} class="skipped">
            {option} skipped: {reason}
          </p>
        ))}
      </td>
      <td class="number">{took.toFixed(2)} s</td>
    </tr>
  );
}

function AttemptItem({ attempt }: { attempt: Call["attempts"][number] }): JSX.Element {
  const { mark, text } = endOf(attempt);
  const good = attempt.outcome === "ok";
  const wait = attempt.retryAfter === undefined ? "" : `, back in ${Math.ceil(attempt.retryAfter)} s`;
  return (
    <li class={`chip ${good ? "good" : "bad"}`} title={attempt.reason}>
      <span aria-hidden="true">{mark}</span> <strong>{attempt.option}</strong> {good ? "" : text}
      {wait} <span class="quiet">{attempt.latency.toFixed(2)} s</span>
    </li>
  );
}
