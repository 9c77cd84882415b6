"""Python inside Pyodide, run under Node: the very interpreter that a page will run."""

from __future__ import annotations

import json
import os
from pathlib import Path

from wasmbuild.report import run

SCRIPTS = Path(__file__).resolve().parent.parent / "node"
TIMEOUT_S = 180.0  # five seconds in practice; Pyodide waits for ever on a file that it cannot load


def run_python(pyodide: Path, script: str, what: str, **argument: object) -> str:
    """Run `main(argument)` of a script in a folder's Pyodide and give its answer; BuildError with its traceback."""
    words = ["node", str(SCRIPTS / "python.mjs"), str(pyodide), str(SCRIPTS / script), json.dumps(argument)]
    return run(words, what, cwd=SCRIPTS, env=os.environ, timeout=TIMEOUT_S).strip()
