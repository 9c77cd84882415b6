"""`make docs`: builds the documentation into `site/`; a dead link, anchor or reference ends it with exit code 1.

The reference of the page's API is drawn from TypeScript by TypeDoc into `docs/reference/typescript/` (not committed),
the one of the command line into `docs/reference/cli.md` from its help; neither is committed. The rest is Markdown, with
Python's docstrings filled in by mkdocstrings.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tools.command_line import DOCUMENT, reference

ROOT = Path(__file__).resolve().parents[1]
SITE = ROOT / "site"
ZENSICAL = Path(sys.executable).with_name("zensical")


def main() -> int:
    """Write the drawn parts, then build everything strictly."""
    DOCUMENT.write_text(reference(), encoding="utf-8")
    steps = [
        (["npx", "--no-install", "typedoc"], ROOT / "web"),
        ([str(ZENSICAL), "build", "--clean", "--strict"], ROOT),
    ]
    for command, folder in steps:
        if subprocess.run(command, cwd=folder).returncode != 0:
            print(f"docs: {Path(command[0]).name} failed", file=sys.stderr)
            return 1
    # Everything in docs/ that is no page is copied, the tests of the documents' examples with it.
    for file in SITE.glob("*.py"):
        file.unlink()
    print(f"docs: {len(list(SITE.rglob('*.html')))} pages, open {SITE / 'index.html'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
