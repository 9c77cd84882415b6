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
TYPES = ROOT / "docs" / "reference" / "typescript" / "all-types.md"
ZENSICAL = Path(sys.executable).with_name("zensical")


def main() -> int:
    """Write the drawn parts, then build everything strictly."""
    DOCUMENT.write_text(reference(), encoding="utf-8")
    if not _run(["npx", "--no-install", "typedoc"], ROOT / "web"):
        return 1
    # TypeDoc escapes "<" as CommonMark does; Python's Markdown knows no such escape.
    TYPES.write_text(TYPES.read_text(encoding="utf-8").replace(r"\<", "&lt;"), encoding="utf-8")
    if not _run([str(ZENSICAL), "build", "--clean", "--strict"], ROOT):
        return 1
    # Everything in docs/ that is no page is copied, the tests of the documents' examples with it.
    for file in SITE.glob("*.py"):
        file.unlink()
    print(f"docs: {len(list(SITE.rglob('*.html')))} pages, open {SITE / 'index.html'}")
    return 0


def _run(command: list[str], folder: Path) -> bool:
    """True if the command succeeded; a failure is reported."""
    if subprocess.run(command, cwd=folder).returncode == 0:
        return True
    print(f"docs: {Path(command[0]).name} failed", file=sys.stderr)
    return False


if __name__ == "__main__":
    sys.exit(main())
