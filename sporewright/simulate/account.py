"""Many runs put together: means over the seeds, percentiles, and whether one policy is better than another."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from sporewright.simulate.chance import generator
from sporewright.simulate.study import Result

__all__ = ["Line", "difference", "lines", "mean", "quantile"]

RESAMPLES = 2000


def mean(numbers: Iterable[float]) -> float:
    """Their mean; there must be one."""
    found = list(numbers)
    return sum(found) / len(found)


def quantile(numbers: Sequence[float], share: float) -> float:
    """The value below which that share lies, on a line between its neighbours."""
    ordered = sorted(numbers)
    at = share * (len(ordered) - 1)
    low = int(at)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (at - low) * (ordered[high] - ordered[low])


def difference(ours: Sequence[float], theirs: Sequence[float], share: float = 0.95) -> tuple[float, float]:
    """Between what the mean of ours − theirs lies: paired bootstrap over the seeds, percentile interval.

    The two sequences are of the same seeds in the same order. The resampling is seeded: equal data, equal interval.
    """
    gaps = [mine - other for mine, other in zip(ours, theirs, strict=True)]
    means = [sum([gaps[at] for at in places]) / len(gaps) for places in _resamples(len(gaps))]
    return quantile(means, (1 - share) / 2), quantile(means, (1 + share) / 2)


@lru_cache(maxsize=8)
def _resamples(count: int) -> list[list[int]]:
    """The places drawn, with replacement, of so many: the same for all that have so many."""
    draw = generator(count, "bootstrap").choices
    return [draw(range(count), k=count) for _ in range(RESAMPLES)]


@dataclass(frozen=True, slots=True)
class Line:
    """One policy in one scenario, means over the seeds; `apart`: its regret minus the first policy's, 95 %."""

    policy: str
    cost: float
    regret: float
    low: float
    high: float
    apart: tuple[float, float]
    p50: float
    p95: float
    attempts: float
    usd: float
    unanswered: int
    avoidable: int


def lines(results: Mapping[str, Sequence[Result]], first: str) -> list[Line]:
    """A line a policy, the lowest regret first; `results`: policy → its runs, seeds in one order."""
    ours = [result.regret for result in results[first]]
    found = [
        Line(
            policy=policy,
            cost=mean(result.cost for result in runs),
            regret=mean(result.regret for result in runs),
            low=quantile([result.regret for result in runs], 0.1),
            high=quantile([result.regret for result in runs], 0.9),
            apart=difference([result.regret for result in runs], ours),
            p50=mean(result.quantiles[50] for result in runs),
            p95=mean(result.quantiles[95] for result in runs),
            attempts=mean(result.attempts / result.calls for result in runs),
            usd=mean(result.usd for result in runs),
            unanswered=sum(result.unanswered for result in runs),
            avoidable=sum(result.avoidable for result in runs),
        )
        for policy, runs in results.items()
    ]
    return sorted(found, key=lambda line: (line.regret, line.policy))
