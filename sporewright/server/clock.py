"""Where the server's time comes from: one object, so that a test can move it."""

from __future__ import annotations

import time
from typing import Protocol

__all__ = ["Clock", "SystemClock"]


class Clock(Protocol):
    """Seconds since 1970, UTC; what leases and tokens are measured with."""

    def now(self) -> float:
        """The time now, in seconds."""
        ...


class SystemClock:
    """The machine's own clock."""

    def now(self) -> float:
        """The time now, in seconds since 1970."""
        return time.time()
