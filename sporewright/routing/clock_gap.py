"""Gaps in the clock: a tab that was frozen, a laptop that slept, a clock that was set."""

from __future__ import annotations

from sporewright.routing.plan import PLAN
from sporewright.routing.terms import Limits

__all__ = ["Gaps"]


class Gaps:
    """Told the time at least every `tick_s` while a call waits; what is missing between two looks is a gap.

    Two clocks, both in seconds: `wall`, by which all waits are measured, and `steady`, which is never set but may
    stand still while a device sleeps.
    """

    def __init__(self, wall: float, steady: float, limits: Limits = PLAN["limits"]) -> None:
        self._limits = limits
        self._wall, self._steady = wall, steady
        self._was_hidden = False

    def seen(self, wall: float, steady: float, *, hidden: bool = False, frozen: bool = False) -> float:
        """Seconds to be taken out of what is waited for; negative where the clock was set back, 0 where all is well.

        `hidden`: the timers of this page may be late (`gap_hidden_s`); `frozen`: it was told that nothing would run.
        """
        limits = self._limits
        elapsed, ran = wall - self._wall, steady - self._steady
        late = limits["gap_hidden_s"] if hidden or self._was_hidden else limits["gap_s"]
        self._wall, self._steady, self._was_hidden = wall, steady, hidden
        if elapsed < ran - limits["gap_s"]:
            return elapsed - ran
        if frozen or elapsed > limits["tick_s"] + late:
            return max(0.0, elapsed - limits["tick_s"])
        return 0.0
