"""The wait that a response asks for: the plan's headers, in their forms (RFC 9110 §10.2.3 and the providers' own)."""

from __future__ import annotations

import re
from collections.abc import Callable

from sporewright.routing.http_date import parse_http_date
from sporewright.routing.plan import PLAN
from sporewright.routing.terms import Plan

__all__ = ["pace_seconds", "retry_after_seconds"]

_NUMBER = r"\d{1,12}(?:\.\d{1,12})?"
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
# Beyond this a number of seconds is a moment since the epoch (September 2001), not a wait.
_EPOCH = 1e9
_BLANK = " \t"
"""The characters that may stand around a value (RFC 9110 §5.6.3)."""


def _number(text: str) -> float | None:
    return float(text) if re.fullmatch(_NUMBER, text, re.ASCII) else None


def retry_after_seconds(header: str | None, now: float) -> float | None:
    """Seconds that a Retry-After header asks for, ≥ 0; None if it is absent or unreadable.

    `now`: seconds since the epoch, for the form that is a date. Fractions are read: some servers send them.
    """
    text = (header or "").strip(_BLANK)
    seconds = _number(text)
    if seconds is not None:
        return seconds
    date = parse_http_date(text, now)
    return None if date is None else max(0.0, date - now)


def _milliseconds(text: str, now: float) -> float | None:  # noqa: ARG001
    number = _number(text)
    return None if number is None else number / 1000


def _seconds(text: str, now: float) -> float | None:
    number = _number(text)
    if number is None or number < _EPOCH:
        return number
    return max(0.0, number - now)


def _duration(text: str, now: float) -> float | None:
    """1m30.5s, 20ms, 6h; or a bare number of seconds."""
    parts = re.findall(rf"({_NUMBER})(ms|s|m|h|d)", text, re.ASCII)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        return _seconds(text, now)
    total = 0.0
    for number, unit in parts:
        total += float(number) * _SECONDS[unit]
    return total


def _structured(text: str, now: float) -> float | None:  # noqa: ARG001
    """`"policy";r=0;t=30`, or the older `limit=10, remaining=0, reset=30`; None while something is left."""
    fields = dict(re.findall(rf"\b(r|t|remaining|reset)[ \t]*=[ \t]*({_NUMBER})(?![\w.])", text, re.ASCII))
    left, reset = fields.get("r", fields.get("remaining")), fields.get("t", fields.get("reset"))
    if reset is None or (left is not None and float(left) > 0):
        return None
    return float(reset)


_FORMS: dict[str, Callable[[str, float], float | None]] = {
    "retry-after": retry_after_seconds,
    "milliseconds": _milliseconds,
    "seconds": _seconds,
    "duration": _duration,
    "structured": _structured,
}


def pace_seconds(get: Callable[[str], str | None], now: float, plan: Plan = PLAN) -> float | None:
    """Seconds ≥ 0 that the plan's first readable header asks for; `get` looks a header up by its lower-case name."""
    for row in plan["pace_headers"]:
        text = (get(row["header"]) or "").strip(_BLANK)
        left = _number((get(row["unless_left"]) or "").strip(_BLANK)) if "unless_left" in row else None
        if not text or (left is not None and left > 0):
            continue
        seconds = _FORMS[row["form"]](text, now)
        if seconds is not None:
            return seconds
    return None
