"""The worth of another look at an option: the regret that may have gathered since it was last looked at.

An option that is not called may be better than is believed, or have become so. What it is better by, on average over
what is not known, is lost with every call that goes elsewhere; once the calls since the last look have lost as much as
a look costs, it is made (the ski rental rule: at worst twice the cost with hindsight). All of it is in the score's own
unit and in proportion to it, and counted in calls: neither a second nor an hour means anything.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from sporewright.learning.belief_track import Belief, BeliefTrack
from sporewright.learning.link_function import Moments, cell_of
from sporewright.learning.settings import DimensionSettings

__all__ = ["Crowd", "Look", "better_before", "held_over", "regret_of", "shortfall", "told_of"]

# An option that was never called is taken for one that so many calls went past.
NEVER = 1000.0
# A change that ended may have taken this power of the share of time it has been known for: 1 would be scale-free
# (Jeffreys), but what does not come back is common too.
LASTING = 0.5
# What is known of how far options differ before they were measured: so much on the log scale, as if two had shown it.
DIFFER, DIFFER_WEIGHT = 0.7, 2.0


@dataclass(frozen=True, slots=True)
class Look:
    """The lesson that one look at an option could give, in the units of its score."""

    told: float
    """Variance of the score that the next measurement would take away."""
    stray: float
    """The deviation drawn for dimensions that are rated, whatever a look costs."""
    seen: float | None
    """The count of calls when it was last heard of; None: never."""
    answers: float = 1.0
    """The probability that it answers: calls that fail do not tell how fast an option is."""
    measured: bool = True
    """True if its speed was ever measured here."""
    stated: bool = False
    """True if others state how fast it is: then `told` is about that, else about what options are like."""
    before: float = 0.0
    """The amount by which its score would be less if it were again as it was before it last changed."""
    held: float = 0.0
    """Calls over which that change was seen to hold."""


class Crowd:
    """The distribution of the measured options' scores, on the log scale, kept as they change."""

    def __init__(self) -> None:
        self._logs: dict[str, float] = {}
        self._sum = self._squares = 0.0
        self._least: tuple[float, str] | None = None

    @property
    def least(self) -> float | None:
        """The lowest score among them."""
        if self._least is None and self._logs:
            self._least = min((log, option) for option, log in self._logs.items())
        return None if self._least is None else math.exp(self._least[0])

    def put(self, option: str, score: float | None) -> None:
        """The option's score now; None: it does not count."""
        if self._least is not None and self._least[1] == option:
            self._least = None
        before = self._logs.pop(option, None)
        if before is not None:
            self._sum -= before
            self._squares -= before * before
        if score is not None and score > 0.0:
            self._logs[option] = log = math.log(score)
            self._sum += log
            self._squares += log * log
            if self._least is not None and log < self._least[0]:
                self._least = (log, option)
        if not self._logs:
            self._sum = self._squares = 0.0

    def clear(self) -> None:
        """Forget all options."""
        self._logs.clear()
        self._sum = self._squares = 0.0
        self._least = None

    def stranger(self) -> tuple[float, float] | None:
        """The mean score of an option like these and its deviation on the log scale; None where there are none."""
        count = len(self._logs)
        if not count:
            return None
        mean = self._sum / count
        around = max(0.0, self._squares - count * mean * mean) + DIFFER_WEIGHT * DIFFER**2
        variance = around / (count + DIFFER_WEIGHT - 1.0)
        return math.exp(min(40.0, mean + variance / 2.0)), math.sqrt(variance)


def shortfall(best: float, mean: float, spread: float) -> float:
    """E[max(0, best − X)] of a log-normal X with that mean, whose logarithm has that deviation."""
    if not (best > 0.0 and mean > 0.0):
        return 0.0
    if spread < 1e-9:
        return max(0.0, best - mean)
    upper = math.log(best / mean) / spread + spread / 2.0
    return max(0.0, best * _below(upper) - mean * _below(upper - spread))


def regret_of(look: Look, score: float, best: float, calls: float, crowd: Crowd) -> float:
    """The possible cost so far of not looking at it: `best` is the least score, `calls` the device's count."""
    missed = NEVER if look.seen is None else max(0.0, calls - look.seen)
    if not look.measured:
        stranger = None if look.stated else crowd.stranger()
        mean, spread = stranger or (score, _spread(look.told, score))
        return missed * shortfall(best, mean, spread) * look.answers
    better = shortfall(best, score, _spread(look.told, score))
    if look.before > 0.0 and missed > 0.0:
        held = look.held + 1.0
        returned = 1.0 - (held / (held + missed)) ** LASTING
        better += returned * max(0.0, best - (score - look.before))
    return missed * better * look.answers


def _spread(variance: float, mean: float) -> float:
    """The deviation of the logarithm of a log-normal of this variance and mean."""
    return math.sqrt(math.log1p(variance / (mean * mean))) if mean > 0.0 else 0.0


def _below(x: float) -> float:
    return 0.5 * math.erfc(-x / math.sqrt(2.0))


def told_of(known: DimensionSettings, found: Belief) -> float:
    """The variance of a measured dimension's cell that the next measurement would take away."""
    told = found.variance * found.variance / (found.variance + found.noise)
    return cell_of(known.scale, Moments(found.mean, told), found.noise).variance


def better_before(track: BeliefTrack, task: str, known: DimensionSettings, found: Belief, cell: Moments) -> float:
    """The amount by which the cell would be less if what was true before the last change were true again."""
    leaf = track.leaves.get(task)
    if known.scale == "unit" or leaf is None or leaf.before is None:
        return 0.0
    return max(0.0, -math.expm1(leaf.before.mean - found.mean)) * cell.mean


def held_over(tracks: Mapping[str, BeliefTrack], dimensions: Collection[str], task: str) -> float:
    """Over how many calls the last change of these dimensions was seen to hold."""
    leaves = [tracks[each].leaves.get(task) for each in dimensions if each in tracks]
    return min((leaf.seen - leaf.since for leaf in leaves if leaf is not None and leaf.before), default=0.0)
