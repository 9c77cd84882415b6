"""The system's time zones as tables (P1)."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from sporewright.zones import is_zone, zone_tables


def test_the_table_of_a_zone_that_changes_its_clocks() -> None:
    """To the second, on both sides of now."""
    now = datetime(2026, 3, 1, tzinfo=UTC).timestamp()
    table = zone_tables(["Europe/Vienna"], now)["Europe/Vienna"]

    assert (int(datetime(2026, 3, 29, 1, tzinfo=UTC).timestamp()), 7200) in table
    assert (int(datetime(2025, 10, 26, 1, tzinfo=UTC).timestamp()), 3600) in table
    assert len(table) == 12


@pytest.mark.parametrize("name", ["Asia/Kolkata", "Australia/Lord_Howe", "America/St_Johns", "Africa/Cairo"])
def test_the_table_says_what_the_database_says(name: str) -> None:
    """Every six hours from a year ago to four years ahead."""
    now = 1_780_000_000
    table = zone_tables([name], now)[name]
    for at in range(now - 390 * 86_400, now + 1490 * 86_400, 21_600):
        ahead = datetime.fromtimestamp(at, ZoneInfo(name)).utcoffset()
        assert ahead is not None
        assert [offset for begins, offset in table if begins <= at][-1] == ahead.total_seconds()


@pytest.mark.parametrize(("name", "known"), [
    ("Europe/Vienna", True), ("UTC", True), ("Mars/Base", False), ("", False), ("../etc/passwd", False), ("a\0", False),
])  # fmt: skip
def test_names_of_zones(name: str, known: bool) -> None:
    """A path, or nothing, is none."""
    assert is_zone(name) is known
