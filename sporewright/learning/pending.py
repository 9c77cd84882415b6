"""The attempts under way, by option: who waits for an answer since when."""

from __future__ import annotations

import math

from sporewright.learning.belief_track import Belief
from sporewright.learning.link_function import coordinate_of
from sporewright.learning.settings import DimensionSettings

__all__ = ["Pending", "waited"]


class Pending:
    """Starts of attempts, oldest first; at most `options` options, and none older than `pending_s` seconds."""

    def __init__(self, options: int, pending_s: float) -> None:
        self._options, self._pending_s = options, pending_s
        self._started: dict[str, list[float]] = {}

    def __contains__(self, option: str) -> bool:
        return option in self._started

    def began(self, now: float, option: str) -> None:
        """An attempt has begun; beyond so many options those that began first are forgotten."""
        self.count(now, option)
        self._started.setdefault(option, []).append(now)
        while len(self._started) > self._options:
            del self._started[next(iter(self._started))]

    def over(self, option: str) -> None:
        """One of its attempts has ended, whichever: the oldest is taken for it."""
        started = self._started.get(option)
        if started:
            started.pop(0)
            if not started:
                del self._started[option]

    def count(self, now: float, option: str) -> int:
        """The number of attempts at it that are under way."""
        started = self._started.get(option, [])
        while started and now - started[0] > self._pending_s:
            started.pop(0)
        if not started:
            self._started.pop(option, None)
        return len(started)

    def oldest(self, now: float, option: str) -> float | None:
        """The time at which the oldest attempt under way began; None if there is none."""
        return self._started[option][0] if self.count(now, option) else None

    def clear(self) -> None:
        """Nothing is under way."""
        self._started.clear()


def waited(found: Belief, began: float | None, now: float, known: DimensionSettings, clip: float) -> Belief:
    """The belief while an attempt is under way: one silent far longer than expected is a lower bound before it ends."""
    if began is None:
        return found
    silence = coordinate_of(known.scale, max(now - began, 0.0))
    if silence - found.mean <= clip * math.sqrt(found.variance + found.noise):
        return found
    noise = known.noise**2
    return Belief(silence + known.noise, max(found.variance, noise), noise, found.own, found.n)
