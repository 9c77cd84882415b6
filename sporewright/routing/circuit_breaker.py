"""The breaker of one option: trips on evidence, probes one at a time, closes on evidence, comes back by degrees."""

from __future__ import annotations

import math
from typing import Literal, TypedDict

from sporewright.routing.cooldown import EVEN, jittered
from sporewright.routing.plan import PLAN
from sporewright.routing.terms import Plan

__all__ = ["Admission", "BreakerData", "CircuitBreaker"]

Admission = Literal["yes", "ask", "open", "ramping"]
"""Yes; ask for the one probe; left alone until `until`; turned away by chance while it comes back."""
_BUCKET_S = 5.0


class BreakerData(TypedDict):
    """The state of a breaker as other tabs receive it; `until` and `since` are times, 0 where they mean nothing."""

    state: Literal["closed", "open", "ramping"]
    until: float
    since: float


class CircuitBreaker:
    """Closed → open → half-open (open, and its time is over) → ramping → closed. Times are seconds of one clock."""

    def __init__(self, plan: Plan = PLAN) -> None:
        self._limits, self._ramp = plan["limits"], plan["ramp"]
        self._state: Literal["closed", "open", "ramping"] = "closed"
        self._until = 0.0
        self._since = 0.0
        self._opened = 0
        self._in_a_row = 0
        self._successes = 0
        self._probe_until = -math.inf
        self._buckets: dict[int, list[int]] = {}

    def admits(self, now: float, chance: float = EVEN) -> Admission:
        """The answer to a call that wants to go there; `ramping`: chance turns this one away, and lets others in."""
        if self._state == "open":
            return "open" if now < self._until else "ask"
        if self._state == "ramping":
            self._climb(now)
        if self._state == "ramping" and chance >= self._ramp[self._stage(now)]:
            return "ramping"
        return "yes"

    def returns(self, now: float) -> float:
        """The time at which a probe may be asked for; −∞ if it may now."""
        return self._until if self._state == "open" and now < self._until else -math.inf

    def probe(self, now: float) -> bool:
        """Take the one probe; False while another one is out, or there is nothing to find out now."""
        if self.admits(now) != "ask":
            return self._state != "open"
        if now < self._probe_until:
            return False
        self._probe_until = now + self._limits["probe_s"]
        return True

    def release(self) -> None:
        """The probe has ended, with evidence or without."""
        self._probe_until = -math.inf

    def succeeded(self, now: float) -> None:
        """An answer. What comes in while it is open answers a call of before, and is no evidence."""
        self._in_a_row = 0
        if self._state == "open":
            if now >= self._until:
                self._successes += 1
                if self._successes >= self._limits["breaker_successes"]:
                    self._state, self._since = "ramping", now
            return
        self._count(now, failed=False)

    def failed(self, now: float, chance: float = EVEN) -> None:
        """A fault: may trip; ends a half-open time at once, and takes a step back from a ramp."""
        if self._state == "open":
            if now >= self._until:
                self._open(now, chance)
            return
        self._in_a_row += 1
        calls, failures = self._count(now, failed=True)
        limits = self._limits
        by_rate = calls >= limits["breaker_calls"] and failures > limits["breaker_share"] * calls
        if self._in_a_row >= limits["breaker_failures"] or by_rate:
            self._open(now, chance)
        elif self._state == "ramping":
            self._since = now - max(0, self._stage(now) - 1) * limits["ramp_step_s"]

    def data(self) -> BreakerData:
        """The state as other tabs receive it."""
        return {"state": self._state, "until": self._until, "since": self._since}

    def told(self, data: BreakerData) -> None:
        """Take over what the engine of this profile knows."""
        if data["state"] == "open" and self._state != "open":
            self._successes = 0
        self._state, self._until, self._since = data["state"], data["until"], data["since"]

    def _open(self, now: float, chance: float) -> None:
        limits = self._limits
        own = min(limits["breaker_open_s"] * 2.0 ** min(self._opened, 60), limits["breaker_cap_s"])
        self._state, self._until = "open", now + jittered(own, chance, limits["jitter"])
        self._opened += 1
        self._in_a_row = self._successes = 0
        self._buckets.clear()
        self.release()

    def _stage(self, now: float) -> int:
        step_s, last = self._limits["ramp_step_s"], len(self._ramp) - 1
        return min(max(0, math.floor((now - self._since) / step_s)), last) if step_s > 0 else last

    def _climb(self, now: float) -> None:
        if now >= self._since + len(self._ramp) * self._limits["ramp_step_s"]:
            self._state, self._opened = "closed", 0

    def _count(self, now: float, *, failed: bool) -> tuple[int, int]:
        """Calls and failures of the window, this one among them."""
        at = math.floor(now / _BUCKET_S)
        oldest = at - math.ceil(self._limits["breaker_window_s"] / _BUCKET_S)
        for old in [bucket for bucket in self._buckets if bucket <= oldest]:
            del self._buckets[old]
        bucket = self._buckets.setdefault(at, [0, 0])
        bucket[0] += 1
        bucket[1] += failed
        return sum(calls for calls, _ in self._buckets.values()), sum(lost for _, lost in self._buckets.values())
