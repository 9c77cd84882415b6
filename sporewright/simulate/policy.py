"""A policy as the simulator sees it: it orders the options for a call, and is told how each attempt ended."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from sporewright.routing.attempt_chain import Ended
from sporewright.simulate.world import World

__all__ = ["Attempt", "Policy", "Setting", "is_answered"]


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt that ended: what the chain made of it, the seconds it took, the dollars it cost."""

    ended: Ended
    seconds: float
    usd: float

    @property
    def option(self) -> str:
        """The option that was called."""
        return self.ended.option


def is_answered(attempt: Attempt) -> bool:
    """True if the caller got what it asked for."""
    return attempt.ended.outcome == "ok"


class Policy(Protocol):
    """Chooses; the chain does the rest, the same for all. Times are seconds since the run began."""

    def order(self, now: float, options: Sequence[str]) -> Sequence[str]:
        """The options there are now, the one to try first in front."""

    def started(self, now: float, option: str) -> None:
        """An attempt went out."""

    def ended(self, now: float, attempt: Attempt) -> None:
        """An attempt came back."""


@dataclass(frozen=True, slots=True)
class Setting:
    """The facts that a policy may know before a run: its options, its own chance, how many calls and changes come.

    `world` is for the oracle alone.
    """

    options: Sequence[str]
    chance: random.Random
    calls: int
    changes: int
    usd_s: float
    world: World


Maker = Callable[[Setting], Policy]
