"""Beliefs about how good options are at kinds of work, from ratings: partial pooling whose strength is learned.

A rating of option o at kind k is m_o + e_k + d_ok + noise: the option at large, how hard the kind is for all options,
and the deviation of the option at that kind, d_ok ~ N(0, τ²). τ is estimated from the ratings (empirical Bayes):
where kinds of work do not differ, a kind's belief is the option's, and telling the kind costs nothing.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final

from sporewright.learning.belief_track import Belief
from sporewright.learning.link_function import Moments
from sporewright.learning.rated_track import RatedTrack
from sporewright.learning.settings import DimensionSettings

__all__ = ["Ratings"]

SPREADS: Final = (1e-4, 0.03, 0.06, 0.12, 0.25, 0.5)
"""The standard deviations of d_ok and e_k that are compared, in points of the scale [0, 1]."""
FIRST_SPREAD: Final = 0.1
"""That of d_ok before anything is rated, and the scale of its prior."""
FIRST_EFFECT: Final = 0.2
"""That of e_k before anything is rated."""
LEAST_COMPARED: Final = 0.05
"""A kind of work says something of the spreads from so many ratings' worth on."""
LEAST_NOISE: Final = 0.03
"""Identical ratings prove no certainty."""
NOISE_WEIGHT: Final = 8.0
"""The declared noise weighs as much as so many residuals."""
WINSOR: Final = 2.5
"""A residual counts up to so many standard deviations in the noise (Huber's proposal 2 takes 1.5 to 3)."""
FEW: Final = 64
"""Up to so many options, how hard a kind of work is is estimated with each rating of it."""
TURN: Final = 16
"""After so many ratings at most everything is estimated anew; between them, what a rating concerns."""
ROUNDS: Final = 2
"""The spreads are estimated so often, each time with what they were estimated to be before."""
SWEEPS: Final = 2
"""Options and kinds are fitted to each other so often in a round (backfitting)."""

_NO_TRACK: Final = RatedTrack()


class Ratings:
    """The ratings of one dimension, of all options; `prior`: what is believed of an option before, given the noise."""

    def __init__(self, known: DimensionSettings, prior: Callable[[str, float], Moments]) -> None:
        self._known, self._prior = known, prior
        self._tracks: dict[str, RatedTrack] = {}
        self._means: dict[str, Moments] = {}
        self._effects: dict[str, float] = {}
        self._count = 0.0
        self._since = math.inf
        """Ratings since everything was estimated."""
        self._leaves = 0
        self._dispersion = known.noise**2 / _bernoulli(known.prior)
        """Variance of one rating as a share of that of a verdict that is 0 or 1."""
        self.spread = FIRST_SPREAD**2
        """τ², the variance of d_ok."""
        self._effect = FIRST_EFFECT**2

    def put(self, option: str, track: RatedTrack) -> None:
        """An option's ratings, new or read back."""
        self._tracks[option] = track
        self._means.pop(option, None)
        self._count = max(self._count, track.seen)
        if track.leaves:
            self._since = math.inf

    def drop(self, option: str) -> None:
        """Forget an option."""
        self._tracks.pop(option, None)
        self._means.pop(option, None)

    def declared(self, option: str) -> None:
        """Its prior is another now."""
        self._means.pop(option, None)

    def refit(self) -> None:
        """Estimate everything anew at the next question, as a learner that reads it from a record does."""
        self._since = math.inf

    def effect(self, kind: str) -> float:
        """The difference of the ratings of a kind of work from others', whichever the option."""
        return self._effects.get(kind, 0.0)

    def belief(self, now: float, option: str, kind: str) -> Belief:
        """The belief about the option at that kind of work now."""
        self._fitted()
        track = self._tracks.get(option, _NO_TRACK)
        mean, variance = self._at_large(option)
        noise = self._noise(mean)
        unseen = 0.0
        if track.leaves:
            passed = 2.0 * max(0.0, now - track.at) / self._known.half_life_s
            unseen = self._known.drift**2 * (1.0 - math.exp2(-passed))
        leaf = track.leaves.get(kind)
        n = leaf.left(self._count) if leaf else 0.0
        mean += self.effect(kind)
        if leaf is None or not n:
            return Belief(mean, variance + self.spread + unseen, noise, 0.0, 0.0)
        own = self.spread / (self.spread + noise / n)
        # Of the option at large this kind told a part as well.
        share = min(1.0, variance / (noise / n + self.spread))
        found = Moments(mean + own * (leaf.mean - mean), self.spread * (1.0 - own) + (1.0 - own) ** 2 * variance)
        return Belief(found.mean, found.variance + unseen, noise, own + (1.0 - own) * share, n)

    def learn(self, now: float, option: str, kind: str, x: float) -> None:
        """Take one rating of an option that was put, on the line of the scale."""
        found = self.belief(now, option, kind)
        track = self._tracks[option]
        residual, verdict = x - found.mean, _bernoulli(found.mean)
        noise = self._dispersion * verdict
        total = found.variance + noise
        self._count += 1.0
        squares = min(residual * residual / total, WINSOR**2) * noise
        track.residuals.add(self._count, now, squares / verdict)
        track.add(self._count, now, kind, x, residual, math.sqrt(total))
        self._since += 1.0
        self._means[option] = self._mean(option)
        if len(self._tracks) <= FEW:
            self._effects[kind] = self._effect_of(kind)

    def bound(self, option: str, kind: str, most: int) -> list[str]:
        """The kinds of work of this option that made room for the one just rated."""
        retired = self._tracks[option].bound(kind, most, self.effect)
        if retired:
            self._means.pop(option, None)
        return retired

    # --- inside -----------------------------------------------------------------------------------------------------

    def _fitted(self) -> None:
        """Everything is estimated after each rating at first, later once in sixteen, more seldom where it is much."""
        if self._since < max(min(TURN, 1.0 + self._count / 8.0), self._leaves / TURN):
            return
        self._leaves = sum(len(track.leaves) for track in self._tracks.values())
        self._since = 0.0
        self.spread, self._effect = FIRST_SPREAD**2, FIRST_EFFECT**2
        self._dispersion = self._dispersed()
        kinds = {kind for track in self._tracks.values() for kind in track.leaves}
        self._means, self._effects = {}, {}
        for _ in range(ROUNDS):
            for _ in range(SWEEPS):
                self._means = {option: self._mean(option) for option in self._tracks}
                self._effects = {kind: self._effect_of(kind) for kind in kinds}
            self.spread, self._effect = self._spreads(kinds)

    def _at_large(self, option: str) -> Moments:
        """The option whatever the kind of work."""
        if option not in self._tracks:
            return self._prior(option, self._noise(self._known.prior))
        if option not in self._means:
            self._means[option] = self._mean(option)
        return self._means[option]

    def _noise(self, mean: float) -> float:
        """Variance of one rating where so much is expected."""
        return max(self._dispersion * _bernoulli(mean), LEAST_NOISE**2)

    def _dispersed(self) -> float:
        weight, squares = NOISE_WEIGHT, NOISE_WEIGHT * self._known.noise**2 / _bernoulli(self._known.prior)
        for track in self._tracks.values():
            left = track.residuals.left(self._count)
            weight += left
            squares += left * track.residuals.mean
        return squares / weight

    def _mean(self, option: str) -> Moments:
        """The option at large: its prior and its kinds, each less what is the kind's."""
        prior = self._prior(option, self._noise(self._known.prior))
        noise = self._noise(self._means[option].mean if option in self._means else prior.mean)
        precision = 1.0 / prior.variance
        information = precision * prior.mean
        for kind, leaf in self._tracks[option].leaves.items():
            n = leaf.left(self._count)
            weight = n / (noise + n * self.spread)
            precision += weight
            information += weight * (leaf.mean - self.effect(kind))
        return Moments(information / precision, 1.0 / precision)

    def _effect_of(self, kind: str) -> float:
        """The difficulty of the kind: its ratings less the option's part, shrunk to 0; 0 if no kind was told."""
        if not kind:
            return 0.0
        precision, information = 1.0 / self._effect, 0.0
        for n, mean, large in self._rated_at(kind):
            weight = 1.0 / (self._noise(large) / n + self.spread)
            precision += weight
            information += weight * (mean - large)
        return information / precision

    def _spreads(self, kinds: Iterable[str]) -> tuple[float, float]:
        """τ² and the variance of e_k: the means of what is compared, weighed by how likely it makes the ratings."""
        rows = [row for kind in kinds if (row := self._residuals(kind))]
        logs = {
            (own * own, common * common): _prior(own * own)
            + sum(_likelihood(row, own * own, common * common) for row in rows)
            for own in SPREADS
            for common in SPREADS[1:]
        }
        most = max(logs.values())
        weights = {pair: math.exp(log - most) for pair, log in logs.items()}
        total = sum(weights.values())
        own, common = (sum(pair[at] * weight for pair, weight in weights.items()) / total for at in (0, 1))
        return own, common

    def _residuals(self, kind: str) -> list[tuple[float, float]]:
        """Of each option rated at that kind: its mean's variance there, and how far it is from the option at large."""
        rated = self._rated_at(kind)
        return [(self._noise(large) / n, mean - large) for n, mean, large in rated if n > LEAST_COMPARED]

    def _rated_at(self, kind: str) -> Iterator[tuple[float, float, float]]:
        """Of each option rated at that kind: what its ratings count as there, their mean, and the option at large."""
        for option, track in self._tracks.items():
            leaf = track.leaves.get(kind)
            n = leaf.left(self._count) if leaf else 0.0
            if leaf is not None and n:
                yield n, leaf.mean, self._at_large(option).mean


def _bernoulli(mean: float) -> float:
    """The variance of a verdict that is 0 or 1 where so much is expected, at least that of one in ten."""
    mean = min(0.9, max(0.1, mean))
    return mean * (1.0 - mean)


def _prior(own: float) -> float:
    """The log of the half-Cauchy density of τ, up to a constant (Gelman 2006)."""
    return -math.log(1.0 + own / FIRST_SPREAD**2)


def _likelihood(row: Sequence[tuple[float, float]], own: float, common: float) -> float:
    """The log of how likely residuals at one kind are, e_k integrated out (Sherman and Morrison 1950)."""
    precision = information = total = 0.0
    for variance, residual in row:
        weight = 1.0 / (variance + own)
        precision += weight
        information += weight * residual
        total += weight * residual * residual - math.log(weight)
    shrunk = 1.0 + common * precision
    return -0.5 * (total + math.log(shrunk) - common * information * information / shrunk)
