"""Detection of sleep: looks at the clock while a call is under way, and tells the call of gaps."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from sporewright.routing.clock_gap import Gaps
from sporewright.routing.terms import Limits

__all__ = ["Awake"]


class Awake:
    """Looks every `tick_s`, and whenever it is asked for the time: nothing is decided on a time with a gap in it.

    A gap is a laptop that slept, a process that was stopped, and a loop that something blocked for as long (`gap_s`):
    whatever came in meanwhile could not be heard, so its time is no measurement of the option that sent it.
    """

    def __init__(self, limits: Limits, on_gap: Callable[[float], None]) -> None:
        self._on_gap, self._tick_s = on_gap, limits["tick_s"]
        self._gaps = Gaps(time.time(), time.monotonic(), limits)
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Look until `stop`."""
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(self._tick_s, self._tick)

    def stop(self) -> None:
        """Look no longer: a timer that went on would keep all of a call until it goes off."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def now(self) -> float:
        """Seconds since the epoch, once the call has been told of a gap, if there was one."""
        wall = time.time()
        gap = self._gaps.seen(wall, time.monotonic())
        if gap != 0:
            self._on_gap(gap)
        return wall

    def _tick(self) -> None:
        self.now()
        self._timer = None
        self.start()
