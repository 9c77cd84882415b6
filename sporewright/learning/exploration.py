"""The moments and strength of looking at other options: temperature, budget, turns (L6, L8, L10); worth: worth.py."""

from __future__ import annotations

import math
from binascii import crc32
from dataclasses import dataclass

from sporewright.learning.settings import LearningSettings

__all__ = ["Exploration", "ExplorationBudget", "chance"]

# Devices take turns in slots of this length, each option on its own beat: a recovery is found within a few of them.
SLOT_S = 15.0
# Among the devices of a fleet this many look at the same thing in one slot, on average: twice the support that counts.
LOOKERS = 2.0
# What an operator declared of an option that was never tried is doubted once in so long, for a slot.
DOUBT_S = 3600.0


def chance(*names: object) -> float:
    """A number in (0, 1) drawn from the names: the same names, the same number, in any process."""
    return (crc32(repr(names).encode("utf-8", "surrogatepass")) + 0.5) / 2**32


@dataclass(slots=True)
class ExplorationBudget:
    """The use of the present window's budget."""

    window: float = 0.0
    calls: float = 0.0
    usd: float = 0.0

    def turn(self, now: float, window_s: float) -> None:
        """A new window starts empty; a clock that ran backwards opens none, and its next one is the next."""
        window = float(math.floor(now / window_s))
        if window > self.window:
            self.calls = self.usd = 0.0
        self.window = window


class Exploration:
    """Weights for the `explore` terms of one device."""

    def __init__(self, settings: LearningSettings, device: str) -> None:
        self.budget = ExplorationBudget()
        self._settings, self._device = settings, device
        self._beat = chance(device)
        self._crowd = LOOKERS * settings.support

    def allowed(self, now: float) -> bool:
        """True if the window's budget has room for another exploratory call."""
        self.budget.turn(now, self._settings.window_s)
        room = self.budget.calls + 1 <= self._settings.explore_calls and self.budget.usd <= self._settings.explore_usd
        return self._settings.temperature > 0 and room

    def spend(self, usd: float) -> None:
        """An exploratory call went out that may cost so much more than the best known."""
        self.budget.calls += 1
        self.budget.usd += max(0.0, usd)

    def weight(self, now: float, option: str, holders: float) -> float:
        """The temperature for this option while curiosity is allowed.

        A device alone is always curious. With a name it has a beat of its own, so that equal beliefs do not choose
        alike: half to one and a half times the temperature. With a fleet of `holders` behind what is known devices take
        turns, so many of them that about twice the needed support look in one slot.
        """
        if not self._device:
            return self._settings.temperature
        slot = math.floor(now / SLOT_S + self._beat)
        # A chance is below 1: where the holders are no crowd it is not asked for.
        if holders > self._crowd and chance(self._device, option, slot) * holders > self._crowd:
            return 0.0
        return self._settings.temperature * (0.5 + chance(option, self._device, slot))

    def doubts(self, now: float, option: str) -> bool:
        """True if the declared values of the option are doubted now: one slot in an hour, on average."""
        slot = math.floor(now / SLOT_S + self._beat)
        return chance("declared", self._device, option, slot) < SLOT_S / DOUBT_S

    def draw(self, now: float, option: str, draws: int) -> float:
        """A standard normal number for Thompson sampling (Box and Muller 1958).

        The same for the same seed, option, time and count of draws: the count begins anew with every page, the time
        does not.
        """
        names = self._names(now, option, draws)
        radius, angle = chance(*names, "radius"), chance(*names, "angle")
        return math.sqrt(-2.0 * math.log(radius)) * math.cos(2.0 * math.pi * angle)

    def wide_draw(self, now: float, option: str, draws: int) -> float:
        """A number drawn from Student's t with four degrees of freedom, in the same way (Shaw 2006: its quantiles).

        Mostly near 0, and far from it once in a while: an option that had bad luck first is tried again.
        """
        u = chance(*self._names(now, option, draws))
        near = math.sqrt(4.0 * u * (1.0 - u))
        far = 2.0 * math.sqrt(max(0.0, math.cos(math.acos(near) / 3.0) / near - 1.0))
        return math.copysign(far, u - 0.5)

    def _names(self, now: float, option: str, draws: int) -> tuple[object, ...]:
        """The names from which a draw is made."""
        return (self._settings.seed, self._device, option, now, draws)
