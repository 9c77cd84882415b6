"""From how an attempt ended to its outcome, by the plan's rows; and what a Retry-After header asks for."""

from __future__ import annotations

import re
from typing import Literal, NotRequired, TypedDict

from sporewright.errors import ConfigError
from sporewright.routing.httpdate import parse_http_date
from sporewright.routing.plan import PLAN, Outcome, Plan, When

__all__ = ["Ending", "classify", "retry_after_seconds"]


class Ending(TypedDict):
    """How an attempt ended; kind status has a `status`; `retry_after_s` is what the response asked for, in seconds."""

    kind: Literal["status", "network", "timeout", "abort", "prepare"]
    status: NotRequired[int]
    retry_after_s: NotRequired[float]


_EVENT = {"network": "network", "timeout": "timeout", "abort": "aborted", "prepare": "prepare"}


def _holds(when: When, ending: Ending) -> bool:
    if "event" in when and _EVENT.get(ending["kind"]) != when["event"]:
        return False
    if "retry_after" in when and ("retry_after_s" in ending) is not when["retry_after"]:
        return False
    if "status" not in when:
        return True
    low, high = when["status"]
    return ending["kind"] == "status" and low <= ending.get("status", -1) <= high


def classify(ending: Ending, plan: Plan = PLAN) -> Outcome:
    """The outcome of the first row that holds; ConfigError if there is none."""
    for row in plan["classes"]:
        if _holds(row["when"], ending):
            return row["outcome"]
    raise ConfigError(f"no row of the plan classifies {dict(ending)!r}")


def retry_after_seconds(header: str | None, now: float) -> float | None:
    """Seconds that a Retry-After header asks for, ≥ 0; None if it is absent or unreadable.

    `now`: seconds since the epoch, for the form that is a date. Fractions are read: some servers send them.
    """
    text = (header or "").strip()
    if re.fullmatch(r"\d{1,12}(\.\d{1,12})?", text, re.ASCII):
        return float(text)
    date = parse_http_date(text)
    return None if date is None else max(0.0, date - now)
