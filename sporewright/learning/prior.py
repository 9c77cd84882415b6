"""The belief about an option before it was measured here: from a fleet's value, an operator's, or a guess."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import NamedTuple

from sporewright.learning.belief_track import BeliefTrack, blurred
from sporewright.learning.link_function import Moments, cell_of, coordinate_of
from sporewright.learning.settings import DimensionSettings, LearningSettings

__all__ = ["Declarations", "Declared", "blank_variance", "prior_of"]

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


class Declarations:
    """The values that others state of options, by option and dimension."""

    def __init__(self, settings: LearningSettings) -> None:
        self.holders = 0.0
        """The number of holders in the fleet, as far as can be told: the most that stand behind any of its values."""
        self._settings = settings
        self._stated: dict[str, dict[str, Declared]] = {}
        self._blank: dict[str, dict[str, float]] = {}

    def __contains__(self, option: str) -> bool:
        return bool(self._stated.get(option))

    def of(self, option: str) -> Mapping[str, Declared]:
        """dimension → what is stated of the option."""
        return self._stated.get(option, {})

    def put(self, option: str, dimension: str, value: float | None, *, is_guess: bool, support: float) -> bool:
        """Take what is stated now, None for nothing; whether it is news. `is_guess`, `support`: as Learner.declare."""
        known, news = self._settings.dimensions[dimension], None
        if value is not None and math.isfinite(value):
            if support >= self._settings.support:
                self.holders = max(self.holders, support)
                news = Declared(value, 0.0, support)
            else:
                news = Declared(value, known.spread if is_guess or support else known.declared_spread)
        row = self._stated.setdefault(option, {})
        if row.get(dimension) == news:
            return False
        self._blank.pop(option, None)
        if news is None:
            del row[dimension]
        else:
            row[dimension] = news
        return True

    def blank(self, option: str, dimension: str) -> float:
        """`blank_variance` of it, remembered."""
        row = self._blank.setdefault(option, {})
        variance = row.get(dimension)
        if variance is None:
            known = self._settings.dimensions[dimension]
            row[dimension] = variance = blank_variance(self.of(option).get(dimension), known)
        return variance

    def retire(self, option: str) -> None:
        """The option is forgotten; what others say of it stays known as long as they say it."""
        if option not in self:
            self._stated.pop(option, None)
            self._blank.pop(option, None)


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
    noise = BeliefTrack().noise(0.0, known)
    return cell_of(known.scale, blurred(prior_of(declared, known, noise), known), noise).variance
