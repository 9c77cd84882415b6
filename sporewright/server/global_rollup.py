"""The global roll-up: opened dimensions of declared options, made from the workspaces' results (U7).

A holder has one voice everywhere, shared equally among the workspaces in which he speaks of the pair. A workspace
weighs as much as its voices, up to the support that a value needs: below it in proportion, beyond it no more. So a
small tenant, or one holder in many workspaces, outweighs nobody, and workspaces with enough holders are equals.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence, Set
from fractions import Fraction
from itertools import chain
from typing import NamedTuple

from sporewright.core.rollup import Pair
from sporewright.learning.cells import companions_of, count_of, support_of
from sporewright.server.cells import Layers, Stated
from sporewright.server.holder_votes import Opened
from sporewright.server.rollup_rules import attests

__all__ = ["GlobalRollup", "Said", "weighed_median", "weights"]


class Said(NamedTuple):
    """One workspace's result: the value, the median of the counts where it was measured, and who stands behind it."""

    value: float
    counted: float | None
    holders: Set[str]


class GlobalRollup:
    """The global cells, kept from tick to tick: a pair is made anew where a workspace's result of it has moved."""

    def __init__(self, opened: Opened, quorum: int) -> None:
        self.opened = opened
        self.cells: Stated = {}
        """Replaced as a whole when something in it changes."""
        self._quorum = quorum
        self._said: dict[Pair, dict[str, Said]] = {}
        self._moved: set[Pair] = set()

    def take(self, workspace: str, results: Mapping[Pair, Said | None]) -> None:
        """Take in a workspace's present results of these opened pairs; None: it has none any more."""
        for pair, said in results.items():
            if said is not None:
                self._said.setdefault(pair, {})[workspace] = said
            elif self._said.get(pair, {}).pop(workspace, None) is None:
                continue
            self._moved.add(pair)

    def renew(self) -> bool:
        """Make the pairs that have moved anew; whether a cell came out differently."""
        moved, self._moved = self._moved, set()
        made = {pair: self._of(pair, list(self._said.get(pair, {}).values())) for pair in moved}
        names = {(*_at(pair), name) for pair in moved for name in companions_of(pair[1])}
        fresh = {(*_at(pair), name): Layers(x) for pair, row in made.items() for name, x in row.items()}
        before = {at: self.cells[at] for at in names if at in self.cells}
        if repr(sorted(before.items())) == repr(sorted(fresh.items())):  # −0.0 is another value than 0.0
            return False
        self.cells = {at: layers for at, layers in self.cells.items() if at not in names} | fresh
        return True

    def _of(self, pair: Pair, said: Sequence[Said]) -> dict[str, float]:
        """dimension → value: what is global of the pair; nothing without enough behind it."""
        dimension = pair[1]
        holders = [each.holders for each in said]
        backing = len(set().union(*holders))
        if attests(dimension):
            return {dimension: 1.0} if min(len(said), backing) >= self._quorum else {}
        if not said or backing < self.opened.support:
            return {}
        weighs = weights(holders, self.opened.support)
        value = weighed_median([(each.value, weight) for each, weight in zip(said, weighs, strict=True)])
        if value is None:
            return {}
        counts = [(each.counted, weight) for each, weight in zip(said, weighs, strict=True)]
        count = weighed_median([(x, weight) for x, weight in counts if x is not None])
        row = {dimension: value, support_of(dimension): float(backing)}
        return row if count is None else row | {count_of(dimension): count}


def _at(pair: Pair) -> tuple[str, str, str]:
    return "global", "", pair[0]


def weights(holders: Sequence[Set[str]], support: float) -> list[Fraction]:
    """The weight of each workspace by its holders: each holder's one voice shared, at most `support`."""
    most = Fraction(support)
    speaks = Counter(chain.from_iterable(holders))
    if max(speaks.values(), default=1) == 1:
        return [min(Fraction(len(names)), most) for names in holders]
    return [min(_shares(speaks[name] for name in names), most) for names in holders]


def _shares(numbers: Iterable[int]) -> Fraction:
    """The sum of 1/n over them, exactly."""
    return sum((Fraction(times, number) for number, times in Counter(numbers).items()), Fraction(0))


def weighed_median(votes: Sequence[tuple[float, Fraction]]) -> float | None:
    """The value at the middle of the weight; U1's median, bit for bit, where all weigh the same. None if not finite."""
    ordered = sorted(votes, key=lambda vote: (vote[0], math.copysign(1.0, vote[0])))
    half = sum((weight for _, weight in ordered), Fraction(0)) / 2
    below = Fraction(0)
    for at, (value, weight) in enumerate(ordered):
        below += weight
        if below > half:
            return value
        if below == half:
            middle = (value + ordered[at + 1][0]) / 2
            return middle if math.isfinite(middle) else None
    return None
