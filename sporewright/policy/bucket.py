"""The local, sub-second gate for rates: a token bucket (B6)."""

from __future__ import annotations

from sporewright.core.checks import finite
from sporewright.errors import ConfigError

__all__ = ["TokenBucket"]


def _at_least_nothing(x: object, place: str) -> float:
    found = finite(x, place)
    if found < 0:
        raise ConfigError(f"{place}: {found!r} is negative")
    return found


class TokenBucket:
    """Starts full at `now`; holds at most `capacity` tokens, refilled by `refill_per_s` for each second that passes.

    Times are seconds of any one clock. A time that is not finite, and a capacity or rate that is negative besides, is a
    ConfigError.
    """

    def __init__(self, capacity: float, refill_per_s: float, now: float) -> None:
        self._capacity = _at_least_nothing(capacity, "TokenBucket: capacity")
        self._refill_per_s = _at_least_nothing(refill_per_s, "TokenBucket: refill_per_s")
        self._tokens = self._capacity
        self._mark = finite(now, "TokenBucket: now")

    def __repr__(self) -> str:
        return f"<TokenBucket {self._tokens:g} of {self._capacity:g} tokens, {self._refill_per_s:g} per second>"

    def admit(self, now: float) -> bool:
        """Take one token if there is at least one. A clock that ran backwards refills nothing.

        The mark never moves back, so that an interval is not paid for twice when the clock runs forward again.
        """
        elapsed = finite(now, "now") - self._mark
        if elapsed > 0:
            self._tokens = min(self._capacity, self._tokens + elapsed * self._refill_per_s)
            self._mark = float(now)
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True
