"""The usual alternatives: orders that are fixed or drawn, counters, moving averages, and one that knows everything."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence

from sporewright.simulate.policy import Attempt, Setting, is_answered

__all__ = ["Fixed", "LeastBusy", "LowestLatency", "Oracle", "PeakEwma", "RandomOrder", "RoundRobin"]


class Fixed:
    """One order for the whole run, drawn per seed: what a configuration file says."""

    def __init__(self, setting: Setting) -> None:
        order = list(setting.options)
        setting.chance.shuffle(order)
        self._place = {option: at for at, option in enumerate(order)}

    def order(self, now: float, options: Sequence[str]) -> Sequence[str]:  # noqa: ARG002
        """The drawn order."""
        return sorted(options, key=self._place.__getitem__)

    def started(self, now: float, option: str) -> None:
        """Nothing to note."""

    def ended(self, now: float, attempt: Attempt) -> None:
        """Nothing to learn."""


class RandomOrder(Fixed):
    """A new order for every call (LiteLLM's simple-shuffle without weights)."""

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        self._chance = setting.chance

    def order(self, now: float, options: Sequence[str]) -> Sequence[str]:  # noqa: ARG002
        """A permutation."""
        return self._chance.sample(list(options), len(options))


class RoundRobin(Fixed):
    """The options in turn, from an order drawn per seed."""

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        self._turn = 0

    def order(self, now: float, options: Sequence[str]) -> Sequence[str]:
        """The same circle, entered one further each time."""
        circle = list(super().order(now, options))
        at = self._turn % len(circle)
        self._turn += 1
        return circle[at:] + circle[:at]


class LeastBusy(RandomOrder):
    """The fewest attempts in flight; equals in a drawn order."""

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        self._flying = dict.fromkeys(setting.options, 0)

    def order(self, now: float, options: Sequence[str]) -> Sequence[str]:
        """By attempts in flight."""
        return sorted(super().order(now, options), key=self._flying.__getitem__)

    def started(self, now: float, option: str) -> None:  # noqa: ARG002
        """One more in flight."""
        self._flying[option] += 1

    def ended(self, now: float, attempt: Attempt) -> None:  # noqa: ARG002
        """One less."""
        self._flying[attempt.option] -= 1


class LowestLatency(RandomOrder):
    """The lowest mean latency of the last 10 answers, as LiteLLM's latency-based routing does by default.

    No sample counts as 0 and is tried first; a time-out counts as 1000 s; other failures teach it nothing
    (BerriAI/litellm, router_strategy/lowest_latency.py: window 10, buffer 0).
    """

    WINDOW = 10
    TIMEOUT_S = 1000.0

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        self._samples: dict[str, deque[float]] = {option: deque(maxlen=self.WINDOW) for option in setting.options}

    def order(self, now: float, options: Sequence[str]) -> Sequence[str]:
        """By mean; equals in a drawn order."""
        return sorted(super().order(now, options), key=self._mean)

    def ended(self, now: float, attempt: Attempt) -> None:  # noqa: ARG002
        """An answer's latency, or the price of a time-out."""
        if is_answered(attempt):
            self._samples[attempt.option].append(attempt.seconds)
        elif attempt.ended.outcome == "timed_out":
            self._samples[attempt.option].append(self.TIMEOUT_S)

    def _mean(self, option: str) -> float:
        samples = self._samples[option]
        return sum(samples) / len(samples) if samples else 0.0


class PeakEwma(LeastBusy):
    """Power of two choices by peak EWMA: of two drawn options the lower latency × (in flight + 1) (Finagle, tower).

    A rise is taken at once, a fall decays over 10 s; an option that was never measured counts as 1 s.
    """

    DECAY_S = 10.0
    UNMEASURED_S = 1.0

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        self._ewma = dict.fromkeys(setting.options, self.UNMEASURED_S)
        self._stamp = dict.fromkeys(setting.options, 0.0)

    def order(self, now: float, options: Sequence[str]) -> Sequence[str]:  # noqa: ARG002
        """The better of the two first, then the other, then the rest by the same measure."""
        drawn = self._chance.sample(list(options), len(options))
        return sorted(drawn[:2], key=self._load) + sorted(drawn[2:], key=self._load)

    def ended(self, now: float, attempt: Attempt) -> None:
        """Peak-sensitive mean of the answers' seconds, time-outs included."""
        super().ended(now, attempt)
        if not (is_answered(attempt) or attempt.ended.outcome == "timed_out"):
            return
        option = attempt.option
        kept = math.exp((self._stamp[option] - now) / self.DECAY_S)
        self._stamp[option] = now
        rising = attempt.seconds > self._ewma[option]
        self._ewma[option] = attempt.seconds if rising else kept * self._ewma[option] + (1 - kept) * attempt.seconds

    def _load(self, option: str) -> float:
        return self._ewma[option] * (self._flying[option] + 1)


class Oracle(Fixed):
    """Knows every option's expected cost now, and who would admit a call: the bound, not a competitor."""

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        self._world = setting.world

    def order(self, now: float, options: Sequence[str]) -> Sequence[str]:
        """By cost per success; equals by name."""
        return sorted(options, key=lambda option: (self._world.quote(now, option).index, option))
