"""The turns of a calendar's windows: whole seconds and a zone's table of transitions, nothing else (P1).

A zone is a table `[(at, offset), …]`: from `at` on, in seconds since the epoch, its clocks are `offset` seconds ahead
of UTC. The first row holds before it, too. Who has a database of zones compiles the tables; here is only arithmetic,
the same in every language.
"""

from __future__ import annotations

from collections.abc import Sequence

from sporewright.pools.declared import Turn

__all__ = ["UTC", "Zone", "turn_after"]

Zone = Sequence[tuple[int, int]]
UTC: Zone = ((0, 0),)
HOUR, DAY = 3600, 86400
_MONDAY = 4
"""The first Monday after the epoch, a Thursday, in days since."""


def turn_after(now: int, turn: Turn, zone: Zone) -> int:
    """The first second after `now` at which a window of this kind turns.

    A day begins with the first instant of its date, so one that the clocks skip begins with the next that there is, and
    one that they go back to does not begin twice. Hours turn whenever the minute hand passes twelve, also if the clocks
    show the same hour again.
    """
    if turn == "hour":
        return _hour_after(now, zone)
    local = now + _offset(now, zone)
    boundary = _next(local, turn)
    at = _first(boundary, zone)
    while at <= now:
        boundary = _next(boundary, turn)
        at = _first(boundary, zone)
    return at


def _row(now: int, zone: Zone) -> int:
    """The number of the row that holds at this instant."""
    low, high = 0, len(zone)
    while high - low > 1:
        middle = (low + high) // 2
        if zone[middle][0] <= now:
            low = middle
        else:
            high = middle
    return low


def _offset(now: int, zone: Zone) -> int:
    return zone[_row(now, zone)][1]


def _hour_after(now: int, zone: Zone) -> int:
    row = _row(now, zone)
    at = now + HOUR - (now + zone[row][1]) % HOUR
    while row + 1 < len(zone) and at > zone[row + 1][0]:
        row += 1
        begins, offset = zone[row]
        at = begins + -(begins + offset) % HOUR
    return at


def _first(local: int, zone: Zone) -> int:
    """The first instant at which the clocks show this local time, or one after it."""
    for row in range(len(zone) - 1):
        at = local - zone[row][1]
        if at < zone[row + 1][0]:
            return at if row == 0 else max(at, zone[row][0])
    at = local - zone[-1][1]
    return at if len(zone) == 1 else max(at, zone[-1][0])


def _next(local: int, turn: Turn) -> int:
    """The next beginning of a day, week (Monday) or month after this local time, in local seconds."""
    day = local // DAY
    if turn == "day":
        return (day + 1) * DAY
    if turn == "week":
        return (day + 7 - (day - _MONDAY) % 7) * DAY
    return _month_after(day) * DAY


def _month_after(day: int) -> int:
    """The first day of the month after this day's (days since 1 January 1970; Gregorian, for all time)."""
    # Years that begin in March end with their leap day: 400 of them have 146,097 days, a month begins every 30.6.
    shifted = day + 719468
    era = shifted // 146097
    in_era = shifted - era * 146097
    year = (in_era - in_era // 1460 + in_era // 36524 - in_era // 146096) // 365
    in_year = in_era - (365 * year + year // 4 - year // 100)
    month = (5 * in_year + 2) // 153 + 1
    if month == 12:
        year, month = year + 1, 0
    years = 365 * year + year // 4 - year // 100 + year // 400
    return era * 146097 + years + (153 * month + 2) // 5 - 719468
