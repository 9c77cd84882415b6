"""Chance, one seeded generator a concern, so that what one policy draws never moves what another one meets."""

from __future__ import annotations

import random
from collections.abc import Sequence

__all__ = ["Draws", "generator"]


def generator(seed: int, concern: str) -> random.Random:
    """The generator of one concern; equal seeds and concerns give equal draws on every machine."""
    return random.Random(f"sporewright simulate/{seed}/{concern}")


class Draws:
    """Common random numbers: one in [0, 1) for each (call, option, attempt), independent of the policy and the order.

    Drawn ahead, so that the n-th attempt at an option in a call ends alike under every policy.
    """

    ATTEMPTS = 3
    """As many attempts at one option in one call as a chain makes: one, and two retries."""
    DECISIONS = 16

    def __init__(self, seed: int, calls: int, options: Sequence[str]) -> None:
        self._at = {option: at for at, option in enumerate(options)}
        drawn = generator(seed, "outcomes").random
        self._numbers = [drawn() for _ in range(calls * len(options) * self.ATTEMPTS)]
        drawn = generator(seed, "chain").random
        self._chances = [drawn() for _ in range(calls * self.DECISIONS)]

    def of(self, call: int, option: str, attempt: int) -> float:
        """The number of that attempt, counted from 0; later ones than were drawn repeat the last."""
        row = call * len(self._at) + self._at[option]
        return self._numbers[row * self.ATTEMPTS + min(attempt, self.ATTEMPTS - 1)]

    def chance(self, call: int, decision: int) -> float:
        """The chain's chance for one decision of a call; the numbers come round again after many."""
        return self._chances[call * self.DECISIONS + decision % self.DECISIONS]
