"""The time until an option begins to answer, from its last answers: its p95, and the two limits drawn from it."""

from __future__ import annotations

import math

from sporewright.routing.plan import PLAN, Limits

__all__ = ["LatencyHistory"]


class LatencyHistory:
    """The last `history` times to the first token (or the headers) of one option, in seconds."""

    def __init__(self, limits: Limits = PLAN["limits"]) -> None:
        self._limits = limits
        self._seconds: list[float] = []
        self._told: float | None = None

    def add(self, seconds: float) -> None:
        """One more; what is negative or not finite says nothing."""
        if math.isfinite(seconds) and seconds >= 0:
            self._seconds.append(seconds)
            if len(self._seconds) > self._limits["history"]:
                del self._seconds[0]

    def told(self, p95_s: float | None) -> None:
        """Take over the p95 that the engine of this profile knows; it holds until this page knows enough itself."""
        self._told = p95_s

    @property
    def p95_s(self) -> float | None:
        """The 95th percentile by nearest rank; before `history_min` answers, and before the first, what was told."""
        if len(self._seconds) < max(1, self._limits["history_min"]):
            return self._told
        return sorted(self._seconds)[math.ceil(0.95 * len(self._seconds)) - 1]

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
