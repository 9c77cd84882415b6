"""Learners that expect change, on the logarithm of latency: what a careful engineer takes from textbooks.

Each has its parameters as class attributes, which a policy's name may set: `kalman:bound=1`.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence

from sporewright.simulate.baselines import LeastBusy
from sporewright.simulate.measurements import FAILED_S
from sporewright.simulate.policy import Attempt, Setting, is_answered

__all__ = ["Cusum", "DiscountedUcb", "GaussianThompson", "Kalman", "MeanOfTen"]

SHORTEST_S = 1e-3
FORGOTTEN = 1e-9
"""Evidence of less weight than this is none."""
UNKNOWN = -math.inf
"""The cost assumed for an option that was never measured: it is tried first."""


class Failures:
    """An option's failure rate, from counts that fade with every attempt; begins at one in twenty, weakly."""

    KEPT = 0.95

    def __init__(self) -> None:
        self._failed, self._seen = 0.05, 1.0

    def add(self, *, failed: bool) -> None:
        """One more attempt."""
        self._failed = self.KEPT * self._failed + failed
        self._seen = self.KEPT * self._seen + 1.0

    @property
    def share(self) -> float:
        """At most 0.99, so that a cost per success exists."""
        return min(0.99, self._failed / self._seen)


class Restless(LeastBusy):
    """Orders by the least expected cost per success: seconds that a subclass expects, money, and failures.

    An option that has just failed stands last for `COOL_S`, twice as long after each failure in a row.
    """

    COOL_S = 10.0

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        self._usd_s = setting.usd_s
        self._failures = {option: Failures() for option in setting.options}
        self._usd = dict.fromkeys(setting.options, 0.0)
        self._cool = dict.fromkeys(setting.options, UNKNOWN)
        self._row = dict.fromkeys(setting.options, 0)

    def order(self, now: float, options: Sequence[str]) -> Sequence[str]:
        """By cost per success; equals in a drawn order."""
        drawn = self._chance.sample(list(options), len(options))
        keys = {option: (now < self._cool[option], self._cost(now, option)) for option in drawn}
        return sorted(drawn, key=keys.__getitem__)

    def ended(self, now: float, attempt: Attempt) -> None:
        """Count it, and let the subclass learn the seconds of an answer or of a time-out."""
        super().ended(now, attempt)
        option, is_ok = attempt.option, is_answered(attempt)
        self._failures[option].add(failed=not is_ok)
        self._row[option] = 0 if is_ok else min(6, self._row[option] + 1)
        self._cool[option] = UNKNOWN if is_ok else now + self.COOL_S * 2.0 ** (self._row[option] - 1)
        if is_ok:
            self._usd[option] += 0.3 * (attempt.usd - self._usd[option]) if self._usd[option] else attempt.usd
        if is_ok or attempt.ended.outcome == "timed_out":
            self._learn(now, option, math.log(max(SHORTEST_S, attempt.seconds)))

    def _cost(self, now: float, option: str) -> float:
        seconds = self._seconds(now, option)
        if seconds == UNKNOWN:
            return UNKNOWN if not self._flying[option] else math.inf
        failing = self._failures[option].share
        return (seconds * (1 - failing) + FAILED_S * failing) / (1 - failing) + self._usd[option] * self._usd_s

    def _seconds(self, now: float, option: str) -> float:
        raise NotImplementedError

    def _learn(self, now: float, option: str, logarithm: float) -> None:
        raise NotImplementedError


class Kalman(Restless):
    """One local level an option (Kalman 1960): it wanders by `DRIFT` in an hour, and is tried by its lower bound.

    The noise of one answer is estimated from the innovations; the level's deviation times `BOUND` is taken off.
    """

    DRIFT, BOUND, NOISE = 0.12, 0.5, 0.05

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        self._level: dict[str, float] = {}
        self._variance = dict.fromkeys(setting.options, 0.0)
        self._noise = dict.fromkeys(setting.options, self.NOISE)
        self._stamp = dict.fromkeys(setting.options, 0.0)

    def _learn(self, now: float, option: str, logarithm: float) -> None:
        noise = self._noise[option]
        if option not in self._level:
            self._level[option], self._variance[option] = logarithm, noise
        else:
            variance = self._wandered(now, option)
            surprise = logarithm - self._level[option]
            gain = variance / (variance + noise)
            self._level[option] += gain * surprise
            self._variance[option] = (1 - gain) * variance
            self._noise[option] = max(0.005, 0.95 * noise + 0.05 * min(4.0, surprise * surprise))
        self._stamp[option] = now

    def _seconds(self, now: float, option: str) -> float:
        if option not in self._level:
            return UNKNOWN
        noise, variance = self._noise[option], min(4.0, self._wandered(now, option))
        variance /= 1 + self._flying[option] * variance / noise
        return math.exp(self._level[option] + noise / 2 - self.BOUND * math.sqrt(variance))

    def _wandered(self, now: float, option: str) -> float:
        return self._variance[option] + self.DRIFT * (now - self._stamp[option]) / 3600.0


class Cusum(Restless):
    """Mean and variance since the last change an option was found to have made, by a two-sided CUSUM (Page 1954).

    Tried by the lower bound of the mean; a change at `THRESHOLD` deviations beyond `SLACK` makes the option forget;
    every option is looked at once in `LOOK_S`, longer where it is slower than the best.
    """

    BOUND, THRESHOLD, SLACK, LOOK_S = 1.0, 10.0, 0.5, 1800.0
    GUESSED, NOISE = 4.0, 0.04

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        self._count = dict.fromkeys(setting.options, 0)
        self._mean = dict.fromkeys(setting.options, 0.0)
        self._squares = dict.fromkeys(setting.options, 0.0)
        self._sums = dict.fromkeys(setting.options, (0.0, 0.0))
        self._looked = dict.fromkeys(setting.options, 0.0)

    def order(self, now: float, options: Sequence[str]) -> Sequence[str]:
        """As before, with the option in front that was not looked at for too long."""
        ranked = list(super().order(now, options))
        best = self._seconds(now, ranked[0])
        for option in ranked[1:]:
            patience = self.LOOK_S * max(1.0, math.exp(self._mean[option]) / best if best > 0 else 1.0)
            is_idle = self._count[option] and not self._flying[option] and now >= self._cool[option]
            if is_idle and now - self._looked[option] > patience:
                ranked.remove(option)
                return [option, *ranked]
        return ranked

    def ended(self, now: float, attempt: Attempt) -> None:
        """It was looked at."""
        super().ended(now, attempt)
        self._looked[attempt.option] = now

    def _variance(self, option: str) -> float:
        return (self._squares[option] + self.GUESSED * self.NOISE) / (self._count[option] + self.GUESSED)

    def _learn(self, now: float, option: str, logarithm: float) -> None:  # noqa: ARG002
        count = self._count[option]
        if count >= 2:
            z = (logarithm - self._mean[option]) / math.sqrt(self._variance(option) * (1 + 1 / count))
            z = max(-4.0, min(4.0, z))
            up, down = self._sums[option]
            up, down = max(0.0, up + z - self.SLACK), max(0.0, down - z - self.SLACK)
            self._sums[option] = up, down
            if max(up, down) > self.THRESHOLD:
                count, self._mean[option], self._squares[option], self._sums[option] = 0, 0.0, 0.0, (0.0, 0.0)
        self._count[option] = count + 1
        off = logarithm - self._mean[option]
        self._mean[option] += off / (count + 1)
        self._squares[option] += off * (logarithm - self._mean[option])

    def _seconds(self, now: float, option: str) -> float:  # noqa: ARG002
        count = self._count[option]
        if not count:
            return UNKNOWN
        variance = self._variance(option)
        bound = self.BOUND * math.sqrt(variance / (count + self._flying[option]))
        return math.exp(self._mean[option] + variance / 2 - bound)


class GaussianThompson(Restless):
    """Draws of the mean and variance from their normal-gamma posterior; evidence counts half after `HALF_LIFE_S`."""

    HALF_LIFE_S, WIDTH = 1800.0, 0.5
    GUESSES, SHAPE, NOISE = 0.05, 2.0, 0.04

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        self._sums = dict.fromkeys(setting.options, (0.0, 0.0, 0.0))
        self._stamp = dict.fromkeys(setting.options, 0.0)

    def _aged(self, now: float, option: str) -> tuple[float, float, float]:
        kept = 2.0 ** ((self._stamp[option] - now) / self.HALF_LIFE_S)
        count, total, squares = self._sums[option]
        return count * kept, total * kept, squares * kept

    def _learn(self, now: float, option: str, logarithm: float) -> None:
        count, total, squares = self._aged(now, option)
        self._sums[option] = count + 1, total + logarithm, squares + logarithm * logarithm
        self._stamp[option] = now

    def _seconds(self, now: float, option: str) -> float:
        count, total, squares = self._aged(now, option)
        if count < FORGOTTEN:
            return UNKNOWN
        mean, spread = total / count, max(0.0, squares - total * total / count)
        rate = self.SHAPE * self.NOISE + spread / 2
        variance = 1 / self._chance.gammavariate(self.SHAPE + count / 2, 1 / rate)
        drawn = self._chance.gauss(mean, self.WIDTH * math.sqrt(variance / (self.GUESSES + count)))
        return math.exp(min(7.0, drawn + min(variance, 2.0) / 2))


class DiscountedUcb(Restless):
    """Discounted UCB (Garivier, Moulines 2011) on a reward that falls with the logarithm of the seconds.

    The reward is 1 at `BEST_S`, 0 at `WORST_S` and for a failure; every option fades by `KEPT` at each play.
    """

    KEPT, BONUS, BEST_S, WORST_S = 0.998, 0.005, 0.03, 300.0

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        self._count = dict.fromkeys(setting.options, 0.0)
        self._sum = dict.fromkeys(setting.options, 0.0)

    def ended(self, now: float, attempt: Attempt) -> None:
        """Everything fades, the option played gains."""
        super().ended(now, attempt)
        for option in self._count:
            self._count[option] *= self.KEPT
            self._sum[option] *= self.KEPT
        self._count[attempt.option] += 1.0
        if is_answered(attempt):
            cost = max(SHORTEST_S, attempt.seconds + attempt.usd * self._usd_s)
            reach = math.log(self.WORST_S / self.BEST_S)
            self._sum[attempt.option] += min(1.0, max(0.0, math.log(self.WORST_S / cost) / reach))

    def _cost(self, now: float, option: str) -> float:  # noqa: ARG002
        plays = self._count[option] + self._flying[option]
        if plays < 1e-3:
            return UNKNOWN
        mean = self._sum[option] / self._count[option] if self._count[option] else 0.5
        return -mean - math.sqrt(self.BONUS * math.log(1 + sum(self._count.values())) / plays)

    def _learn(self, now: float, option: str, logarithm: float) -> None:
        """Learned as a reward already."""


class MeanOfTen(Restless):
    """The lowest mean of the last `WINDOW` answers, a share `EPSILON` of the calls to an option drawn."""

    EPSILON, WINDOW = 0.02, 10.0

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        self._samples: dict[str, deque[float]] = {option: deque(maxlen=int(self.WINDOW)) for option in setting.options}

    def order(self, now: float, options: Sequence[str]) -> Sequence[str]:
        """By mean, or with an option drawn in front."""
        ranked = list(super().order(now, options))
        if self._chance.random() < self.EPSILON:
            ranked.insert(0, ranked.pop(self._chance.randrange(len(ranked))))
        return ranked

    def _learn(self, now: float, option: str, logarithm: float) -> None:  # noqa: ARG002
        self._samples[option].append(math.exp(logarithm))

    def _seconds(self, now: float, option: str) -> float:  # noqa: ARG002
        samples = self._samples[option]
        return sum(samples) / len(samples) if samples else UNKNOWN
