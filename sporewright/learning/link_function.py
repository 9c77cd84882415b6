"""From the units of a cell to the line a belief lives on, and back."""

from __future__ import annotations

import math
from typing import NamedTuple

from sporewright.learning.settings import Scale

__all__ = ["Moments", "cell_of", "coordinate_of", "hazard", "value_of"]

# Below a nanosecond, or a billionth of a dollar, there is nothing to tell apart: the logarithm of 0 is not asked for.
FLOOR = 1e-9
# exp() of a wide belief stays a number that can be weighed.
MOST_LOG, MOST_VARIANCE = 40.0, 12.0
# From here on the tail of the normal distribution is its asymptote, to more digits than matter.
FAR = 25.0


class Moments(NamedTuple):
    """Mean and variance, on the line of a scale or in a cell's units."""

    mean: float
    variance: float


def coordinate_of(scale: Scale, value: float) -> float:
    """The place of a value on the line: its logarithm, or itself."""
    return math.log(max(value, FLOOR)) if scale == "log" else value


def value_of(x: float) -> float:
    """The value whose logarithm lies there."""
    return math.exp(min(MOST_LOG, x))


def cell_of(scale: Scale, belief: Moments, noise: float) -> Moments:
    """The expected value of one call, and the variance of that expectation: what looking again could tell.

    log: exp(m + s²/2) with s² = variance + noise, the mean of a log-normal; the variance is (e^variance − 1)·mean².
    unit: the mean, kept in [0, 1]; the variance at most mean², because the best that looking again could tell is 0.
    """
    mean, variance = belief
    if scale == "unit":
        expected = min(1.0, max(0.0, mean))
        return Moments(expected, min(variance, expected * expected))
    variance = min(variance, MOST_VARIANCE)
    expected = math.exp(min(MOST_LOG, mean + (variance + min(noise, MOST_VARIANCE)) / 2))
    return Moments(expected, math.expm1(variance) * expected * expected)


def hazard(z: float) -> float:
    """φ(z) / (1 − Φ(z)): how far above a bound, in standard deviations from the mean, the rest lies on average."""
    if z > FAR:
        return z + 1.0 / z
    tail = 0.5 * math.erfc(z / math.sqrt(2.0))
    return math.exp(-0.5 * z * z) / math.sqrt(2.0 * math.pi) / tail
