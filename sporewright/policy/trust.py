"""Trust between reporters: pairwise updates, freshness, states (X1–X3). Trust never weights a vote and is no gate."""

from __future__ import annotations

import math

from sporewright.core.checks import flag, number, unit
from sporewright.errors import ConfigError
from sporewright.jsontext import shown

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
STATES = ("probationary", "limited", "neutral", "trusted", "suspended", "revoked")


def update_pair_trust(
    incoming: float, current: float, *, agree: bool, freshness: float, volatility: float = 0.0
) -> tuple[float, float]:
    """The two trusts after the pair agreed or disagreed, each in [0, 1] (X1).

    Agreeing raises each side by 0.02 · the other's old trust · freshness, whatever the volatility; disagreeing lowers
    it by 0.04 · the other's old trust · freshness · (1 − volatility). A non-finite trust reads 0.5.
    """
    ours, theirs = unit(incoming, START, "incoming"), unit(current, START, "current")
    fresh, steady = unit(freshness, START, "freshness"), 1.0 - unit(volatility, 0.0, "volatility")
    step = AGREE_STEP * fresh if flag(agree, "agree") else -DISAGREE_STEP * fresh * steady
    return unit(ours + step * theirs, START, "incoming"), unit(theirs + step * ours, START, "current")


def freshness(delta_hours: float) -> float:
    """2^(−|Δ|/48): 1 now, 0.5 after two days; 0.5 if Δ is not finite (X2)."""
    delta = number(delta_hours, "delta_hours")
    return 2.0 ** (-abs(delta) / HALF_LIFE_H) if math.isfinite(delta) else 0.5


def next_trust_state(state: str, trust: float) -> str:
    """≥ 0.8 trusted, < 0.3 limited, between them what it was (X2).

    Suspended and revoked stay until they are lifted. ConfigError for a state that is none of `STATES`.
    """
    known = unit(trust, START, "trust")
    if state not in STATES:
        raise ConfigError(f"trust state {shown(state)} is none of {', '.join(STATES)}")
    if state in ("suspended", "revoked"):
        return state
    if known >= 0.8:
        return "trusted"
    return "limited" if known < 0.3 else state
