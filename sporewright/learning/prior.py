"""What is believed of an option before it was measured here: a fleet's word, an operator's, or a guess."""

from __future__ import annotations

import math
from typing import NamedTuple

from sporewright.learning.scale import Moments, cell_of, coordinate_of
from sporewright.learning.settings import DimensionSettings
from sporewright.learning.track import Track, blurred

__all__ = ["Declared", "blank_variance", "prior_of"]

# A median of n has π/2 times the variance of their mean.
MEDIAN = math.pi / 2.0
# If three holders in ten lie, the chance that they are most of n is at most exp(-n·KL(1/2 ‖ 3/10)) (Chernoff).
DOUBT = 0.5 * math.log(25.0 / 21.0)


class Declared(NamedTuple):
    """A value that others state, in the cell's units, and how far off it may be on the line of its scale."""

    value: float
    spread: float
    """0: a fleet's, with `support` holders behind it."""
    support: float = 0.0


def prior_of(declared: Declared | None, known: DimensionSettings, noise: float) -> Moments:
    """The fleet's median, else what was declared, else the default prior.

    A declared value is so placed on the line that it is the cell of an option without evidence; a fleet's, whose
    width is the doubt of liars rather than noise, as if it were certain: it is read where it was published.
    """
    stray = known.device_spread**2
    if declared is not None and declared.spread == 0.0:
        mean = coordinate_of(known.scale, declared.value)
        shift = noise / 2 if known.scale == "log" else 0.0
        doubt = known.spread**2 * math.exp(-DOUBT * declared.support)
        return Moments(mean - shift, MEDIAN * (stray + noise) / declared.support + doubt)
    value, spread = (declared.value, declared.spread) if declared else (known.prior, known.spread)
    shift = (spread * spread + stray + noise) / 2 if known.scale == "log" else 0.0
    return Moments(coordinate_of(known.scale, value) - shift, spread * spread)


def blank_variance(declared: Declared | None, known: DimensionSettings) -> float:
    """The variance of a cell behind which stands nothing but a prior.

    What few of a fleet say is doubted no more than a guess of the same: where one word is doubted for its liars, the
    mean of all it may stand for lies far above it, and would take a multiple of it for what there is to learn.
    """
    variance = _variance(declared, known)
    if declared is None or declared.spread > 0.0:
        return variance
    return min(variance, _variance(Declared(declared.value, known.spread), known))


def _variance(declared: Declared | None, known: DimensionSettings) -> float:
    noise = Track().noise(0.0, known)
    return cell_of(known.scale, blurred(prior_of(declared, known, noise), known), noise).variance
