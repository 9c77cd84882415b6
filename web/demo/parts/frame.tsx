/** What every state of the page has around it: the name, the sentence that says what this is, the theme switch. */
import { useSignal } from "@preact/signals";
import type { ComponentChildren, JSX, TargetedEvent } from "preact";

const THEMES = ["system", "light", "dark"] as const;
type Theme = (typeof THEMES)[number];
const THEME_KEY = "sporewright-theme";

export function Frame(props: { note?: string; alert?: string; children?: ComponentChildren }): JSX.Element {
  return (
    <>
      <header class="top">
        <a class="skip" href="#order">
          Skip to the order
        </a>
        <p class="name">
          <Mark /> sporewright <span class="quiet">inspector</span>
        </p>
        <ThemeSwitch />
      </header>
      <main>
        <section class="lead" aria-labelledby="title">
          <h1 id="title">This tab decides which LLM provider to call, and learns from every answer.</h1>
          <p class="sub">
            The requests are real; five local servers behave like measured providers, four times faster. Break the first
            one and watch the next answer. The deciding is done by Python in this page: no gateway in between.
          </p>
        </section>
        {props.note !== undefined && <p role="status">{props.note}</p>}
        {props.alert !== undefined && (
          <p role="alert" class="alert">
            {props.alert}
          </p>
        )}
        {props.children}
      </main>
    </>
  );
}

function Mark(): JSX.Element {
  return (
    <svg class="mark" viewBox="0 0 16 16" aria-hidden="true">
      <path class="cap" d="M1.5 8.5a6.5 6.5 0 0 1 13 0z" />
      <path class="stem" d="M6.5 8.5h3v5.5h-3z" />
    </svg>
  );
}

function ThemeSwitch(): JSX.Element {
  const theme = useSignal<Theme>(applyTheme(stored()));
  const choose = (event: TargetedEvent<HTMLSelectElement>): void => {
    theme.value = applyTheme(event.currentTarget.value as Theme);
    keep(theme.value);
  };
  return (
    <label class="theme">
      <span>Theme</span>
      <select value={theme.value} onChange={choose}>
        {THEMES.map((name) => (
          <option key={name} value={name}>
            {name}
          </option>
        ))}
      </select>
    </label>
  );
}

function applyTheme(theme: Theme): Theme {
  if (theme === "system") delete document.documentElement.dataset["theme"];
  else document.documentElement.dataset["theme"] = theme;
  return theme;
}

function stored(): Theme {
  try {
    return THEMES.find((name) => name === localStorage.getItem(THEME_KEY)) ?? "system";
  } catch {
    return "system"; // storage is forbidden here
  }
}

function keep(theme: Theme): void {
  try {
    localStorage.setItem(THEME_KEY, theme);
  } catch {
    return; // as above
  }
}
