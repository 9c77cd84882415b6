/** One option of the order: its rank, its cost as a bar and as a table, and what the visitor may do to it. */
import type { JSX } from "preact";
import type { Ranked, Term } from "../../src/types";
import type { Session } from "../session";
import { asideOf, cost, counted, knownFrom, plain, sourceText, total, valueOf, type Bar, type Me } from "../view";
import { FAULTS, type Fault } from "../world";
import { Cooling, SetAside } from "./standing";

const FAULT_WORDS: Record<Fault, string> = {
  none: "server works",
  slow: "slow",
  rate_limit: "429, retry after 5 s",
  error: "500",
  empty: "200, an error in it",
  unauthorized: "401, key refused",
  reset: "connection reset",
  silent: "silent",
};
/** In the order in which a score adds them up (R3). */
const KNOWN = ["failure", "financial", "latency"];

export function OptionCard(props: {
  session: Session;
  entry: Ranked;
  rank: number;
  bar: Bar | undefined;
}): JSX.Element {
  const { session, entry, rank, bar } = props;
  return (
    <li class="option" data-key={entry.option}>
      <div class="option-head">
        <span class="rank" aria-hidden="true">
          {rank}
        </span>
        <h3>{entry.option}</h3>
        <Cooling session={session} option={entry.option} />
        <Tools session={session} option={entry.option} />
        <Score entry={entry} />
      </div>
      <SetAside session={session} option={entry.option} terms={entry.terms} />
      <CostBar bar={bar} />
      <Terms session={session} option={entry.option} terms={entry.terms} />
    </li>
  );
}

function Score({ entry: { score, terms } }: { entry: Ranked }): JSX.Element {
  if (asideOf(terms) !== null) return <p class="score">asked last</p>;
  return (
    <p class="score">
      <span class="quiet">cost</span> {terms.length === 0 ? "…" : cost(score)}
    </p>
  );
}

/** What lowers the cost to the left of the line, what adds to it to the right. */
function CostBar({ bar }: { bar: Bar | undefined }): JSX.Element {
  const { zero, lowering, adding, cut = false } = bar ?? { zero: 0, lowering: [], adding: [] };
  return (
    <div class={cut ? "bar cut" : "bar"} aria-hidden="true">
      <span style={{ width: percent(zero - total(lowering)) }} />
      {[...lowering, ...adding].map(({ dimension, share }) => (
        <span key={dimension} class={`part ${tone(dimension)}`} style={{ width: percent(share) }} />
      ))}
      {zero > 0 && <span class="zero" style={{ left: percent(zero) }} />}
    </div>
  );
}

function percent(share: number): string {
  return `${(share * 100).toFixed(2)}%`;
}

function Terms(props: { session: Session; option: string; terms: readonly Term[] }): JSX.Element {
  const { session, option, terms } = props;
  return (
    <table class="terms" role="table">
      <caption class="unseen">What the cost of {option} is made of</caption>
      <colgroup>
        <col class="col-term" />
        <col class="col-value" />
        <col class="col-cost" />
        <col />
      </colgroup>
      <thead role="rowgroup">
        <tr role="row">
          <th scope="col" role="columnheader">
            Term
          </th>
          <th scope="col" role="columnheader">
            Value × weight
          </th>
          <th scope="col" role="columnheader" class="number">
            Cost
          </th>
          <th scope="col" role="columnheader">
            Known from
          </th>
        </tr>
      </thead>
      <tbody role="rowgroup">
        {terms.length > 0
          ? counted(terms).map((term) => <TermRow key={term.dimension} term={term} me={session.me} all={terms} />)
          : KNOWN.map((dimension) => (
              <tr key={dimension} role="row">
                <th scope="row" role="rowheader">
                  <span class={`swatch ${tone(dimension)}`} aria-hidden="true" />
                  {dimension}
                </th>
                <td role="cell">…</td>
                <td class="number" role="cell">
                  …
                </td>
                <td role="cell">
                  {session.state.value.state === "failed" ? "engine did not start" : "engine starting"}
                </td>
              </tr>
            ))}
      </tbody>
    </table>
  );
}

function TermRow({ term, me, all }: { term: Term; me: Me; all: readonly Term[] }): JSX.Element {
  const known = knownFrom(term, me, all);
  return (
    <tr role="row">
      <th scope="row" role="rowheader">
        <span class={`swatch ${tone(term.dimension)}`} aria-hidden="true" />
        {term.dimension}
      </th>
      <td role="cell">
        {valueOf(term.dimension, term.value)} × {plain(term.weight)}
      </td>
      <td class="number" role="cell">
        {cost(term.product)}
      </td>
      <td role="cell">
        {known.prior ? (
          <span class="prior" title="Nobody has measured this yet; the config declares what to assume.">
            {known.text}
          </span>
        ) : (
          known.text
        )}
        <span class="quiet weight-from">
          <span class="dot"> · </span>weight {sourceText(term.weight_source, me)}
        </span>
      </td>
    </tr>
  );
}

function Tools({ session, option }: { session: Session; option: string }): JSX.Element {
  const fault = session.faults.value[option];
  return (
    <div class="tools">
      {fault === undefined ? (
        <p class="quiet">no upstream, always skipped</p>
      ) : (
        <label class={fault === "none" ? "inline" : "inline faulty"}>
          <span class="unseen">{option} server</span>
          <select value={fault} onChange={(event) => void session.setFault(option, event.currentTarget.value as Fault)}>
            {FAULTS.map((kind) => (
              <option key={kind} value={kind}>
                {FAULT_WORDS[kind]}
              </option>
            ))}
          </select>
        </label>
      )}
      <button type="button" onClick={() => void session.gate(option, false)}>
        Take out <span class="unseen">{option}</span>
      </button>
    </div>
  );
}

/** The class that gives a dimension its colour; the name always stands beside it. */
function tone(dimension: string): string {
  return KNOWN.includes(dimension) ? dimension : "other";
}
