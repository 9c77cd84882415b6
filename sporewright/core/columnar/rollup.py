"""The way up over a panel along instances: one line a pair, a few passes over its numbers (U1, U2, U5). Loaded late."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache
from itertools import islice

import numpy as np

from sporewright.core.columnar.level import AlongInstances, Pair
from sporewright.core.columnar.panel import Floats, Integers

__all__ = ["Lines", "Middles", "Sums", "finite", "positive"]

SHARE = 0.04
"""The part of a line that a median's bracket aims at: some changes fit in, and sorting it costs little (measured)."""

LEAST = 16

TOGETHER = 64
"""So many sums are added up side by side: fewer wait for memory, more for each other (measured)."""

MEND = 8
"""An order is mended where fewer than an eighth of its numbers changed, else sorted anew (measured)."""


class Lines:
    """The lines of one panel along instances, and up to which change each has been read."""

    def __init__(self, home: AlongInstances) -> None:
        self.home = home
        self._seen: dict[Pair, int | None] = {}

    def forget(self) -> None:
        """Read every line again; what was read before is still known to have been, so that it can be seen to go."""
        self._seen = dict.fromkeys(self._seen)

    def leave(self, home: AlongInstances | None) -> list[Pair]:
        """Pairs read before that have no line in `home`."""
        lines = {} if home is None else home.panel.lines
        gone = [pair for pair in self._seen if pair not in lines]
        for pair in gone:
            del self._seen[pair]
        return gone

    def changed(self, dimensions: Callable[[str], bool] | None) -> list[Pair]:
        """The pairs asked for whose line has changed since it was last read."""
        stamps, seen = self.home.panel.stamps.tolist(), self._seen
        asked = [
            (pair, stamps[line])
            for pair, line in self.home.panel.lines.items()
            if seen.get(pair) != stamps[line] and (dimensions is None or dimensions(pair[1]))
        ]
        seen.update(asked)
        return [pair for pair, _ in asked]

    def values(self, pairs: Sequence[Pair], electors: frozenset[str] | None) -> Iterator[tuple[Pair, Floats, float]]:
        """Each pair with what the voters have there, NaN where nothing or a document; and the option's own word."""
        panel, ids = self.home.panel, self.home.rows.ids
        rows = _rows_of(self.home, electors)
        for pair in pairs:
            line, own = panel.values[panel.lines[pair]], ids.get(pair[0])
            mute = own is None or (electors is not None and pair[0] not in electors)
            word = math.nan if mute or own is None else line.item(own)
            yield pair, line[: len(ids)] if rows is None else line[rows], word


def _rows_of(home: AlongInstances, electors: frozenset[str] | None) -> Integers | None:
    """The rows that vote; None when all do."""
    ids = home.rows.ids
    if electors is None or ids.keys() <= electors:
        return None
    return np.array(sorted(ids[name] for name in electors if name in ids), dtype=np.intp)


def finite(values: Floats) -> Floats:
    """The finite ones."""
    marks = np.isfinite(values)
    return values if marks.all() else values[np.flatnonzero(marks)]


def positive(values: Floats) -> int:
    """The number above 0 (U5)."""
    return int(np.count_nonzero(values > 0.0))


class Middles:
    """Exact medians, found faster from the second time on: near where they were.

    For each pair a bracket of values is kept. One pass counts what lies below it, one picks what lies inside; if the
    middle rank is there, sorting those few gives it. Else the line is partitioned. The bracket is only ever a guess.
    """

    def __init__(self) -> None:
        self._brackets: dict[Pair, tuple[float, float]] = {}

    def median(self, pair: Pair, values: Floats) -> float:
        """U1 of finite values, at least one: −0.0 stands before 0.0, an even count gives `(lower + upper) / 2`."""
        ranks = (len(values) - 1) // 2, len(values) // 2
        lower, upper = self._near(pair, values, ranks) or self._partitioned(pair, values, ranks)
        if lower == 0.0 or upper == 0.0:
            lower, upper = (
                _zero(values, rank) if x == 0.0 else x for x, rank in zip((lower, upper), ranks, strict=True)
            )
        return upper if len(values) % 2 else (lower + upper) / 2

    def _near(self, pair: Pair, values: Floats, ranks: tuple[int, int]) -> tuple[float, float] | None:
        low, high = self._brackets.get(pair, (math.nan, math.nan))
        inside = values >= low
        inside &= values <= high
        members = values[np.flatnonzero(inside)]
        below = len(values) - int(np.count_nonzero(values >= low))
        if not below <= ranks[0] <= ranks[1] < below + len(members):
            return None
        members.sort()
        lower, upper = members[ranks[0] - below].item(), members[ranks[1] - below].item()
        reach = (high - low) / 2 * min(2.0, max(0.5, SHARE * len(values) / len(members)))
        self._brackets[pair] = lower - reach, upper + reach
        return lower, upper

    def _partitioned(self, pair: Pair, values: Floats, ranks: tuple[int, int]) -> tuple[float, float]:
        reach = LEAST + int(SHARE / 2 * len(values))
        first, last = max(0, ranks[0] - reach), min(len(values) - 1, ranks[1] + reach)
        ordered = np.partition(values, sorted({first, *ranks, last}))
        self._brackets[pair] = ordered[first].item(), ordered[last].item()
        return ordered[ranks[0]].item(), ordered[ranks[1]].item()


def _zero(values: Floats, rank: int) -> float:
    """The zero that stands at the rank, −0.0 before 0.0."""
    negative = int(np.count_nonzero(values < 0.0)) + int(np.count_nonzero(np.signbit(values[values == 0.0])))
    return -0.0 if rank < negative else 0.0


class Sums:
    """Exact sums in ascending order, found faster from the second time on: the order of last time is mended."""

    def __init__(self) -> None:
        self._kept: dict[Pair, tuple[Floats, Floats]] = {}

    def total(self, pair: Pair, values: Floats) -> float | None:
        """U2 of the finite values; None without one. `accumulate` adds one after the other, as the rule does."""
        ordered = self._ordered(pair, values)
        if not len(ordered):
            return None
        with np.errstate(over="ignore", invalid="ignore"):
            return float(np.add.accumulate(ordered)[-1]) + 0.0

    def totals(self, lines: Iterable[tuple[Pair, Floats]]) -> Iterator[tuple[Pair, float | None]]:
        """`total` of many lines, some at a time: the additions of one wait for each other, those of several do not."""
        left = iter(lines)
        while some := list(islice(left, TOGETHER if adds_row_by_row() else 1)):
            if len(some) == 1:
                yield some[0][0], self.total(*some[0])
                continue
            orders = [self._ordered(pair, values) for pair, values in some]
            beside = np.zeros((len(orders), max(map(len, orders))))
            for row, ordered in zip(beside, orders, strict=True):
                row[: len(ordered)] = ordered
            with np.errstate(over="ignore", invalid="ignore"):
                totals = np.add.reduce(np.ascontiguousarray(beside.T), axis=0).tolist()
            for (pair, _), ordered, total in zip(some, orders, totals, strict=True):
                yield pair, total + 0.0 if len(ordered) else None

    def _ordered(self, pair: Pair, values: Floats) -> Floats:
        """The finite values, ascending."""
        marks = np.isfinite(values)
        known = values if marks.all() else np.where(marks, values, math.inf)
        before, ordered = self._kept.get(pair, (known[:0], known[:0]))
        changed = np.flatnonzero(before != known) if len(before) == len(known) else None
        if changed is None or len(changed) * MEND > len(known):
            before, ordered = known.copy(), np.sort(known)
        else:
            old, new = np.sort(before[changed]), np.sort(known[changed])
            before[changed] = known[changed]
            ordered = _mended(ordered, old, new)
        self._kept[pair] = before, ordered
        return ordered if known is values else ordered[: int(np.searchsorted(ordered, math.inf))]


def _mended(ordered: Floats, old: Floats, new: Floats) -> Floats:
    """The order without `old` and with as many `new` ones; both ascending."""
    each, rest = np.arange(len(old)), np.ones(len(ordered), dtype=np.bool_)
    # The n-th of several equal numbers that go is the n-th of that number in the order.
    rest[np.searchsorted(ordered, old) + each - np.searchsorted(old, old)] = False
    kept = ordered[rest]
    places = np.searchsorted(kept, new) + each
    found = np.empty_like(ordered)
    found[places] = new
    rest[:] = True
    rest[places] = False
    found[rest] = kept
    return found


@cache
def adds_row_by_row() -> bool:
    """True if numpy adds the rows of a block one after the other, as it does, though nothing says that it must."""
    block = np.random.default_rng(1).standard_normal((1000, TOGETHER)) * 10.0 ** np.arange(TOGETHER)
    return bool((np.add.reduce(block, axis=0) == np.add.accumulate(block, axis=0)[-1]).all())
