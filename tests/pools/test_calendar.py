"""The turns of windows: beside the standard library's calendar and time zones (P1)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sporewright.pools.calendar import UTC as UTC_TABLE
from sporewright.pools.calendar import turn_after
from sporewright.pools.declared import TURNS, Turn

ZONES = ("Europe/Vienna", "America/Sao_Paulo", "Asia/Kolkata", "Australia/Lord_Howe", "Africa/Cairo", "Pacific/Apia")
BEGINS, ENDS = 1_230_768_000, 1_420_070_400  # 2009 to 2015: every zone above has changed its clocks, one skipped a day


def offset(at: int, zone: ZoneInfo) -> int:
    """Seconds ahead of UTC."""
    found = datetime.fromtimestamp(at, zone).utcoffset()
    assert found is not None
    return int(found.total_seconds())


def table(name: str) -> list[tuple[int, int]]:
    """The zone's transitions, found hour by hour and then to the second."""
    zone = ZoneInfo(name)
    rows = [(BEGINS, offset(BEGINS, zone))]
    for low, high in pairwise(range(BEGINS, ENDS + 1, 3600)):
        if offset(low, zone) != offset(high, zone):
            low, high = low, high
            while high - low > 1:
                middle = (low + high) // 2
                low, high = (low, middle) if offset(middle, zone) != rows[-1][1] else (middle, high)
            rows.append((high, offset(high, zone)))
    return rows


TABLES = {name: table(name) for name in ZONES}
instants = st.integers(BEGINS, ENDS - 40 * 86400)


def began(at: datetime, turn: Turn) -> datetime:
    """The local beginning of the window, as people count it."""
    day = at.replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=None, fold=0)
    if turn == "week":
        return day - timedelta(days=day.weekday())
    return day.replace(day=1) if turn == "month" else day


@given(instants, st.sampled_from(ZONES), st.sampled_from([turn for turn in TURNS if turn != "hour"]))
def test_days_weeks_and_months_turn_with_the_date(now: int, name: str, turn: Turn) -> None:
    """The first second whose date belongs to a later window than any second before it, and no earlier one does."""
    zone = ZoneInfo(name)
    at = turn_after(now, turn, TABLES[name])
    here, before, there = (began(datetime.fromtimestamp(x, zone), turn) for x in (now, at - 1, at))

    assert now < at
    assert before < there
    assert here <= before
    # Where the clocks go back over midnight, the window has turned already.
    assert here == before or any(now < begins <= at for begins, _ in TABLES[name])


@given(instants, st.sampled_from(ZONES))
def test_hours_turn_when_the_minute_hand_passes_twelve(now: int, name: str) -> None:
    """Within an hour, or half a one more where the clocks are set by half an hour."""
    at = turn_after(now, "hour", TABLES[name])
    local = datetime.fromtimestamp(at, ZoneInfo(name))

    assert (local.minute, local.second) == (0, 0)
    assert 0 < at - now <= 5400


@pytest.mark.parametrize(
    ("name", "turn", "now", "at"),
    [
        ("Europe/Vienna", "day", "2014-03-29T23:00:00", "2014-03-30T22:00:00"),  # a day of 23 hours
        ("Europe/Vienna", "day", "2014-10-25T22:00:00", "2014-10-26T23:00:00"),  # of 25
        ("Europe/Vienna", "hour", "2014-10-26T00:30:00", "2014-10-26T01:00:00"),  # the same hour again
        ("America/Sao_Paulo", "day", "2014-10-18T12:00:00", "2014-10-19T03:00:00"),  # its midnight was skipped
        ("Pacific/Apia", "day", "2011-12-29T20:00:00", "2011-12-30T10:00:00"),  # 30 December was skipped
        ("Asia/Kolkata", "hour", "2012-01-01T00:00:00", "2012-01-01T00:30:00"),
    ],
)
def test_days_that_are_no_24_hours(name: str, turn: Turn, now: str, at: str) -> None:
    """Clocks that go forward, back, over midnight, and over a whole day."""
    begins, ends = (int(datetime.fromisoformat(x).replace(tzinfo=UTC).timestamp()) for x in (now, at))

    assert turn_after(begins, turn, TABLES[name]) == ends


def test_a_window_turns_once_where_clocks_go_back_over_midnight() -> None:
    """It was midnight, a minute later it is eleven again: the new day has begun already and ends a day later."""
    zone = ((0, 0), (86_460, -3600))

    assert turn_after(86_399, "day", zone) == 86_400
    assert turn_after(86_400, "day", zone) == 2 * 86_400 + 3600
    assert turn_after(86_461, "day", zone) == 2 * 86_400 + 3600


@pytest.mark.parametrize("zone", [UTC_TABLE, ((0, 0), (10, 0)), ((-100, 0), (86_400 * 40, 3600))])
def test_utc(zone: tuple[tuple[int, int], ...]) -> None:
    """With one row or with some: a day, the first Monday, the first of February."""
    assert [turn_after(0, turn, zone) for turn in TURNS] == [3600, 86_400, 4 * 86_400, 31 * 86_400]


@given(st.integers(0, 4_000_000_000))
def test_months_as_the_standard_library_counts_them(now: int) -> None:
    """The first day of the month after, leap years and centuries included."""
    here = datetime.fromtimestamp(now, UTC)
    there = datetime(here.year + here.month // 12, here.month % 12 + 1, 1, tzinfo=UTC)

    assert turn_after(now, "month", UTC_TABLE) == there.timestamp()
