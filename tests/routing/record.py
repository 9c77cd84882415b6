"""Write what Python's interpreter of the plan does with a trace into the trace: `python -m tests.routing.record FILE…`.

`reports.json` is a list of traces whose `reports` are written.

What is written is a claim, not a proof: read the difference (`git diff`) and compare it with what should happen.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from tests.routing.replay import Replay

__all__ = ["record"]


def record(file: Path) -> bool:
    """Renew the trace's `expect`, or the reports of each trace of a list; whether it is another one now."""
    trace = json.loads(file.read_text(encoding="utf-8"))
    renewed: Any
    if isinstance(trace, list):
        renewed = [{**each, "reports": _reports(each)} for each in trace]
    else:
        renewed = {**trace, "expect": Replay(trace).run()}
    file.write_text(json.dumps(renewed, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return bool(renewed != trace)


def _reports(trace: dict[str, Any]) -> list[dict[str, Any]]:
    replay = Replay(trace)
    replay.run()
    return replay.reported.written()


def main() -> None:
    """Record each trace that is named."""
    for name in sys.argv[1:]:
        print(f"{name}: {'written' if record(Path(name)) else 'as it was'}")


if __name__ == "__main__":
    main()
