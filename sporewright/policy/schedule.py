"""Scheduling of work: churn, re-checks, work priority, leases, work budgets (X4, X5)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from sporewright.core.checks import count, finite, instance_of, mapping, number, unit
from sporewright.policy.trust import START

__all__ = [
    "CHURN_LIMIT",
    "COOLDOWN_H",
    "LEASE_S",
    "Churn",
    "buckets",
    "lease_expired",
    "next_churn",
    "recheck_priority",
    "should_reinvestigate",
    "work_budget",
    "work_priority",
]

WINDOW_H = 24.0
CHURN_LIMIT = 6
COOLDOWN_H = 24.0
MIN_FRESHNESS = 0.1
LEASE_S = 600.0


@dataclass(frozen=True, slots=True)
class Churn:
    """Changes in the window that began at `window_start`; no re-check before `cooldown_until`. Hours of one clock."""

    window_start: float
    changes: int = 0
    cooldown_until: float = -math.inf

    def __post_init__(self) -> None:
        finite(self.window_start, "window_start")
        count(self.changes, "changes")
        number(self.cooldown_until, "cooldown_until")


def next_churn(churn: Churn, now_hours: float) -> Churn:
    """The churn after one more change: a new window when 24 h are over, a 24 h cooldown from the 6th change on (X4).

    A change at exactly 24 h still counts in the old window, and each one beyond the sixth extends the cooldown.
    """
    now_hours = finite(now_hours, "now_hours")
    instance_of(Churn, churn, "churn")
    fresh_window = now_hours - churn.window_start > WINDOW_H
    start = now_hours if fresh_window else churn.window_start
    changes = 1 if fresh_window else churn.changes + 1
    until = now_hours + COOLDOWN_H if changes >= CHURN_LIMIT else churn.cooldown_until
    return Churn(start, changes, until)


def should_reinvestigate(freshness: float, churn: Churn, now_hours: float) -> bool:
    """Only from freshness 0.1 up, under the churn limit within its window, and out of cooldown (X4)."""
    now_hours, freshness = finite(now_hours, "now_hours"), number(freshness, "freshness")
    instance_of(Churn, churn, "churn")
    in_window = now_hours - churn.window_start <= WINDOW_H
    changes = churn.changes if in_window else 0
    return freshness >= MIN_FRESHNESS and changes < CHURN_LIMIT and now_hours >= churn.cooldown_until


def recheck_priority(freshness: float) -> int:
    """max(1, round(1000 · freshness)), halves upwards as the published cores round; 1 if it is not finite (X4)."""
    thousandths = 1000.0 * number(freshness, "freshness")
    if not math.isfinite(thousandths):
        return 1
    whole, rest = divmod(thousandths, 1.0)
    return max(1, int(whole) + (rest >= 0.5))


def work_priority(staleness: float, trust: float, volatility: float) -> float:
    """staleness · (1 + (1 − trust)) · volatility, each factor clipped at 0 (X5).

    Trust is clamped to [0, 1], and 0.5 where it is not finite (X1); a staleness or volatility that is NaN counts as 0.
    """
    doubt = 1.0 + (1.0 - unit(trust, START, "trust"))
    factors = number(staleness, "staleness"), doubt, number(volatility, "volatility")
    product = 1.0
    for factor in factors:
        product *= max(0.0, factor)
    return max(0.0, product)


def buckets(priorities: Mapping[str, float], levels: int) -> dict[str, int]:
    """item → bucket 1..levels by rank, `levels` the most urgent; equal priorities by name, NaN least urgent (X5)."""
    count(levels, "buckets: levels", 1)
    known = {item: number(x, f"priorities[{item!r}]") for item, x in mapping(priorities, "priorities").items()}
    ranked = sorted(known, key=lambda item: (known[item] != known[item], _descending(known[item]), item))
    return {item: levels - at * levels // len(ranked) for at, item in enumerate(ranked)}


def _descending(priority: float) -> float:
    return 0.0 if math.isnan(priority) else -priority


def lease_expired(leased_at: float, now: float, ttl: float = LEASE_S) -> bool:
    """True once the lease has been in flight for its whole TTL in seconds: the work is delivered again (X5)."""
    return number(now, "now") - number(leased_at, "leased_at") >= number(ttl, "ttl")


def work_budget(ceiling: float, floor: float, saturation: float) -> float:
    """From `ceiling` at saturation 0 linearly to `floor` at 1; saturation is clamped to [0, 1], NaN is full (X5)."""
    ceiling, floor, saturation = number(ceiling, "ceiling"), number(floor, "floor"), number(saturation, "saturation")
    full = 1.0 if math.isnan(saturation) else min(1.0, max(0.0, saturation))
    return ceiling + (floor - ceiling) * full
