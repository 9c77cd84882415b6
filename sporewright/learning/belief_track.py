"""The belief about one (option, dimension): the leaves of a small address tree and their exact posterior (L1–L3).

The tree is the field's (policy/field.py) as one device sees it: root → workspace → task kind → device, where only its
own leaves hold evidence. What is above the task kinds is one Gaussian, the prior; each leaf strays from it by the
spread of its dimension. `BeliefTrack.posterior` conditions on all of it in one pass; tests compare it with the field.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from sporewright.learning.evidence_node import Evidenced, EvidenceNode, decayed, discount_of
from sporewright.learning.link_function import Moments, hazard, value_of
from sporewright.learning.settings import DimensionSettings, LearningSettings

__all__ = ["TAIL_WEIGHT", "Belief", "BeliefTrack", "blurred", "seen_of"]

# The declared noise weighs as much as this many residuals.
NOISE_WEIGHT = 4.0
# A residual counts up to so many standard deviations in the estimate of the noise (Huber's proposal 2 takes 1.5 to 3).
WINSOR = 2.5
# What lies beyond counts for the mean as if so many measurements without had been seen besides.
TAIL_WEIGHT = 5.0
# The least noise believed in, as a share of the declared one: identical measurements prove no certainty.
LEAST_NOISE = 0.1
# Twice the log of 4.5: so much likelier under the regime before, one measurement brings it back.
RECALL = 3.0
# A change that has lasted for so many half-lives is no spell any more.
SETTLED = 4.0


class Belief(NamedTuple):
    """The belief about one (option, dimension) at one place, on the line of its scale, and where it comes from."""

    mean: float
    variance: float
    """Of the mean: what further measurements could tell."""
    noise: float
    """Variance of one measurement around the mean."""
    own: float
    """The share of this place's own evidence in it, 0 to 1; the rest is the prior's and the other task kinds'."""
    n: float
    """The number of measurements that the own evidence left is worth."""
    excess: float = 0.0
    """The average excess of a call, in the cell's units, because some take far more than the rest."""


@dataclass(slots=True)
class BeliefTrack:
    """One (option, dimension): a leaf per task kind, "" the general one."""

    leaves: dict[str, EvidenceNode] = field(default_factory=dict)

    @property
    def at(self) -> float:
        """The time it was last heard of; long ago without evidence."""
        return max((leaf.now.at for leaf in self.leaves.values()), default=-math.inf)

    def told(self, kind: str | None) -> tuple[float, float, float, float] | None:
        """Of one kind of work or of all: the evidence's mean without lifts, its worth, its last time, its excess."""
        count = mean = at = excess = 0.0
        for name, leaf in self.leaves.items():
            here = leaf.now
            if here.n > 0 and kind in (None, name):
                count += here.n
                mean += (here.mean - here.lift / here.n - mean) * (here.n / count)
                at = max(at, here.at)
                excess += here.excess
        return (mean, count, at, excess) if count else None

    def noise(self, now: float, dimension: DimensionSettings) -> float:
        """Variance of one measurement, from the residuals of all task kinds, the declared one where they are few."""
        weight, squares = NOISE_WEIGHT, NOISE_WEIGHT * dimension.noise**2
        for leaf in self.leaves.values():
            left = discount_of(now - leaf.now.at, dimension.half_life_s)
            weight += leaf.now.n * left
            squares += leaf.now.squares * left
        return max(squares / weight, (LEAST_NOISE * dimension.noise) ** 2)

    def posterior(self, task: str, now: float, dimension: DimensionSettings, prior: Moments, noise: float) -> Belief:
        """The belief at a task kind's leaf, whether or not it has evidence of its own; `noise`: as it is now.

        Its leaf is conditioned on the prior and the other leaves, each blurred by the spread on the way; written out in
        one pass, because a page does this for every cell it lays.
        """
        half_life_s, stray = dimension.half_life_s, dimension.device_spread**2
        precision = 1.0 / prior.variance
        information = 0.0 + precision * prior.mean
        leaf, count = None, 0.0
        for name, each in self.leaves.items():
            left = decayed(each.now, now, half_life_s)
            if name == task:
                leaf, count = each, left
            elif left:
                its = 1.0 / (noise / left + stray)
                precision += its
                information += its * each.now.mean
        above = Moments(information / precision, 1.0 / precision + stray)
        if leaf is None or not count:
            return Belief(above.mean, above.variance, noise, 0.0, 0.0)
        here = leaf.now
        unseen = dimension.drift**2 * (1.0 - discount_of(2.0 * (now - here.at), half_life_s))
        present = _with_evidence(above, here.mean, noise / count + unseen)
        own = above.variance / (above.variance + noise / count + unseen)
        if leaf.before is not None and dimension.scale == "unit":
            past = _with_evidence(above, leaf.before.mean, noise / leaf.before.n + dimension.drift**2)
            present = leaf.mixed(now, dimension, present, past)
        excess = here.excess / (here.n + TAIL_WEIGHT)
        return Belief(present.mean, present.variance, noise, own, count, excess)

    def learn(
        self,
        task: str,
        now: float,
        x: float,
        bound: bool,
        settings: LearningSettings,
        at: tuple[DimensionSettings, Moments, float],
        calls: float = 0.0,
    ) -> None:
        """Take one measurement at x, or the news that it lies above x; `at`: its dimension, the prior and the noise.

        `calls`: the device's count of them. On the log scale a measurement far off the rest moves the mean of the rest
        no further than one that is no outlier, and what it took beyond is kept apart.
        """
        dimension, prior, noise = at
        belief = self.posterior(task, now, dimension, prior, noise)
        leaf = self.leaves.setdefault(task, EvidenceNode())
        leaf.seen = calls
        weight, lift = 1.0, 0.0
        if bound:
            least = x
            x, weight = _beyond(x, belief)
            lift = weight * max(0.0, x - least)
            if weight < 1e-3:
                return
        if leaf.before is not None:
            belief = self._regime(leaf, task, now, x, at)
        spread = (belief.variance + belief.noise) ** 0.5
        # Of things that are so or not, few differ for long from most: what is rare is not yet a change.
        expected = dimension.noise if dimension.scale == "unit" else 0.0
        z = (x - belief.mean) / max(spread, expected)
        known = decayed(leaf.now, now, dimension.half_life_s) > 0.0
        if not known:  # a surprise of long ago is none beside today's
            leaf.calm()
        leaf.now.age(now, dimension.half_life_s)
        residual = min(abs(x - belief.mean), WINSOR * spread) if known else 0.0
        if known and leaf.surprise(z, x, weight, settings, lift):
            leaf.change(now)
            return
        if dimension.scale == "log" and leaf.now.n >= 1.5:
            usual = max(belief.mean - WINSOR * spread, min(x, belief.mean + WINSOR * spread))
            leaf.now.excess += weight * (value_of(x) - value_of(usual)) if x > usual else 0.0
            x = usual
        leaf.now.add(x, weight, weight * min(residual * residual, (WINSOR**2) * belief.noise), lift)
        leaf.now.bound(dimension.memory)

    def _regime(
        self, leaf: EvidenceNode, task: str, now: float, x: float, at: tuple[DimensionSettings, Moments, float]
    ) -> Belief:
        """The present regime's belief alone; back in the one before if x belongs there rather than here."""
        dimension, prior, noise = at
        before: Evidenced | None = leaf.before
        assert before is not None, "asked only while a change is young"
        leaf.before = None
        here = self.posterior(task, now, dimension, prior, noise)
        leaf.before = before
        is_log = dimension.scale == "log"
        if leaf.now.n >= dimension.memory if is_log else now - leaf.changed > SETTLED * dimension.half_life_s:
            leaf.settle()
            return here
        there = Moments(before.mean, noise / before.n + dimension.drift**2)
        if _likelihood(x, there, noise) - _likelihood(x, Moments(here.mean, here.variance), noise) > RECALL:
            leaf.revert(now)
            return self.posterior(task, now, dimension, prior, self.noise(now, dimension))
        return here


def seen_of(tracks: Mapping[str, BeliefTrack]) -> float | None:
    """The count of calls when an option was last heard of, by its tracks; None: never."""
    return max((leaf.seen for track in tracks.values() for leaf in track.leaves.values()), default=None)


def blurred(prior: Moments, dimension: DimensionSettings) -> Moments:
    """The belief at a leaf if nothing was measured anywhere: `posterior` of no leaves."""
    precision = 1.0 / prior.variance
    return Moments((0.0 + precision * prior.mean) / precision, 1.0 / precision + dimension.device_spread**2)


def _with_evidence(above: Moments, mean: float, variance: float) -> Moments:
    """The product of two Gaussians."""
    first, second = 1.0 / above.variance, 1.0 / variance
    precision = first + second
    return Moments((0.0 + first * above.mean + second * mean) / precision, 1.0 / precision)


def _likelihood(x: float, belief: Moments, noise: float) -> float:
    """Twice the log of the normal density, up to a constant."""
    variance = belief.variance + noise
    return -((x - belief.mean) ** 2) / variance - math.log(variance)


def _beyond(bound: float, belief: Belief) -> tuple[float, float]:
    """A measurement worth as much as "it lies above the bound", and its weight (one Newton step, Tobin's likelihood).

    The score of log(1 − Φ) is λ/s and its information δ/s², δ = λ(λ − z): a full measurement weighs 1.
    """
    spread = (belief.variance + belief.noise) ** 0.5
    z = (bound - belief.mean) / spread
    rate = hazard(z)
    share = min(1.0, max(0.0, rate * (rate - z)))
    return (belief.mean + spread * rate / share, share) if share > 1e-3 else (bound, 0.0)
