"""The time until an option begins to answer, from its last answers: its p95, and the two limits drawn from it."""

from __future__ import annotations

import math
from bisect import bisect_left, insort

from sporewright.routing.plan import PLAN, Limits

__all__ = ["LatencyHistory"]


class LatencyHistory:
    """The last `history` times to the first token (or the headers) of one option, in seconds."""

    def __init__(self, limits: Limits = PLAN["limits"]) -> None:
        self._limits = limits
        self._seconds: list[float] = []
        self._sorted: list[float] = []
        self._told: float | None = None
        self._lost_at: float | None = None
        self._has_failed = False

    def add(self, seconds: float) -> None:
        """One more; what is negative or not finite says nothing."""
        if math.isfinite(seconds) and seconds >= 0:
            self._seconds.append(seconds)
            insort(self._sorted, seconds)
            if len(self._seconds) > self._limits["history"]:
                del self._sorted[bisect_left(self._sorted, self._seconds.pop(0))]

    def told(self, p95_s: float | None) -> None:
        """Take over the p95 that the engine of this profile knows; it holds until this page knows enough itself."""
        self._told = p95_s

    @property
    def p95_s(self) -> float | None:
        """The 95th percentile by nearest rank; before `history_min` answers, and before the first, what was told."""
        if len(self._seconds) < max(1, self._limits["history_min"]):
            return self._told
        return self._sorted[math.ceil(0.95 * len(self._sorted)) - 1]

    def race_after_s(self, left_s: float, *, is_probe: bool) -> float:
        """The silence in seconds after which another option is asked beside this one, of a call that has `left_s` left.

        Two thirds, as in Patience. An option that takes longer as a rule has until its p95 (of its good calls one in
        twenty is raced), before `history_min` answers until twice the longest. But a sixth is left to the next one.
        One of which nothing is known has that long on trial: as a probe, and after its first lost race until the next.
        """
        usual_s = self.p95_s
        if usual_s is None:
            is_on_trial = is_probe or (self._lost_at is not None and not self._has_failed)
            usual_s = 2 * max(self._seconds, default=math.inf if is_on_trial else 0.0)
        return max(left_s * 2 / 3, min(usual_s, left_s * 5 / 6))

    def lost(self, began: float, now: float, silence_s: float, *, is_probe: bool) -> bool:
        """It has lost a race for a silence that was all of its call's time; True if that is a failure.

        Of an option of which nothing is known the first one is none, nor any that had begun by then: one that is only
        slow has been silent as long. A probe that is silent fails.
        """
        usual_s = self.p95_s
        if usual_s is not None or self._seconds:
            return silence_s >= (max(self._seconds) if usual_s is None else usual_s)
        if self._lost_at is None:
            self._lost_at = now
        self._has_failed = self._has_failed or began >= self._lost_at
        return is_probe or began >= self._lost_at

    @property
    def first_token_s(self) -> float:
        """The time limit for a first token: twice the p95 within the plan's bounds, or the plan's own."""
        p95 = self.p95_s
        if p95 is None:
            return self._limits["first_token_s"]
        return min(max(2 * p95, self._limits["first_token_min_s"]), self._limits["first_token_max_s"])

    @property
    def telling_s(self) -> float:
        """The length from which a silence is evidence against the option: at least the shortest first-token limit."""
        return max(self._limits["first_token_min_s"], 2.0 * (self.p95_s or 0.0))
