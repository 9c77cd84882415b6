"""The standings of a contest on the proving ground: each policy's regret against the best one's, and who beats whom."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from sporewright.simulate.account import difference, mean
from sporewright.simulate.ground import Results
from sporewright.simulate.policies import ORACLE

__all__ = ["Standing", "held_out", "luckless", "ratios", "standings", "surely_worse"]


@dataclass(frozen=True, slots=True)
class Standing:
    """One policy over the cells: the geometric mean of its regret over the best policy's, the worst, where that is.

    `lowest`: the cells in which no policy's mean regret is lower; `won`, `tied`, `lost`: the cells in which the first
    policy's regret is lower, neither, or higher than this one's with 95 % confidence (paired bootstrap).
    """

    policy: str
    ratio: float
    by_gap: Mapping[float, float]
    worst: float
    where: str
    lowest: int
    won: int
    tied: int
    lost: int


def luckless(results: Results, policy: str) -> list[float]:
    """A policy's regret under each seed less the oracle's, which has none but by luck: how often its options failed."""
    return [ours - luck for ours, luck in zip(results.regrets[policy], results.regrets[ORACLE], strict=False)]


def floored(results: Results, policy: str) -> float:
    """A policy's mean regret in a cell, and at least what counts as one."""
    return max(mean(luckless(results, policy)), results.floor_s)


def ratios(results: Results) -> dict[str, float]:
    """policy → its mean regret over the lowest one; the oracle is left out, since no policy can reach it."""
    found = {policy: floored(results, policy) for policy in results.regrets if policy != ORACLE}
    best = min(found.values())
    return {policy: regret / best for policy, regret in found.items()}


def standings(cells: Sequence[Results], first: str) -> list[Standing]:
    """A standing a policy that was run in every cell, the lowest geometric mean first."""
    policies = [each for each in cells[0].regrets if each != ORACLE and all(each in cell.regrets for cell in cells)]
    every = [(cell, ratios(cell)) for cell in cells]
    gaps = sorted({cell.gap_s for cell in cells})
    found = []
    for policy in policies:
        worst, where = max((ratio[policy], cell.cell) for cell, ratio in every)
        verdicts = [verdict(cell, first, policy) for cell in cells]
        found.append(
            Standing(
                policy=policy,
                ratio=geometric(ratio[policy] for _, ratio in every),
                by_gap={gap: geometric(r[policy] for cell, r in every if cell.gap_s == gap) for gap in gaps},
                worst=worst,
                where=where,
                lowest=sum(ratio[policy] <= 1.0 for _, ratio in every),
                won=verdicts.count(-1),
                tied=verdicts.count(0),
                lost=verdicts.count(1),
            )
        )
    return sorted(found, key=lambda each: (each.ratio, each.policy))


def verdict(cell: Results, first: str, other: str) -> int:
    """-1 where the first policy's regret is lower with 95 % confidence, 1 where it is higher, else 0.

    A difference that does not count is none, however sure.
    """
    ours, theirs = luckless(cell, first), luckless(cell, other)
    seeds = min(len(ours), len(theirs))
    if abs(mean(ours[:seeds]) - mean(theirs[:seeds])) < cell.floor_s:
        return 0
    low, high = difference(ours[:seeds], theirs[:seeds])
    return -1 if high < 0 else 1 if low > 0 else 0


def surely_worse(cells: Sequence[Results], first: str, others: Sequence[str]) -> float:
    """The share of the cells where the first policy's regret is surely higher than that of the best of the others."""
    best = [min(others, key=lambda other: mean(luckless(cell, other))) for cell in cells]
    return mean(verdict(cell, first, other) == 1 for cell, other in zip(cells, best, strict=True))


def held_out(
    cells: Sequence[Results], families: Mapping[str, Sequence[str]]
) -> tuple[list[Results], dict[str, dict[str, str]]]:
    """The cells with one entry a family, chosen on the cells of all other sources; and source → family → the choice.

    `families`: a name → the policies, with parameters, of which one is chosen: the one of the lowest geometric mean
    of regret over the cells that are not of the source it is reported on. Others stay as they are.
    """
    chosen: dict[str, dict[str, str]] = {}
    for source in sorted({cell.source for cell in cells}):
        others = [cell for cell in cells if cell.source != source] or list(cells)
        chosen[source] = {
            name: min(specs, key=lambda spec: geometric(floored(cell, spec) for cell in others))
            for name, specs in families.items()
        }
    tried = {spec for specs in families.values() for spec in specs}
    return [
        replace(
            cell,
            regrets={
                **{policy: regrets for policy, regrets in cell.regrets.items() if policy not in tried},
                **{name: cell.regrets[spec] for name, spec in chosen[cell.source].items()},
            },
        )
        for cell in cells
    ], chosen


def geometric(numbers: Iterable[float]) -> float:
    """The geometric mean of positive numbers."""
    return math.exp(mean(math.log(number) for number in numbers))
