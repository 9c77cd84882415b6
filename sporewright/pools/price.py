"""The price of a pool: moved once a tick by the pace at which it is drawn on (P7, B4)."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

__all__ = ["MAX_PRICE", "TICK_US", "Price"]

TICK_US = 5_000_000
"""The least time between two moves."""
MAX_PRICE = 1e300
"""As `policy/budget.py` has it (B4)."""
NEWEST = 0.05
"""The share of the newest draw in the mean."""


class Price:
    """λ of an ordinary draw, and what it is moved by. Amounts are minor units, times microseconds."""

    __slots__ = ("at", "mean", "pace", "since", "value")

    def __init__(self, now: int) -> None:
        self.at, self.since = now, 0
        self.value = self.pace = self.mean = 0.0

    @property
    def each(self) -> float:
        """The price of one minor unit, 0 while the pool is slack."""
        return self.value / self.mean if self.mean > 0 else 0.0

    def takes(self, amount: int) -> None:
        """So much was drawn by one call, as far as is known."""
        self.since += amount
        self.mean += (amount - self.mean) * (NEWEST if self.mean > 0 else 1.0)

    def corrects(self, difference: int) -> None:
        """It was so much more."""
        self.since += difference

    def tick(self, pressure: Callable[[float, int], float], memory_us: int, now: int) -> bool:
        """Move by the pressure of the pace, smoothed over `memory_us`; True if the price is another one now.

        In that time a call becomes dearer by 1 unit of the score where the pressure is a cap's worth or more (α of B4),
        and cheaper by as much, or by all of its price where that is more.
        """
        passed = now - self.at
        if passed < TICK_US:
            self.at = min(self.at, now)  # of a clock that was set back
            return False
        self.pace += passed / (passed + memory_us) * (max(0, self.since) / passed - self.pace)
        self.at, self.since = now, 0
        force = min(1.0, max(-1.0, pressure(self.pace, now)))
        before, share = self.value, min(1.0, passed / memory_us)
        self.value = min(MAX_PRICE, max(0.0, before + share * force * (1.0 if force > 0 else max(1.0, before))))
        return self.value != before

    def data(self) -> list[float]:
        """The state as JSON data."""
        return [self.at, self.since, self.value, self.pace, self.mean]

    def restore(self, data: Any) -> None:
        """Take over what `data` gave; anything else is passed over."""
        if not isinstance(data, list) or [type(x) for x in data[:2]] != [int, int] or len(data) != 5:
            return
        if all(isinstance(x, int | float) and math.isfinite(x) and x >= 0 for x in data[2:]):
            self.at, self.since = data[:2]
            self.value, self.pace, self.mean = map(float, data[2:])
