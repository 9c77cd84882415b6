"""Write what Python does into each case: `python -m tests.pools.record`; read the difference before it is kept."""

from __future__ import annotations

import json
from pathlib import Path

from tests.pools.script import run

FILE = Path(__file__).parent / "cases.json"


def main() -> None:
    """Renew each case's `expect`: a line a step."""
    cases = json.loads(FILE.read_text(encoding="utf-8"))
    texts = []
    for case in cases:
        case["expect"] = [[said, state] for said, _, state, _ in run(case)]
        lines = [f" {json.dumps(name)}: {json.dumps(part)}" for name, part in case.items() if not _is_listed(name)]
        lines += [
            f' "{name}": [\n  ' + ",\n  ".join(map(json.dumps, case[name])) + "\n ]" for name in ("steps", "expect")
        ]
        texts.append("{\n" + ",\n".join(lines) + "\n}")
    FILE.write_text("[" + ",\n".join(texts) + "]\n", encoding="utf-8")


def _is_listed(name: str) -> bool:
    return name in ("steps", "expect")


if __name__ == "__main__":
    main()
