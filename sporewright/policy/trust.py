"""Trust between reporters: pairwise updates, freshness, states (X1–X3). Trust never weights a vote and is no gate."""

from __future__ import annotations

import math

from sporewright.errors import ConfigError

__all__ = [
    "AGREE_STEP",
    "DISAGREE_STEP",
    "HALF_LIFE_H",
    "START",
    "STATES",
    "freshness",
    "next_trust_state",
    "update_pair_trust",
]

START = 0.5
AGREE_STEP = 0.02
DISAGREE_STEP = 0.04
HALF_LIFE_H = 48.0
STATES = ("limited", "neutral", "trusted", "suspended", "revoked")


def _unit(x: float, fallback: float) -> float:
    """Clamped to [0, 1]; `fallback` if it is not finite."""
    return min(1.0, max(0.0, x)) if math.isfinite(x) else fallback


def update_pair_trust(
    incoming: float, current: float, *, agree: bool, freshness: float, volatility: float = 0.0
) -> tuple[float, float]:
    """The two trusts after the pair agreed or disagreed, each in [0, 1] (X1).

    Agreeing raises each side by 0.02 · the other's old trust · freshness, whatever the volatility; disagreeing lowers
    it by 0.04 · the other's old trust · freshness · (1 − volatility). A non-finite trust reads 0.5.
    """
    ours, theirs = _unit(incoming, START), _unit(current, START)
    fresh = _unit(freshness, START)
    step = AGREE_STEP * fresh if agree else -DISAGREE_STEP * fresh * (1.0 - _unit(volatility, 0.0))
    return _unit(ours + step * theirs, START), _unit(theirs + step * ours, START)


def freshness(delta_hours: float) -> float:
    """2^(−|Δ|/48): 1 now, 0.5 after two days; 0.5 if Δ is not finite (X2)."""
    return 2.0 ** (-abs(delta_hours) / HALF_LIFE_H) if math.isfinite(delta_hours) else 0.5


def next_trust_state(state: str, trust: float) -> str:
    """≥ 0.8 trusted, < 0.3 limited, else neutral; suspended and revoked stay until somebody lifts them (X2)."""
    if state not in STATES:
        raise ConfigError(f"trust state {state!r} is none of {', '.join(STATES)}")
    if state in ("suspended", "revoked"):
        return state
    known = _unit(trust, START)
    if known >= 0.8:
        return "trusted"
    return "limited" if known < 0.3 else "neutral"
