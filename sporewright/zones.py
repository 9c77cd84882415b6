"""Time zones from the system's database, as the tables that `pools` counts with; no page loads it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

__all__ = ["is_zone", "zone_tables"]

DAY = 86_400
PAST, AHEAD = 400 * DAY, 1500 * DAY
"""A table reaches from a year ago to four years ahead; after that the last offset stands."""


def is_zone(name: str) -> bool:
    """True for a name of the database."""
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True


def zone_tables(names: Iterable[str], now: float) -> dict[str, list[tuple[int, int]]]:
    """Each zone's transitions around now: from when on its clocks are how many seconds ahead of UTC."""
    return {name: _table(ZoneInfo(name), int(now) // DAY * DAY) for name in names}


def _table(zone: ZoneInfo, today: int) -> list[tuple[int, int]]:
    begins = today - PAST
    rows = [(begins, _offset(begins, zone))]
    for day in range(begins, today + AHEAD, DAY):
        if _offset(day + DAY, zone) != rows[-1][1]:
            low, high = day, day + DAY
            while high - low > 1:
                middle = (low + high) // 2
                low, high = (middle, high) if _offset(middle, zone) == rows[-1][1] else (low, middle)
            rows.append((high, _offset(high, zone)))
    return rows


def _offset(at: int, zone: ZoneInfo) -> int:
    ahead = datetime.fromtimestamp(at, zone).utcoffset()
    return 0 if ahead is None else round(ahead.total_seconds())
