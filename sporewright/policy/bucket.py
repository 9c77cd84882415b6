"""The local, sub-second gate for rates: a token bucket (B6)."""

from __future__ import annotations

import math

from sporewright.errors import ConfigError

__all__ = ["TokenBucket"]


class TokenBucket:
    """Starts full at `now`; holds at most `capacity` tokens, refilled by `refill_per_s` for each second that passes.

    Times are seconds of any one clock. A capacity or rate that is negative or not finite is a ConfigError.
    """

    def __init__(self, capacity: float, refill_per_s: float, now: float) -> None:
        for name, value in (("capacity", capacity), ("refill_per_s", refill_per_s)):
            if not (math.isfinite(value) and value >= 0):
                raise ConfigError(f"TokenBucket: {name} must be finite and not negative, not {value!r}")
        self._capacity = float(capacity)
        self._refill_per_s = float(refill_per_s)
        self._tokens = self._capacity
        self._mark = now

    def admit(self, now: float) -> bool:
        """Take one token if there is at least one. A clock that ran backwards refills nothing.

        The mark never moves back, so that an interval is not paid for twice when the clock runs forward again.
        """
        elapsed = now - self._mark
        if elapsed > 0:
            self._tokens = min(self._capacity, self._tokens + elapsed * self._refill_per_s)
            self._mark = now
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True
