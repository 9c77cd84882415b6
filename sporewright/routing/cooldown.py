"""Cooldowns of options: as long as a Retry-After asks, else longer with each incident; never shortened."""

from __future__ import annotations

import math

from sporewright.routing.plan import PLAN, Limits

__all__ = ["EVEN", "Cooldowns", "jittered"]

EVEN = 0.5
"""The chance that leaves every jittered wait as it is."""


def jittered(seconds: float, chance: float, share: float) -> float:
    """`seconds` times something between 1 − share and 1 + share, by a chance in [0, 1)."""
    return seconds * (1.0 + share * (2.0 * chance - 1.0))


class Cooldowns:
    """Until when each option is left alone, and how many incidents it has had since it last answered.

    A failure while an option is cooling down belongs to the same incident: ten calls in flight that are all refused
    count once. Times are seconds on the caller's clock, chance is a number in [0, 1).
    """

    def __init__(self, limits: Limits = PLAN["limits"]) -> None:
        self._limits = limits
        self._until: dict[str, float] = {}
        self._incidents: dict[str, int] = {}

    def until(self, option: str) -> float:
        """The time at which the option returns; −∞ if it never was away."""
        return self._until.get(option, -math.inf)

    def is_cooling(self, option: str, now: float) -> bool:
        """True if the option is cooling down at `now`; at `until` itself it is back."""
        return now < self.until(option)

    def cool_down(self, option: str, now: float, retry_after_s: float | None = None, chance: float = EVEN) -> float:
        """One more refusal: the new `until`, never earlier than the old one."""
        if not self.is_cooling(option, now):
            self._incidents[option] = self._incidents.get(option, 0) + 1
        return self.extend(option, now + self._wait(self._incidents.get(option, 1), retry_after_s, chance))

    def _wait(self, incidents: int, retry_after_s: float | None, chance: float) -> float:
        limits = self._limits
        # Beyond 2^60 the cap has long been reached and the power would overflow.
        doublings = 2.0 ** min(incidents - 1, 60)
        own = min(limits["cooldown_s"] * doublings, limits["cooldown_cap_s"])
        if retry_after_s is None or not retry_after_s >= 0:
            return jittered(own, chance, limits["jitter"])
        # The server knows best when it can answer; one that refuses again at the time it named is asked less often.
        least = 0.0 if incidents == 1 else min(limits["backoff_s"] * doublings, limits["cooldown_cap_s"])
        return max(jittered(least, chance, limits["jitter"]), min(retry_after_s, limits["retry_after_cap_s"]))

    def extend(self, option: str, until: float) -> float:
        """Leave the option alone at least until then (told by another tab); the later of the two."""
        self._until[option] = max(until, self.until(option))
        return self._until[option]

    def told(self, option: str, until: float) -> None:
        """Take over what the engine of this profile knows: an earlier end, too."""
        self._until[option] = until

    def answered(self, option: str) -> None:
        """The option served a call: its next incident is the first again; a running cooldown stays."""
        self._incidents.pop(option, None)

    def forget(self, option: str) -> None:
        """As if it had never been away."""
        self._until.pop(option, None)
        self._incidents.pop(option, None)

    def active(self, now: float) -> dict[str, float]:
        """option → until, of those still cooling down, in code-point order."""
        return {option: until for option, until in sorted(self._until.items()) if now < until}
