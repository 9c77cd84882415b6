"""One version number for all parts."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path

import pytest

from sporewright import __version__
from tools.release import Plan, ReleaseError, notes_of, plan_of, with_version

ROOT = Path(__file__).resolve().parents[2]
CHANGELOG = """\
# Changelog

## [Unreleased]

### Fixed

- A fault.

## [0.1.0] - 2026-01-02

### Added

- Everything.
"""


def test_every_part_has_the_version_of_the_package() -> None:
    """Python's package, the page's package and its lock agree; the wheel's is read from the same file."""
    web = json.loads((ROOT / "web" / "package.json").read_text())
    lock = json.loads((ROOT / "web" / "package-lock.json").read_text())
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())

    assert [web["version"], lock["version"], lock["packages"][""]["version"]] == [__version__] * 3
    assert project["project"]["dynamic"] == ["version"]
    assert project["tool"]["hatch"]["version"]["path"] == "sporewright/_version.py"


def test_the_changelog_keeps_its_form() -> None:
    """Keep a Changelog: an unreleased section first, then versions with dates; known kinds; a change a line."""
    lines = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8").splitlines()
    versions = [line for line in lines if line.startswith("## ")]
    kinds = {line.removeprefix("### ") for line in lines if line.startswith("### ")}

    assert versions[0] == "## [Unreleased]"
    assert all(re.fullmatch(r"## \[\d+\.\d+\.\d+\] - \d{4}-\d\d-\d\d", line) for line in versions[1:])
    assert kinds <= {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}
    assert [line for line in lines if line.startswith(" ")] == []


def test_a_release_moves_what_is_unreleased_under_its_version() -> None:
    """The notes are the section's text; a new, empty section takes its place."""
    notes, changelog = notes_of(CHANGELOG, "0.2.0", "2026-03-04")

    assert notes == "### Fixed\n\n- A fault."
    assert "## [Unreleased]\n\n## [0.2.0] - 2026-03-04\n\n### Fixed\n\n- A fault.\n\n## [0.1.0]" in changelog


def test_a_release_without_changes_is_refused() -> None:
    """There is nothing to tell."""
    empty = CHANGELOG.replace("### Fixed\n\n- A fault.\n\n", "")

    with pytest.raises(ReleaseError, match="nothing is unreleased"):
        notes_of(empty, "0.2.0", "2026-03-04")


@pytest.mark.parametrize("version", ["1", "1.2", "v1.2.3", "1.2.3-rc1", "01.2.3", ""])
def test_a_version_is_three_numbers(version: str) -> None:
    """As Semantic Versioning has it, without what comes before or after."""
    with pytest.raises(ReleaseError, match="is no version"):
        plan_of(version, "0.1.0", CHANGELOG, "2026-03-04")


@pytest.mark.parametrize("version", ["0.1.0", "0.0.9"])
def test_a_version_that_was_is_not_released_again(version: str) -> None:
    """A version grows; the first one may be the one that the package has, as long as it has no section."""
    with pytest.raises(ReleaseError, match=r"0\.1\.0"):
        plan_of(version, "0.1.0", CHANGELOG, "2026-03-04")


def test_the_first_release_may_have_the_version_of_the_package() -> None:
    """Nothing was released under it."""
    unreleased = CHANGELOG.partition("## [0.1.0]")[0]

    assert plan_of("0.1.0", "0.1.0", unreleased, "2026-03-04").version == "0.1.0"


def test_a_release_changes_every_part() -> None:
    """The files that a release writes all carry the new version."""
    plan = plan_of("0.2.0", __version__, CHANGELOG, "2026-03-04")
    assert isinstance(plan, Plan)
    written = with_version(ROOT, plan)

    assert sorted(path.name for path in written) == [
        "CHANGELOG.md",
        "_version.py",
        "package-lock.json",
        "package.json",
    ]
    assert all("0.2.0" in text for text in written.values())
    assert json.loads(written[ROOT / "web" / "package-lock.json"])["packages"][""]["version"] == "0.2.0"
