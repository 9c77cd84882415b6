"""The way up: median, sum, corroboration, support over the instances of a level (U1–U6).

What is said here of lists is the definition. Long columns are read by `columnar/rollup.py`, which gives the same bits.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Protocol

from sporewright.core import checks
from sporewright.core.cells import CellSink
from sporewright.core.columnar import ColumnStore
from sporewright.core.store import Value
from sporewright.errors import BadValueKindError
from sporewright.jsontext import shown

if TYPE_CHECKING:
    from sporewright.core.columnar.panel import Floats
    from sporewright.core.columnar.rollup import Lines, Middles, Sums

__all__ = [
    "Corroborated",
    "Median",
    "Operator",
    "Pair",
    "Rollup",
    "Sum",
    "Support",
    "finite_values",
    "median",
    "ordered_sum",
    "reduce_one",
    "roll_up",
    "support",
    "voters",
]

Pair = tuple[str, str]
"""(option, dimension)."""

Votes = Sequence[tuple[str, Value]]
"""(instance, value) of the instances that vote."""


def _ascending(values: Sequence[float]) -> list[float]:
    """Sorted, −0.0 before 0.0, so that the answer never depends on the order of insertion (R7)."""
    return sorted(values, key=lambda x: (x, math.copysign(1.0, x)))


def median(values: Sequence[float]) -> float:
    """The middle value; with an even count `(lower + upper) / 2` (U1). `values` is not empty."""
    ordered = _ascending(values)
    middle = len(ordered) // 2
    return ordered[middle] if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) / 2


def ordered_sum(values: Sequence[float]) -> float:
    """The sum in ascending order from 0.0, one rounding per add (U2)."""
    total = 0.0
    for value in _ascending(values):
        total += value
    return total


def voters(instances: Collection[str] | None) -> frozenset[str] | None:
    """The instances that vote, for quick look-up; None is all. A bare string is a BadValueKindError (U6)."""
    if instances is None:
        return None
    # A tick names thousands of voters: a set of nothing but strings is checked without naming the place of each.
    is_sound = isinstance(instances, set | frozenset) and set(map(type, instances)) <= {str}
    return frozenset(instances if is_sound else checks.names(instances, "instances"))


def finite_values(votes: Votes) -> list[float]:
    """The finite scalars, in no particular order (U1, U2, U4)."""
    return [value for _, value in votes if isinstance(value, float) and math.isfinite(value)]


def gathered(
    tensor: Reducible, level: int, dimensions: Callable[[str], bool] | None, electors: frozenset[str] | None
) -> dict[Pair, list[tuple[str, Value]]]:
    """Every (option, dimension) seen and asked for, with its votes, in one pass over the cells that are in no line."""
    found: dict[Pair, list[tuple[str, Value]]] = {}
    asked: dict[str, bool] = {}
    for instance, option, dimension, value in tensor.store.scattered(level):
        if dimension not in asked:
            asked[dimension] = dimensions is None or bool(dimensions(dimension))
        if asked[dimension]:
            votes = found.setdefault((option, dimension), [])
            if value is not None and (electors is None or instance in electors):
                votes.append((instance, value))
    return found


class _LineByLine(ABC):
    """An operator that reads each line for itself."""

    @abstractmethod
    def of_line(self, pair: Pair, values: Floats, own: float) -> float | None:
        """The result of one line's numbers; `own` is the option's own word, NaN if it has no vote."""

    def of_lines(self, lines: Iterable[tuple[Pair, Floats, float]]) -> dict[Pair, float | None]:
        """The result of each."""
        return {pair: self.of_line(pair, values, own) for pair, values, own in lines}


class Median(_LineByLine):
    """U1 as an operator."""

    def __init__(self) -> None:
        self._middles: Middles | None = None

    def of_votes(self, pair: Pair, votes: Votes) -> float | None:  # noqa: ARG002
        """The definition; None where nothing is to be written (U6)."""
        values = finite_values(votes)
        return _writable(median(values)) if values else None

    def of_line(self, pair: Pair, values: Floats, own: float) -> float | None:  # noqa: ARG002
        """The same of a line's numbers."""
        from sporewright.core.columnar.rollup import Middles, finite

        self._middles = self._middles or Middles()
        known = finite(values)
        return _writable(self._middles.median(pair, known)) if len(known) else None


class Sum:
    """U2 as an operator."""

    def __init__(self) -> None:
        self._sums: Sums | None = None

    def of_votes(self, pair: Pair, votes: Votes) -> float | None:  # noqa: ARG002
        """The definition; None where nothing is to be written (U6)."""
        values = finite_values(votes)
        return _writable(ordered_sum(values)) if values else None

    def of_line(self, pair: Pair, values: Floats, own: float) -> float | None:  # noqa: ARG002
        """The same of a line's numbers."""
        from sporewright.core.columnar.rollup import Sums

        self._sums = self._sums or Sums()
        found = self._sums.total(pair, values)
        return None if found is None else _writable(found)

    def of_lines(self, lines: Iterable[tuple[Pair, Floats, float]]) -> dict[Pair, float | None]:
        """The same of many."""
        from sporewright.core.columnar.rollup import Sums

        self._sums = self._sums or Sums()
        totals = self._sums.totals((pair, values) for pair, values, _ in lines)
        return {pair: None if found is None else _writable(found) for pair, found in totals}


class Corroborated(_LineByLine):
    """U5 as an operator: 1.0 where `quorum` instances other than the option itself say more than 0."""

    def __init__(self, quorum: int) -> None:
        self.quorum = quorum

    def of_votes(self, pair: Pair, votes: Votes) -> float | None:
        """The definition; None where nothing is to be written."""
        yes = sum(isinstance(value, float) and value > 0 and instance != pair[0] for instance, value in votes)
        return 1.0 if yes >= self.quorum else None

    def of_line(self, pair: Pair, values: Floats, own: float) -> float | None:  # noqa: ARG002
        """The same of a line's numbers; `own` is the option's own word, NaN if it has no vote."""
        from sporewright.core.columnar.rollup import positive

        return 1.0 if positive(values) - (own > 0.0) >= self.quorum else None


class Support(_LineByLine):
    """U4 as an operator: how many carry a finite scalar; None if none does."""

    def of_votes(self, pair: Pair, votes: Votes) -> float | None:  # noqa: ARG002
        """The definition."""
        return float(len(finite_values(votes))) or None

    def of_line(self, pair: Pair, values: Floats, own: float) -> float | None:  # noqa: ARG002
        """The same of a line's numbers."""
        from sporewright.core.columnar.rollup import finite

        return float(len(finite(values))) or None


Operator = Median | Sum | Corroborated | Support


class Reducible(CellSink, Protocol):
    """The part of a `Tensor` that a roll-up needs: the cells it reads, and the way to write its results."""

    store: ColumnStore


def _writable(x: float) -> float | None:
    """An overflow must not become a gate (U6)."""
    return x if math.isfinite(x) else None


class Rollup:
    """One operator over every (option, dimension) of a level, kept from one renewal to the next (U3, U5).

    `renew` looks only at what was written since and gives what came out differently; `results` has all there is now,
    bit for bit what the operator's definition says of the same cells. Nothing is written to the tensor. Each roll-up
    has an operator of its own.
    """

    def __init__(
        self, tensor: Reducible, level: str, operator: Operator, dimensions: Callable[[str], bool] | None = None
    ) -> None:
        if dimensions is not None and not callable(dimensions):
            raise BadValueKindError(f"dimensions: expected a predicate of a dimension's name, got {shown(dimensions)}")
        self._tensor, self._level, self._operator = tensor, tensor.level_index(level), operator
        self._dimensions = dimensions
        self._results: dict[Pair, float] = {}
        self._electors: frozenset[str] | None = None
        self._scattered: set[Pair] = set()
        self._token: object = None
        self._lines: Lines | None = None

    @property
    def results(self) -> Mapping[Pair, float]:
        """(option, dimension) → what the operator comes to, as of the last renewal; a view."""
        return MappingProxyType(self._results)

    def renew(self, instances: Collection[str] | None = None) -> dict[Pair, float | None]:
        """The results that changed since the last renewal, None where nothing is left; only `instances` vote (U6)."""
        electors = voters(instances)
        if electors != self._electors:
            self._electors, self._token = electors, None
            if self._lines is not None:
                self._lines.forget()
        found = {**self._renew_scattered(), **self._renew_lines()}
        changes = {pair: x for pair, x in found.items() if not _same(x, self._results.get(pair))}
        for pair, x in changes.items():
            if x is None:
                del self._results[pair]
            else:
                self._results[pair] = x
        return changes

    def _renew_scattered(self) -> dict[Pair, float | None]:
        """The pairs without a line: all of them anew if any of their cells changed."""
        token = self._tensor.store.scatter_token(self._level)
        if token == self._token:
            return {}
        self._token = token
        votes = gathered(self._tensor, self._level, self._dimensions, self._electors)
        gone, self._scattered = self._scattered - votes.keys(), set(votes)
        operator = self._operator
        return {**dict.fromkeys(gone), **{pair: operator.of_votes(pair, x) for pair, x in votes.items()}}

    def _renew_lines(self) -> dict[Pair, float | None]:
        """The pairs with a line that changed."""
        home = self._tensor.store.across(self._level)
        gone = [] if self._lines is None else self._lines.leave(home)
        if home is None:
            self._lines = None
        elif self._lines is None or self._lines.home is not home:
            from sporewright.core.columnar.rollup import Lines

            self._lines = Lines(home)
        found = dict.fromkeys(pair for pair in gone if pair not in self._scattered)
        if self._lines is not None:
            changed = self._lines.changed(self._dimensions)
            found.update(self._operator.of_lines(self._lines.values(changed, self._electors)))
        return found


def _same(one: float | None, other: float | None) -> bool:
    """Equal bit for bit; neither is NaN."""
    return one == other and (one is None or other is None or math.copysign(1.0, one) == math.copysign(1.0, other))


def reduce_one(
    tensor: Reducible,
    operator: Operator,
    from_level: str,
    to_level: str,
    to_instance: str,
    option: str,
    dimension: str,
    instances: Collection[str] | None,
) -> float | None:
    """Reduce one coordinate and write it; None and no write without a finite result (U1, U2, U6)."""
    source, target = tensor.level_index(from_level), tensor.level_index(to_level)
    pair = checks.name(option, "option"), checks.name(dimension, "dimension")
    checks.name(to_instance, "to_instance")
    result = _reduced(tensor, operator, source, pair, voters(instances))
    if result is not None:
        tensor.merge(target, to_instance, *pair, result, None)
    return result


def _reduced(
    tensor: Reducible, operator: Operator, level: int, pair: Pair, electors: frozenset[str] | None
) -> float | None:
    home = tensor.store.across(level)
    if home is not None and pair in home.panel.lines:
        from sporewright.core.columnar.rollup import Lines

        _, values, own = next(Lines(home).values([pair], electors))
        return operator.of_line(pair, values, own)
    votes = tensor.store.column(level, *pair)
    return operator.of_votes(pair, [vote for vote in votes if electors is None or vote[0] in electors])


def support(tensor: Reducible, level: int, option: str, dimension: str) -> int:
    """The number of instances of the level that carry a finite scalar there (U4)."""
    return len(finite_values(list(tensor.store.column(level, option, dimension))))


def roll_up(
    tensor: Reducible,
    operator: Operator,
    from_level: str,
    to_level: str,
    to_instance: str,
    instances: Collection[str] | None,
    dimensions: Callable[[str], bool] | None,
) -> int:
    """The operator over every (option, dimension) seen at the level, written in code-point order; how many (U3, U5)."""
    target = tensor.level_index(to_level)
    rollup = Rollup(tensor, from_level, operator, dimensions)
    checks.name(to_instance, "to_instance")
    rollup.renew(instances)
    for pair, result in sorted(rollup.results.items()):
        tensor.merge(target, to_instance, *pair, result, None)
    return len(rollup.results)
