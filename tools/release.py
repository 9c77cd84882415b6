"""`make release VERSION=1.2.3`: checks, builds, notes and a tag; dry unless `DRY=0`.

A dry run checks that a release could be made, runs `make check`, builds the wheel and the page, and prints the notes.
With `DRY=0` it runs `make test` besides, writes the version into every part and the date into the changelog, builds,
commits and tags `v1.2.3`. Nothing is pushed or published.
"""

from __future__ import annotations

import argparse
import datetime
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from sporewright import __version__

__all__ = ["Plan", "ReleaseError", "main", "notes_of", "plan_of", "with_version"]

ROOT = Path(__file__).resolve().parents[1]
NUMBER = r"(?:0|[1-9]\d*)"
UNRELEASED = "## [Unreleased]\n"


class ReleaseError(Exception):
    """A release that cannot be made; the message says why."""


@dataclass(frozen=True)
class Plan:
    """A release to be made: the version, its notes, and the changelog with them under the version."""

    version: str
    notes: str
    changelog: str


def plan_of(version: str, current: str, changelog: str, date: str) -> Plan:
    """The release of `version` after `current`; ReleaseError for one that cannot follow."""
    if not re.fullmatch(rf"{NUMBER}\.{NUMBER}\.{NUMBER}", version):
        raise ReleaseError(f"{version!r} is no version: three numbers are wanted, as in 1.2.3")
    was_released = f"## [{current}]" in changelog
    if _parts(version) < _parts(current) or (version == current and was_released):
        raise ReleaseError(f"{version} does not follow {current}")
    return Plan(version, *notes_of(changelog, version, date))


def notes_of(changelog: str, version: str, date: str) -> tuple[str, str]:
    """The unreleased changes, and the changelog with them under `version`; ReleaseError if there are none."""
    before, found, after = changelog.partition(UNRELEASED)
    if not found:
        raise ReleaseError(f"CHANGELOG.md has no line {UNRELEASED.strip()!r}")
    notes, following, rest = after.partition("\n## [")
    if "\n- " not in notes:
        raise ReleaseError("nothing is unreleased: CHANGELOG.md has no change under [Unreleased]")
    return notes.strip(), f"{before}{UNRELEASED}\n## [{version}] - {date}\n\n{notes.strip()}\n{following}{rest}"


def with_version(root: Path, plan: Plan) -> Mapping[Path, str]:
    """The text of each file that a release writes: the parts with the version in them, and the changelog."""
    web = root / "web"
    changed = {
        path: _replaced(path, pattern, plan.version, count)
        for path, pattern, count in (
            (root / "sporewright" / "_version.py", r'(?<=__version__ = ")[^"]+', 1),
            (web / "package.json", r'(?<=^  "version": ")[^"]+', 1),
            # The package itself stands in its lock twice, before any dependency.
            (web / "package-lock.json", r'(?<="version": ")[^"]+', 2),
        )
    }
    return {**changed, root / "CHANGELOG.md": plan.changelog}


def _replaced(path: Path, pattern: str, version: str, count: int) -> str:
    text, found = re.subn(pattern, version, path.read_text(encoding="utf-8"), count=count, flags=re.MULTILINE)
    if found != count:
        raise ReleaseError(f"{path}: the version was not found")
    return text


def _parts(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))


def _run(*command: str) -> None:
    """Run a command that shows what it does; ReleaseError if it fails."""
    print(f"release: {command[0]} {command[1]}", flush=True)
    code = subprocess.run(command, cwd=ROOT).returncode
    if code != 0:
        raise ReleaseError(f"{' '.join(command)} ended with {code}")


def _told(*command: str) -> str:
    """The output of a command."""
    return subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True).stdout.strip()


def _check_repository(version: str) -> None:
    if _told("git", "tag", "--list", f"v{version}"):
        raise ReleaseError(f"the tag v{version} is there already")
    changes = _told("git", "status", "--porcelain")
    if changes:
        raise ReleaseError(f"there are changes that are not committed:\n{changes}")


def release(version: str, *, is_dry: bool) -> None:
    """Make the release, or try whether it could be made."""
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    plan = plan_of(version, __version__, changelog, datetime.datetime.now(datetime.UTC).date().isoformat())
    _check_repository(version)
    _run("make", "check" if is_dry else "test")
    if not is_dry:
        for path, text in with_version(ROOT, plan).items():
            path.write_text(text, encoding="utf-8")
    _run("make", "build", "docs")
    _run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(ROOT / "dist"))
    print(f"\n# {version}\n\n{plan.notes}\n")
    if is_dry:
        print(f"release: {version} could be made; DRY=0 makes it")
        return
    _run("git", "commit", "--all", "--message", f"Release {version}")
    # Headings begin with "#", which is a comment to git otherwise.
    _run(
        "git",
        "tag",
        "--annotate",
        "--cleanup=whitespace",
        f"v{version}",
        "--message",
        f"sporewright {version}\n\n{plan.notes}",
    )
    print(f"release: tagged v{version}; the wheel is in dist/, the page in web/dist/; push with `git push --tags`")


def main() -> int:
    """Read the command line; exit code 1 with the reason where there is no release."""
    parser = argparse.ArgumentParser(prog="make release", description=__doc__)
    parser.add_argument("version")
    parser.add_argument("--for-real", action="store_true", help="write, commit and tag (DRY=0)")
    words = parser.parse_args()
    try:
        release(words.version, is_dry=not words.for_real)
    except ReleaseError as why:
        print(f"release: {why}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
