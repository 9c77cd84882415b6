"""One place's own evidence about one (option, dimension): a discounted mean, and the memory of what it was before.

The evidence is kept with the prior taken out (n measurements' worth, their mean), so that it can be sent, discounted
and combined by rules L1–L3 whatever the noise is thought to be. A change much larger than the noise starts a new
regime at once; the one before is remembered, because what was a good option once comes back sooner than others.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from sporewright.learning.link_function import Moments
from sporewright.learning.settings import DimensionSettings, LearningSettings

__all__ = ["EvidenceNode", "Evidenced", "decayed", "discount_of"]

# Evidence below this many measurements' worth is none.
LEAST = 1e-6


def discount_of(elapsed_s: float, half_life_s: float) -> float:
    """2^(−elapsed / half-life): what is left of evidence (L3); a clock that ran backwards takes nothing away."""
    return math.exp2(-max(0.0, elapsed_s) / half_life_s)


@dataclass(slots=True)
class Evidenced:
    """`n` measurements' worth of evidence: their mean, the squares of their residuals, and the time of the last."""

    n: float = 0.0
    mean: float = 0.0
    squares: float = 0.0
    at: float = 0.0
    lift: float = 0.0
    """The excess over lower bounds that the belief assumed: it is taken out of what is sent."""
    excess: float = 0.0
    """Sum of what single measurements took beyond what is no outlier, in the cell's units."""

    def add(self, x: float, weight: float = 1.0, squares: float = 0.0, lift: float = 0.0) -> None:
        """More measurements; the order in which they come does not matter to their mean."""
        total = self.n + weight
        self.mean += (x - self.mean) * (weight / total)
        self.squares += squares
        self.lift += lift
        self.n = total

    def age(self, at: float, half_life_s: float) -> None:
        """Bring it to that time; discounts compose, so it does not matter how often this is done (L3)."""
        left = discount_of(at - self.at, half_life_s)
        self._keep(left)
        # A clock that was set back counts from there: what was stamped in the future would not age until then.
        self.at = at

    def bound(self, most: float) -> None:
        """Keep so many measurements' worth at most: each new one makes the old count less."""
        if self.n > most:
            self._keep(most / self.n)

    def _keep(self, share: float) -> None:
        self.n, self.squares, self.lift = self.n * share, self.squares * share, self.lift * share
        self.excess *= share


def decayed(evidence: Evidenced, now: float, half_life_s: float) -> float:
    """The amount of the evidence that is left."""
    n = evidence.n * discount_of(now - evidence.at, half_life_s)
    return n if n >= LEAST else 0.0


@dataclass(slots=True)
class EvidenceNode:
    """The regime it is in, the one before (while a change is young), and the run of one-sided surprises so far."""

    now: Evidenced = field(default_factory=Evidenced)
    before: Evidenced | None = None
    changed: float = 0.0
    """The time at which the present regime began; means something while `before` is kept."""
    up: float = 0.0
    down: float = 0.0
    run: Evidenced = field(default_factory=Evidenced)
    seen: float = 0.0
    """The device's count of calls at the last measurement."""
    since: float = 0.0
    """The device's count of calls when the present regime began."""

    def lasting(self, at: float, dimension: DimensionSettings) -> float:
        """The probability that the change still holds; 1 if there was none.

        A state that has held for s seconds holds for another d with probability s / (s + d): nothing is known of how
        long such things take, so they are expected to take as long again (the scale-free prior, Jeffreys).
        `suspicion_s` is added to s; beyond the half-life the change is forgotten like all else.
        """
        if self.before is None:
            return 1.0
        held = max(0.0, self.now.at - self.changed) * dimension.patience + dimension.suspicion_s
        unseen = max(0.0, at - self.now.at)
        return held / (held + unseen) * discount_of(unseen, dimension.half_life_s)

    def mixed(self, at: float, dimension: DimensionSettings, present: Moments, past: Moments) -> Moments:
        """Mean and variance of being in either regime."""
        p = self.lasting(at, dimension)
        gap = present.mean - past.mean
        return Moments(
            p * present.mean + (1.0 - p) * past.mean,
            p * present.variance + (1.0 - p) * past.variance + p * (1.0 - p) * gap * gap,
        )

    def surprise(self, z: float, x: float, weight: float, settings: LearningSettings, lift: float = 0.0) -> bool:
        """Add one standardized residual to the two CUSUMs; True if one of them passed the limit (Page 1954)."""
        z = max(-settings.clip, min(settings.clip, z)) * weight
        side = self.up > 0.0, self.down > 0.0
        self.up = max(0.0, self.up + z - settings.slack)
        self.down = max(0.0, self.down - z - settings.slack)
        if (self.up > 0.0, self.down > 0.0) != side:
            self.run = Evidenced()
        if self.up > 0.0 or self.down > 0.0:
            self.run.add(x, weight, 0.0, lift)
        return max(self.up, self.down) > settings.surprise

    def change(self, at: float) -> None:
        """The belief so far is over: the run of surprises is all that is known of the present."""
        if self.now.n >= LEAST and (self.before is None or self.before.n < self.now.n):
            self.before = self.now
        self.changed, self.since = at, self.seen
        self.now = Evidenced(self.run.n, self.run.mean, 0.0, at, lift=self.run.lift)
        self.calm()

    def revert(self, at: float) -> None:
        """It was a spell: what it was like before is true again, and the spell is part of its history."""
        if self.before is not None:
            spell, self.now = self.now, self.before
            self.now.add(spell.mean, spell.n, spell.squares, spell.lift)
            self.now.at = at
            self.before = None
            self.calm()

    def settle(self) -> None:
        """The change has come to stay."""
        self.before = None

    def calm(self) -> None:
        """No run of surprises."""
        self.up = self.down = 0.0
        self.run = Evidenced()
