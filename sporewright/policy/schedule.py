"""When to look again and what to do first: churn, re-checks, work priority, leases, work budgets (X4, X5)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sporewright.errors import ConfigError

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


def next_churn(churn: Churn, now_hours: float) -> Churn:
    """The churn after one more change: a new window after 24 h, and a 24 h cooldown with the 6th change (X4)."""
    fresh_window = now_hours - churn.window_start >= WINDOW_H
    start = now_hours if fresh_window else churn.window_start
    changes = 1 if fresh_window else churn.changes + 1
    until = now_hours + COOLDOWN_H if changes == CHURN_LIMIT else churn.cooldown_until
    return Churn(start, changes, until)


def should_reinvestigate(freshness: float, churn: Churn, now_hours: float) -> bool:
    """Only above freshness 0.1, under the churn limit within its window, and out of cooldown (X4)."""
    in_window = now_hours - churn.window_start < WINDOW_H
    changes = churn.changes if in_window else 0
    return freshness > MIN_FRESHNESS and changes < CHURN_LIMIT and now_hours >= churn.cooldown_until


def recheck_priority(freshness: float) -> int:
    """max(1, round(1000 · freshness)), halves upwards as the published cores round; 1 if it is not finite (X4)."""
    if not math.isfinite(freshness):
        return 1
    whole, rest = divmod(1000.0 * freshness, 1.0)
    return max(1, int(whole) + (rest >= 0.5))


def work_priority(staleness: float, trust: float, volatility: float) -> float:
    """staleness · (1 + (1 − trust)) · volatility, each factor clipped at 0 (X5)."""
    return max(0.0, staleness) * max(0.0, 1.0 + (1.0 - trust)) * max(0.0, volatility)


def buckets(priorities: Mapping[str, float], levels: int) -> dict[str, int]:
    """item → bucket 1..levels by rank, 1 the most urgent; equal priorities by name (X5)."""
    if levels < 1:
        raise ConfigError(f"buckets: levels must be at least 1, not {levels!r}")
    ranked: Sequence[str] = sorted(priorities, key=lambda item: (-priorities[item], item))
    return {item: 1 + at * levels // len(ranked) for at, item in enumerate(ranked)}


def lease_expired(leased_at: float, now: float, ttl: float = LEASE_S) -> bool:
    """True once the lease has been in flight for its whole TTL in seconds: the work is delivered again (X5)."""
    return now - leased_at >= ttl


def work_budget(ceiling: float, floor: float, saturation: float) -> float:
    """From `ceiling` at saturation 0 linearly to `floor` at 1; saturation is clamped to [0, 1], NaN is full (X5)."""
    full = 1.0 if math.isnan(saturation) else min(1.0, max(0.0, saturation))
    return ceiling + (floor - ceiling) * full
