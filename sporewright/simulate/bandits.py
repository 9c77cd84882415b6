"""Bandits from the literature with their published parameters; a reward is 1 at once, 0 after 10 s or on failure."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence

from sporewright.simulate.baselines import RandomOrder
from sporewright.simulate.policy import Attempt, Setting, is_answered
from sporewright.simulate.world import NOTHING_S

__all__ = ["Bandit", "DiscountedThompson", "EpsilonGreedy", "SlidingWindowUcb", "Ucb1"]


def reward(attempt: Attempt) -> float:
    """In [0, 1], as these rules want it: linear in the seconds, 0 from what a failed call is charged."""
    return max(0.0, 1.0 - attempt.seconds / NOTHING_S) if is_answered(attempt) else 0.0


class Bandit(RandomOrder):
    """Orders by an index, the highest first; equals in a drawn order. An arm in flight counts as played."""

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        self._played = dict.fromkeys(setting.options, 0)
        self._count = dict.fromkeys(setting.options, 0)
        self._sum = dict.fromkeys(setting.options, 0.0)

    def order(self, now: float, options: Sequence[str]) -> Sequence[str]:
        """By index."""
        return sorted(super().order(now, options), key=self._index, reverse=True)

    def started(self, now: float, option: str) -> None:  # noqa: ARG002
        """The arm is being played."""
        self._played[option] += 1

    def ended(self, now: float, attempt: Attempt) -> None:  # noqa: ARG002
        """Its reward."""
        self._count[attempt.option] += 1
        self._sum[attempt.option] += reward(attempt)

    def _mean(self, option: str) -> float:
        return self._sum[option] / self._count[option] if self._count[option] else 0.0

    def _index(self, option: str) -> float:
        return self._mean(option)


class Ucb1(Bandit):
    """Mean + √(2 ln n / nᵢ) (Auer, Cesa-Bianchi, Fischer 2002)."""

    def _index(self, option: str) -> float:
        plays = self._played[option]
        if not plays:
            return math.inf
        return self._mean(option) + math.sqrt(2 * math.log(sum(self._played.values())) / plays)


class SlidingWindowUcb(Bandit):
    """The same over the last τ plays, bonus √(α ln min(t, τ) / nᵢ), α = 0.6, τ = 2√(T ln T / changes).

    Garivier and Moulines 2011; T and the number of changes (at least 1) are told to it, as the formula wants.
    """

    ALPHA = 0.6

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        horizon = max(setting.calls, 2)
        self._tau = int(2 * math.sqrt(horizon * math.log(horizon) / max(1, setting.changes)))
        self._window: deque[tuple[str, float]] = deque()

    def ended(self, now: float, attempt: Attempt) -> None:
        """The newest in, the oldest out."""
        super().ended(now, attempt)
        self._window.append((attempt.option, reward(attempt)))
        if len(self._window) > self._tau:
            option, old = self._window.popleft()
            self._count[option] -= 1
            self._played[option] -= 1
            self._sum[option] -= old

    def _index(self, option: str) -> float:
        plays = self._played[option]
        if not plays:
            return math.inf
        seen = max(2, min(sum(self._played.values()), self._tau))
        return self._mean(option) + math.sqrt(self.ALPHA * math.log(seen) / plays)


class DiscountedThompson(Bandit):
    """Beta(1 + S, 1 + F) drawn for each arm; every arm's S and F shrink by γ = 0.95 at each play.

    Raj and Kalyani 2017, γ as in SMPyBandits; a reward in [0, 1] counts by a coin of that bias (Agrawal, Goyal 2012).
    """

    GAMMA = 0.95

    def ended(self, now: float, attempt: Attempt) -> None:  # noqa: ARG002
        """Everything ages, the arm played gains."""
        won = self._chance.random() < reward(attempt)
        for option in self._sum:
            self._sum[option] *= self.GAMMA
            self._lost[option] *= self.GAMMA
        (self._sum if won else self._lost)[attempt.option] += 1.0

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        self._lost = dict.fromkeys(setting.options, 0.0)

    def _index(self, option: str) -> float:
        return self._chance.betavariate(1 + self._sum[option], 1 + self._lost[option])


class EpsilonGreedy(Bandit):
    """The highest mean; one call in ten goes to an option drawn (Sutton, Barto, ε = 0.1). Unplayed arms come first."""

    EPSILON = 0.1

    def order(self, now: float, options: Sequence[str]) -> Sequence[str]:
        """By mean, or with an option drawn in front."""
        ranked = list(super().order(now, options))
        if self._chance.random() < self.EPSILON:
            ranked.insert(0, ranked.pop(self._chance.randrange(len(ranked))))
        return ranked

    def _index(self, option: str) -> float:
        return self._mean(option) if self._played[option] else math.inf
