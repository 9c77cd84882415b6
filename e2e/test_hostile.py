"""The hostile texts of tests/hostile inside Pyodide: another stack, another JSON scanner, the same answers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from playwright.sync_api import BrowserContext

from e2e.harness import ROOT, open_bare
from tests.serving import Orchestrator

RUN = """async ({ source }) => {
  const { index, lock } = await (await fetch("/manifest.json")).json();
  const { loadPyodide } = await import(`/${index}pyodide.mjs`);
  const at = (place) => new URL(place, new URL("/", location.href)).href;
  const python = await loadPyodide({ indexURL: at(index), lockFileURL: at(lock) });
  await python.loadPackage(["sporewright"]);
  python.FS.writeFile("/home/pyodide/decoders.py", source);
  return JSON.parse(python.runPython(`
import json
import decoders
json.dumps({"failures": decoders.run_all(20_000), "readers": len(decoders.READERS)})
`));
}"""


def test_hostile_text_in_pyodide(device: Callable[..., BrowserContext], orchestrator: Orchestrator) -> None:
    """S3: every decoder a browser carries answers every hostile text there too, and the page lives on."""
    source = (ROOT / "tests" / "hostile" / "decoders.py").read_text()
    page = open_bare(device(), orchestrator.origin)
    page.set_default_timeout(180_000)

    result: dict[str, Any] = page.evaluate(RUN, {"source": source})

    assert result["failures"] == []
    assert result["readers"] >= 15
