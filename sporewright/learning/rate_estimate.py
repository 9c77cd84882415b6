"""The rate at which an option admits calls, learned from its refusals, and the chance that it admits one more now.

A refusal for the rate (429) says that the option's bucket holds less than one token, an answer that it held one. What
was admitted between two refusals is what was refilled, so admitted calls over time is the rate; with it the bucket is
thought along, between the least and the most that it can hold.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

__all__ = ["RateEstimate"]

# Half of what is known of a rate counts after this long: limits are counted by the minute.
HALF_LIFE_S = 600.0
# How wrong the rate may be, either way, besides one call in those it was counted from.
SLACK = 0.01


@dataclass(slots=True)
class RateEstimate:
    """One option's bucket, in calls and seconds of the clock whose times are passed in; unknown before a refusal."""

    empty_at: float = -math.inf
    """The time of its last refusal."""
    at: float = 0.0
    least: float = 0.0
    most: float = math.inf
    sent: int = 0
    """Calls since the refusal, those under way included."""
    admitted: float = 0.0
    elapsed: float = 0.0

    @property
    def rate(self) -> float:
        """Admitted calls a second; 0 before anything was admitted between two refusals."""
        return self.admitted / self.elapsed if self.elapsed else 0.0

    def chance(self, now: float) -> float:
        """The probability that a call that went out now would be taken; 1 while no rate is known."""
        if not self.rate:
            return 1.0
        least, most = self._held(now)
        return min(1.0, max(0.0, (most - 1.0) / max(most - least, 1e-9)))

    def called(self, now: float) -> None:
        """A call went out: if it is taken, the bucket held one token and holds one less."""
        self._refill(now)
        self.sent += 1
        self.least, self.most = max(self.least, 1.0) - 1.0, max(self.most, 1.0) - 1.0

    def spared(self) -> None:
        """A call that went out took nothing, as far as is known."""
        self.sent = max(0, self.sent - 1)
        self.most += 1.0

    def refused(self, now: float) -> None:
        """A call came back refused for the rate: the bucket holds less than one token."""
        self._refill(now)
        self.sent = max(0, self.sent - 1)
        if self.empty_at > -math.inf:
            passed = max(0.0, now - self.empty_at)
            left = 2.0 ** (-passed / HALF_LIFE_S)
            self.admitted = self.admitted * left + self.sent
            self.elapsed = self.elapsed * left + passed
        self.empty_at, self.sent = now, 0
        self.least, self.most = 0.0, 1.0

    def _refill(self, now: float) -> None:
        self.least, self.most = self._held(now)
        self.at = now

    def _held(self, now: float) -> tuple[float, float]:
        passed = max(0.0, now - self.at)
        wrong = SLACK + 1.0 / (self.admitted + 1.0)
        refilled = self.rate * passed
        return self.least + refilled * max(0.0, 1.0 - wrong), self.most + refilled * (1.0 + wrong)
