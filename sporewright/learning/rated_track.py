"""One option's ratings in one dimension: a discounted mean for each kind of work, and the surprises since the last fit.

Ratings are discounted by how many came in after them, of whatever option, and not by the clock: a quiet device keeps
what it knew. `Ratings` (ratings.py) makes beliefs of the tracks of all options together.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from sporewright.learning.belief_track import BeliefTrack

__all__ = ["RatedTrack", "Rating", "rated_of"]

HALF_LIFE: Final = 700.0
"""A rating counts half after so many further ones: models change within weeks, and a memory of a thousand ratings
costs little where change is detected besides."""
LEAST: Final = 1e-6
"""Less than this many ratings' worth is no evidence."""
SLACK: Final = 0.25
"""A surprise of so many standard deviations is none: what is beyond it is added up (CUSUM, Page 1954)."""
CLIP: Final = 2.0
"""One rating surprises by so many standard deviations at most: three bad verdicts in a row come by chance."""
CHANGED: Final = 7.0
"""A run of surprises is a change if it is likelier by so many nats under a separate mean."""
VERDICT: Final = 0.16
"""The variance of a verdict of 0 or 1 that is 0 once in five."""
LEAST_RUN: Final = 2
"""One outlier alone is no change."""


def kept(ratings: float) -> float:
    """The part of evidence that is left after so many further ratings."""
    return math.exp2(-max(0.0, ratings) / HALF_LIFE)


@dataclass(slots=True)
class Rating:
    """`n` ratings' worth of evidence and their mean, as of the dimension's rating number `seen` and of time `at`."""

    n: float = 0.0
    mean: float = 0.0
    seen: float = 0.0
    at: float = 0.0

    def left(self, count: float) -> float:
        """The amount of it that is left at that count of ratings."""
        n = self.n * kept(count - self.seen)
        return n if n >= LEAST else 0.0

    def add(self, count: float, at: float, mean: float, n: float = 1.0) -> None:
        """More ratings, the earlier ones discounted first."""
        self.n = self.left(count) + n
        self.mean += (mean - self.mean) * (n / self.n)
        self.seen, self.at = count, at


@dataclass(slots=True)
class RatedTrack:
    """One option: its ratings by kind of work ("" where none was told), its residuals, its run of surprises."""

    leaves: dict[str, Rating] = field(default_factory=dict)
    residuals: Rating = field(default_factory=Rating)
    """Their squares over p(1 − p) for what was expected, of all kinds of work together."""
    up: float = 0.0
    down: float = 0.0
    surprises: Rating = field(default_factory=Rating)
    """The standardised residuals of the run; not discounted."""
    shift: float = 0.0
    """The mean of the run's residuals: by so much the option has changed, if it has."""
    run: dict[str, Rating] = field(default_factory=dict)
    """The ratings of the run: what is known since the change, if it is one."""

    @property
    def at(self) -> float:
        """The time of its last rating."""
        return self.residuals.at

    @property
    def seen(self) -> float:
        """At which count of the dimension's ratings that was."""
        return self.residuals.seen

    def told(self, kind: str | None = None) -> tuple[float, float] | None:
        """The mean of its ratings, of one kind of work or of all, and how many they count as; None without any.

        As of the last rating of each kind: what is sent does not change because others are rated.
        """
        leaves = [leaf for name, leaf in self.leaves.items() if kind in (None, name)]
        n = sum(leaf.n for leaf in leaves)
        return (min(1.0, max(0.0, sum(leaf.n * leaf.mean for leaf in leaves) / n)), n) if n else None

    def add(self, count: float, at: float, kind: str, x: float, residual: float, spread: float) -> None:
        """Take a rating, how far it is from what was expected, and the standard deviation of that."""
        self.leaves.setdefault(kind, Rating()).add(count, at, x)
        if self._surprises(count, at, kind, x, residual, max(-CLIP, min(CLIP, residual / spread))):
            self._change(count)

    def bound(self, kind: str, most: int, effect: Callable[[str], float]) -> list[str]:
        """Kinds of work that made room for this one: the one rated longest ago goes first, "" never."""
        self.leaves[kind] = self.leaves.pop(kind)
        while len(self.run) > most:
            del self.run[next(iter(self.run))]
        retired = []
        while len(self.leaves) > most:
            retired.append(next(name for name in self.leaves if name))
            self._retire(retired[-1], effect(retired[-1]))
        return retired

    def _surprises(self, count: float, at: float, kind: str, x: float, residual: float, z: float) -> bool:
        before = self.up > 0.0, self.down > 0.0
        self.up, self.down = max(0.0, self.up + z - SLACK), max(0.0, self.down - z - SLACK)
        after = self.up > 0.0, self.down > 0.0
        if after != before:
            self.surprises, self.shift, self.run = Rating(), 0.0, {}
        if not any(after):
            return False
        self.surprises.n += 1.0
        self.surprises.mean += (z - self.surprises.mean) / self.surprises.n
        self.shift += (residual - self.shift) / self.surprises.n
        self.run.setdefault(kind, Rating()).add(count, at, x)
        n = self.surprises.n
        return n >= LEAST_RUN and 0.5 * n * self.surprises.mean**2 > CHANGED

    def _change(self, count: float) -> None:
        """Keep the run's evidence, and, worth as much in all, the evidence before it, moved by the change.

        A model that gets worse does so by about as much at every kind of work: how the kinds differ is kept.
        """
        n = sum(leaf.left(count) for leaf in self.leaves.values())
        share = min(1.0, self.surprises.n / n)
        for kind, leaf in self.leaves.items():
            leaf.n, leaf.seen = leaf.left(count) * share, count
            leaf.mean = min(1.0, max(0.0, leaf.mean + self.shift))
            if kind in self.run:
                leaf.add(count, leaf.at, self.run[kind].mean, self.run[kind].n)
        self.up = self.down = 0.0
        self.surprises, self.shift, self.run = Rating(), 0.0, {}

    def _retire(self, kind: str, effect: float) -> None:
        """Fold a kind of work that makes room into what is known of the option at large (L4).

        `effect`: how much the kind's ratings differ from others', whichever the option.
        """
        leaf, general = self.leaves.pop(kind), self.leaves.setdefault("", Rating())
        newest = max(leaf.seen, general.seen)
        general.add(newest, max(leaf.at, general.at), leaf.mean - effect, leaf.n * kept(newest - leaf.seen) or LEAST)


def rated_of(track: BeliefTrack) -> RatedTrack:
    """Ratings that were learned by the clock, as earlier versions did: each kind's mean and its worth at the time."""
    leaves = {kind: Rating(leaf.now.n, leaf.now.mean, 0.0, leaf.now.at) for kind, leaf in track.leaves.items()}
    evidence = [leaf.now for leaf in track.leaves.values()]
    n, squares = sum(each.n for each in evidence), sum(each.squares for each in evidence)
    at = max((leaf.at for leaf in leaves.values()), default=0.0)
    return RatedTrack(leaves, Rating(n, squares / n / VERDICT if n else 0.0, 0.0, at))
