"""What an attempt teaches: exponentially weighted means of latency and failure, as values to write.

Nothing is kept here: the mean so far is what the device reads at its cursor, so the first measurement starts from the
declared or the fleet's value, and learned cells alone carry the memory.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from sporewright.routing.plan import Action, Outcome

__all__ = ["ALPHA", "learn", "moved"]

# One in five: a new level is nine tenths believed after ten calls; a single outlier moves the mean by a fifth.
ALPHA = 0.2


def moved(mean: float | None, x: float, alpha: float = ALPHA) -> float:
    """The mean after one more measurement; the measurement itself where there is no finite mean."""
    if mean is None or not math.isfinite(mean):
        return x
    return mean + alpha * (x - mean)


def learn(
    actions: Sequence[Action],
    outcome: Outcome,
    latency_s: float | None,
    mean: Callable[[str], float | None],
) -> list[tuple[str, float]]:
    """(dimension, new value) of the actions asked for; `mean(dimension)` is what is believed so far.

    A time-out only says that the answer takes longer than was waited: it raises `latency` and never lowers it. A
    latency that is negative, not finite or not given teaches nothing.
    """
    learned: list[tuple[str, float]] = []
    for action in actions:
        if action == "learn_latency" and latency_s is not None and math.isfinite(latency_s) and latency_s >= 0:
            so_far = mean("latency")
            if outcome != "timed_out" or so_far is None or not so_far >= latency_s:
                learned.append(("latency", moved(so_far, latency_s)))
        elif action == "learn_ok":
            learned.append(("failure", moved(mean("failure"), 0.0)))
        elif action == "learn_failure":
            learned.append(("failure", moved(mean("failure"), 1.0)))
    return learned
