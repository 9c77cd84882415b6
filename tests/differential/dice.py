"""Choices out of bytes that Hypothesis draws: cheap to draw by the thousand, and smaller bytes are simpler choices."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

__all__ = ["Dice"]

T = TypeVar("T")


class Dice:
    """Reads its bytes from the left; where none is left, zero: the first choice, never, the least."""

    def __init__(self, data: bytes) -> None:
        self._data, self._at = data, 0

    def byte(self) -> int:
        """One of 256."""
        self._at += 1
        return self._data[self._at - 1] if self._at <= len(self._data) else 0

    def below(self, count: int) -> int:
        """At least 0, less than `count` (at most 65,536)."""
        return self.byte() % count if count <= 256 else (self.byte() * 256 + self.byte()) % count

    def one(self, choices: Sequence[T]) -> T:
        """One of these; the first is the simplest."""
        return choices[self.below(len(choices))]

    def rarely(self, times: int = 8) -> bool:
        """True so often of 256 times."""
        return self.byte() >= 256 - times

    def chance(self) -> float:
        """A number in [0, 1)."""
        return self.byte() / 256

    def some(self, choices: Sequence[T], least: int = 0) -> list[T]:
        """As many of these as there are bits set, in their order; the first `least` always."""
        bits = self.byte() | self.byte() << 8
        return [each for at, each in enumerate(choices) if at < least or bits >> at & 1]
