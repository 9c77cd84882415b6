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

    def __init__(self, limits: Limits, on_gap: Callable[[float], None], is_wanted: Callable[[], bool]) -> None:
        self._on_gap, self._is_wanted, self._tick_s = on_gap, is_wanted, limits["tick_s"]
        self._gaps = Gaps(time.time(), time.monotonic(), limits)
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Look until no call wants it any more."""
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(self._tick_s, self._tick)

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
        if self._is_wanted():
            self.start()
