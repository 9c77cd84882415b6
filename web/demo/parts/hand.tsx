/** Saying something by hand: a value that this device observed, refused in the open where it may not. */
import { useSignal } from "@preact/signals";
import type { JSX, TargetedEvent } from "preact";
import type { Session } from "../session";

const DIMENSIONS = ["latency", "failure", "financial", "quality", "priv:eu-residency"];

export function ByHand({ session }: { session: Session }): JSX.Element {
  const told = useSignal("");
  const send = async (event: TargetedEvent<HTMLFormElement>): Promise<void> => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const [option, dimension, value] = ["option", "dimension", "value"].map((name) => textOf(form.get(name)));
    const done = await session.observe(option ?? "", dimension ?? "", Number(value));
    told.value = done ? `Noted: ${option} ${dimension} ${value}, on this device.` : "Refused; the message says why.";
  };
  return (
    <section class="hand" aria-labelledby="hand-title">
      <h2 id="hand-title">Observe by hand</h2>
      <form onSubmit={(event) => void send(event)}>
        <Choice name="option" label="Option" values={Object.keys(session.world.upstreams)} />
        <Choice name="dimension" label="Dimension" values={DIMENSIONS} />
        <label>
          <span>Value</span>
          <input name="value" type="number" step="any" required value="0.5" inputMode="decimal" />
        </label>
        <button type="submit">Observe</button>
      </form>
      <p class="hint" role="status">
        {told.value || "A device may judge, but not lift an operator’s gate: try priv:eu-residency."}
      </p>
    </section>
  );
}

function Choice({ name, label, values }: { name: string; label: string; values: readonly string[] }): JSX.Element {
  return (
    <label>
      <span>{label}</span>
      <select name={name}>
        {values.map((value) => (
          <option key={value} value={value}>
            {value}
          </option>
        ))}
      </select>
    </label>
  );
}

function textOf(field: FormDataEntryValue | null): string {
  return typeof field === "string" ? field : "";
}
