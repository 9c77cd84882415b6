"""The same conformance runner and cases, inside Pyodide in a real browser."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext

from e2e.harness import ROOT, open_bare
from tests.serving import Orchestrator

SHARED = Path(os.environ.get("SPOREWRIGHT_SHARED", ROOT.parent / "shared")) / "conformance"
SUITE = ROOT / "tests" / "conformance"

RUN = """async ({ runner, cases }) => {
  const { index, lock } = await (await fetch("/manifest.json")).json();
  const { loadPyodide } = await import(`/${index}pyodide.mjs`);
  const at = (place) => new URL(place, new URL("/", location.href)).href;
  const python = await loadPyodide({ indexURL: at(index), lockFileURL: at(lock) });
  await python.loadPackage(["sporewright"]);
  for (const [path, text] of Object.entries(runner)) {
    python.FS.mkdirTree("/suite/" + path.split("/").slice(0, -1).join("/"));
    python.FS.writeFile("/suite/" + path, text);
  }
  python.globals.set("cases_json", JSON.stringify(cases));
  return JSON.parse(python.runPython(`
import json, sys
sys.path.insert(0, "/suite")
from conformance.runner import run
failures = []
for folder, name, text in json.loads(cases_json):
    for failure in run(folder, json.loads(text)):
        failures.append(f"{folder}/{name}: {failure}")
json.dumps({"ran": len(json.loads(cases_json)), "failures": failures})
`));
}"""


def files_under(root: Path) -> list[tuple[str, str, str]]:
    """Every case as (kind folder, file name, text): JavaScript would read 2.0 as 2 and lose the sign of -0.0."""
    return [(file.parent.name, file.name, file.read_text()) for file in sorted(root.rglob("*.json"))]


def run_in_browser(
    device: Callable[..., BrowserContext], server: Orchestrator, cases: list[tuple[str, str, str]]
) -> dict[str, object]:
    """Run the cases with the suite's own runner in Pyodide."""
    runner = {
        f"conformance/{file.relative_to(SUITE)}": file.read_text()
        for file in SUITE.rglob("*.py")
        if not file.name.startswith("test_")
    }
    runner.setdefault("conformance/__init__.py", "")
    page = open_bare(device(), server.origin)
    page.set_default_timeout(120_000)
    result: dict[str, object] = page.evaluate(RUN, {"runner": runner, "cases": cases})
    return result


@pytest.mark.skipif(not SHARED.is_dir(), reason=f"the published cores' cases are not at {SHARED}")
def test_the_published_cases_in_pyodide(device: Callable[..., BrowserContext], orchestrator: Orchestrator) -> None:
    """All golden cases of the published cores take the same decisions inside the browser's Python."""
    cases = files_under(SHARED)

    result = run_in_browser(device, orchestrator, cases)

    assert result["failures"] == []
    assert result["ran"] == len(cases) >= 44


def test_the_projects_own_cases_in_pyodide(device: Callable[..., BrowserContext], orchestrator: Orchestrator) -> None:
    """The project's own corpus gives the same answers inside the browser's Python."""
    cases = files_under(SUITE / "cases")

    result = run_in_browser(device, orchestrator, cases)

    assert result["failures"] == []
    assert result["ran"] == len(cases) > 0
