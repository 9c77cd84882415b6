"""Seeded moves over a small world, for walks that are the same on every run."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from typing import Any, TypeVar

from sporewright.core.store import Layers

__all__ = ["Dice"]

T = TypeVar("T")

INSTANCES = ("", "A", "A/x", "B", "a", "b", "c", "d")
OPTIONS = ("", "a", "b", "c", "d", "é", "\U00010000")
DIMENSIONS = ("can:x", "failure", "latency", "reach")
NUMBERS = (0.0, -0.0, 0.1, 0.2, 1.0, -1.0, 2.0, 1e308, 5e-324, math.inf, -math.inf, math.nan)


class Dice:
    """Places, layers and cells drawn from a seed."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)

    def pick(self, things: Sequence[T], odds: Sequence[int]) -> T:
        """One of the things, by its odds."""
        return self.random.choices(things, odds)[0]

    def chance(self, probability: float) -> bool:
        """True so often."""
        return self.random.random() < probability

    def instance(self) -> str:
        """An instance."""
        return self.random.choice(INSTANCES)

    def pair(self) -> tuple[str, str]:
        """(option, dimension)."""
        return self.random.choice(OPTIONS), self.random.choice(DIMENSIONS)

    def place(self) -> tuple[int, str, str, str]:
        """(level, instance, option, dimension)."""
        return (self.random.randrange(2), self.instance(), *self.pair())

    def number(self) -> float:
        """A scalar, gates among them."""
        return self.random.choice(NUMBERS)

    def layers(self) -> tuple[Any, float | None]:
        """A value or a document or neither, a weight or none."""
        value = self.pick([self.number(), b"doc", None], [6, 1, 2])
        return value, self.number() if self.chance(0.3) else None

    def cells(self) -> dict[tuple[str, str], Layers]:
        """A few cells of one instance, most of them plain."""
        found: dict[tuple[str, str], Layers] = {}
        for _ in range(self.random.randrange(9)):
            value, weight = self.layers() if self.chance(0.2) else (self.number(), None)
            found[self.pair()] = (self.number() if value is None else value, weight)
        return found
