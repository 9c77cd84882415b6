"""The seeded walk of tests/core/live_driver.py inside Pyodide, before numpy is loaded and after."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from playwright.sync_api import BrowserContext

from e2e.harness import ROOT, open_bare
from tests.serving import Orchestrator

STEPS = 10_000
RUN = """async ({ sources, steps }) => {
  const { index, lock } = await (await fetch("/manifest.json")).json();
  const { loadPyodide } = await import(`/${index}pyodide.mjs`);
  const at = (place) => new URL(place, new URL("/", location.href)).href;
  const python = await loadPyodide({ indexURL: at(index), lockFileURL: at(lock) });
  await python.loadPackage(["sporewright"]);
  python.FS.mkdirTree("/suite/tests/core");
  for (const [name, text] of Object.entries(sources)) python.FS.writeFile("/suite/tests/core/" + name, text);
  const walk = (seed) => python.runPython(`
import sys
sys.path.insert(0, "/suite")
from tests.core import live_driver
(live_driver.run(${steps / 2}, ${seed}), "numpy" in sys.modules)
`).toJs();
  const without = walk(0);
  await python.loadPackage(["numpy"]);
  python.runPython("import numpy");
  return [without, walk(1)];
}"""


def test_live_queues_are_the_definition_in_pyodide(
    device: Callable[..., BrowserContext], orchestrator: Orchestrator
) -> None:
    """R1–R8: ten thousand random steps, every queue the plain rules' after each; numpy absent, then present."""
    sources = {name: (ROOT / "tests" / "core" / name).read_text() for name in ("live_driver.py", "sizes.py")}
    page = open_bare(device(), orchestrator.origin)
    page.set_default_timeout(300_000)

    result: Any = page.evaluate(RUN, {"sources": sources, "steps": STEPS})

    assert result == [[STEPS // 2, False], [STEPS // 2, True]]
