"""The way up: median, sum, corroboration, support over the instances of a level (U1–U6)."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Sequence
from typing import TYPE_CHECKING

from sporewright.core import checks
from sporewright.errors import BadValueKindError
from sporewright.jsontext import shown

if TYPE_CHECKING:
    from sporewright.core.tensor import Tensor

__all__ = ["corroborate", "finite_values", "median", "ordered_sum", "reduce_one", "roll_up", "voters"]

Reducer = Callable[[Sequence[float]], float]


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
    return None if instances is None else frozenset(checks.names(instances, "instances"))


def finite_values(
    tensor: Tensor, level: int, option: str, dimension: str, electors: frozenset[str] | None
) -> list[float]:
    """The finite scalars over the instances that vote, in no particular order (U4, U6)."""
    return [
        value
        for instance, value in tensor.store.column(level, option, dimension)
        if isinstance(value, float) and math.isfinite(value) and (electors is None or instance in electors)
    ]


def reduce_one(
    tensor: Tensor,
    reducer: Reducer,
    from_level: str,
    to_level: str,
    to_instance: str,
    option: str,
    dimension: str,
    instances: Collection[str] | None,
) -> float | None:
    """Reduce one coordinate and write it; None and no write without a finite result (U1, U2, U6)."""
    levels = tensor.level_index(from_level), tensor.level_index(to_level)
    pair = checks.name(option, "option"), checks.name(dimension, "dimension")
    return _reduce(tensor, reducer, levels, checks.name(to_instance, "to_instance"), pair, voters(instances))


def _reduce(
    tensor: Tensor,
    reducer: Reducer,
    levels: tuple[int, int],
    to_instance: str,
    pair: tuple[str, str],
    electors: frozenset[str] | None,
) -> float | None:
    values = finite_values(tensor, levels[0], *pair, electors)
    result = reducer(values) if values else math.nan
    if not math.isfinite(result):
        return None
    tensor.merge(levels[1], to_instance, *pair, result, None)
    return result


def _pairs(tensor: Tensor, level: int, dimensions: Callable[[str], bool] | None) -> list[tuple[str, str]]:
    """Every (option, dimension) seen at the level and asked for, in code-point order."""
    if dimensions is not None and not callable(dimensions):
        raise BadValueKindError(f"dimensions is a predicate, not {shown(dimensions)}")
    seen = tensor.store.pairs(level)
    return sorted(pair for pair in seen if dimensions is None or dimensions(pair[1]))


def roll_up(
    tensor: Tensor,
    from_level: str,
    to_level: str,
    to_instance: str,
    instances: Collection[str] | None,
    dimensions: Callable[[str], bool] | None,
) -> int:
    """The median of every (option, dimension) seen at the level; cells written (U3)."""
    levels, electors = (tensor.level_index(from_level), tensor.level_index(to_level)), voters(instances)
    checks.name(to_instance, "to_instance")
    return sum(
        _reduce(tensor, median, levels, to_instance, pair, electors) is not None
        for pair in _pairs(tensor, levels[0], dimensions)
    )


def corroborate(
    tensor: Tensor,
    from_level: str,
    to_level: str,
    to_instance: str,
    quorum: int,
    instances: Collection[str] | None,
    dimensions: Callable[[str], bool] | None,
) -> int:
    """1.0 wherever `quorum` instances other than the option itself say more than 0; cells written (U5)."""
    source, target = tensor.level_index(from_level), tensor.level_index(to_level)
    electors, written = voters(instances), 0
    checks.name(to_instance, "to_instance")
    for option, dimension in _pairs(tensor, source, dimensions):
        votes = sum(
            isinstance(value, float) and value > 0 and instance != option and (electors is None or instance in electors)
            for instance, value in tensor.store.column(source, option, dimension)
        )
        if votes >= quorum:
            tensor.merge(target, to_instance, option, dimension, 1.0, None)
            written += 1
    return written
