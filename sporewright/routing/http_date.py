"""The three ways HTTP writes a date, read without a calendar library (RFC 9110 §5.6.7)."""

from __future__ import annotations

import math
import re

__all__ = ["parse_http_date"]

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_TIME = r"(?P<h>\d\d):(?P<m>\d\d):(?P<s>\d\d)"
_FORMS = tuple(
    re.compile(form, re.IGNORECASE | re.ASCII)
    for form in (
        rf"[a-z]{{3}}, (?P<day>\d\d) (?P<month>[a-z]{{3}}) (?P<year>\d{{4}}) {_TIME} GMT",
        rf"[a-z]{{6,9}}, (?P<day>\d\d)-(?P<month>[a-z]{{3}})-(?P<year>\d\d) {_TIME} GMT",
        rf"[a-z]{{3}} (?P<month>[a-z]{{3}}) (?P<day>[ \d]\d) {_TIME} (?P<year>\d{{4}})",
    )
)
_YEAR_S = 31_556_952
_DAYS = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


def _days_before(year: int) -> int:
    """Days from 1 January of year 1 to 1 January of `year`, proleptic Gregorian."""
    past = year - 1
    return past * 365 + past // 4 - past // 100 + past // 400


def _is_leap(year: int) -> bool:
    return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)


def _full_year(two: int, now: float) -> int:
    """The year of these two digits that is at most 50 years from `now` (RFC 9110 §5.6.7)."""
    this = 1970 + math.floor(now / _YEAR_S)
    return two + 100 * math.floor((this + 50 - two) / 100)


def parse_http_date(text: str, now: float) -> float | None:
    """Seconds since the Unix epoch; None for what is no date. `now` decides about a year of two digits."""
    found = next((match for form in _FORMS if (match := form.fullmatch(text))), None)
    if found is None or found["month"].lower() not in _MONTHS:
        return None
    month, day, year = _MONTHS.index(found["month"].lower()), int(found["day"]), int(found["year"])
    if len(found["year"]) == 2:
        year = _full_year(year, now)
    hours, minutes, seconds = int(found["h"]), int(found["m"]), int(found["s"])
    leap = _is_leap(year)
    if (
        year < 1
        or not 1 <= day <= _DAYS[month] - (month == 1 and not leap)
        or hours > 23
        or minutes > 59
        or seconds > 60
    ):
        return None
    days = _days_before(year) - _days_before(1970) + sum(_DAYS[:month]) - (month > 1 and not leap) + day - 1
    return float(((days * 24 + hours) * 60 + minutes) * 60 + seconds)
