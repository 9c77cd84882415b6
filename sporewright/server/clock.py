"""The server's clock: one object, so that a test can move it."""

from __future__ import annotations

import time
from typing import Protocol

__all__ = ["Clock", "SystemClock"]


class Clock(Protocol):
    """Two times in seconds: of the wall, which tokens are measured with, and one that is never set, for leases."""

    def now(self) -> float:
        """Seconds since 1970, UTC; an operator or a time server may set it."""
        ...

    def monotonic(self) -> float:
        """Seconds since some moment; runs on evenly whatever the wall clock is set to."""
        ...


class SystemClock:
    """The machine's own clock."""

    def now(self) -> float:
        """The time now, in seconds since 1970."""
        return time.time()

    def monotonic(self) -> float:
        """Seconds since some moment of this process's own."""
        return time.monotonic()
