"""Fold and resolve, as the rules say them: the plain definition everything faster is compared with (F, R)."""

from __future__ import annotations

import math
from collections.abc import Collection, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sporewright.core.codec import encode_number
from sporewright.core.store import Layers, Slice, Value

__all__ = [
    "Dropped",
    "Ranked",
    "Resolution",
    "Row",
    "Source",
    "Term",
    "explain",
    "fold_value",
    "fold_values",
    "fold_weight",
    "fold_weights",
    "options_at",
    "rank_key",
    "resolve",
    "rows_of",
    "score_option",
    "scores",
]

Source = tuple[str, str]
"""(level, instance) a layer was folded from."""

Row = tuple[int, Mapping[str, Layers]]
"""An option's cells at one level of the cursor: (level index, dimension → layers)."""


@dataclass(frozen=True, slots=True)
class Term:
    """One dimension's part of a score: `product` is exactly what was added (R3, R4, R8)."""

    dimension: str
    value: float
    weight: float | None
    product: float
    value_source: Source
    weight_source: Source | None
    prior: bool = False
    """True when the value is only a declared prior: it has not been measured (D4)."""

    def to_dict(self) -> dict[str, Any]:
        """The term as JSON data, numbers by S2."""
        return {
            "dimension": self.dimension,
            "value": encode_number(self.value),
            "weight": None if self.weight is None else encode_number(self.weight),
            "product": encode_number(self.product),
            "value_source": list(self.value_source),
            "weight_source": None if self.weight_source is None else list(self.weight_source),
            "prior": self.prior,
        }


@dataclass(frozen=True, slots=True)
class Ranked:
    """An option in the queue; adding its terms' products in order gives `score` exactly."""

    option: str
    score: float
    terms: tuple[Term, ...]

    def to_dict(self) -> dict[str, Any]:
        """The option as JSON data."""
        return {
            "option": self.option,
            "score": encode_number(self.score),
            "terms": [term.to_dict() for term in self.terms],
        }


@dataclass(frozen=True, slots=True)
class Dropped:
    """An option a gate dropped: the first gate in code-point order of the dimensions, and where it was set (R2, R8)."""

    option: str
    dimension: str
    value: float
    level: str
    instance: str

    def to_dict(self) -> dict[str, Any]:
        """The drop as JSON data."""
        return {
            "option": self.option,
            "dimension": self.dimension,
            "value": encode_number(self.value),
            "level": self.level,
            "instance": self.instance,
        }


@dataclass(frozen=True, slots=True)
class Resolution:
    """A queue with its reasons: `ranked` in the queue's order, `dropped` in code-point order of the options."""

    ranked: tuple[Ranked, ...]
    dropped: tuple[Dropped, ...]

    def to_dict(self) -> dict[str, Any]:
        """The resolution as JSON data."""
        return {
            "ranked": [each.to_dict() for each in self.ranked],
            "dropped": [each.to_dict() for each in self.dropped],
        }

    def __repr__(self) -> str:
        from sporewright.core.display import resolution_line  # late: a page shows nothing

        return resolution_line(self)

    def __str__(self) -> str:
        from sporewright.core.display import resolution_text

        return resolution_text(self)

    def _repr_html_(self) -> str:
        """The table that a notebook shows."""
        from sporewright.core.display import resolution_html

        return resolution_html(self)


def rows_of(slices: Sequence[Slice], option: str) -> list[Row]:
    """The option's cells at the cursor, deepest level first; levels without one are left out."""
    return [(at, row) for at in range(len(slices) - 1, -1, -1) if (row := slices[at].get(option))]


def _deepest(rows: Sequence[Row], dimension: str, layer: int) -> tuple[Any, int]:
    """The deepest set layer and the level it was found at; (None, -1) when unset (F1)."""
    for at, row in rows:
        layers = row.get(dimension)
        if layers is not None and layers[layer] is not None:
            return layers[layer], at
    return None, -1


def _weight(rows: Sequence[Row], shared: Sequence[Row], dimension: str) -> tuple[float | None, int]:
    """The option's own deepest weight, else the shared slot's (F3)."""
    own = _deepest(rows, dimension, 1)
    return own if own[0] is not None else _deepest(shared, dimension, 1)


def fold_value(slices: Sequence[Slice], option: str, dimension: str) -> Value | None:
    """The deepest set value, scalar or document (F1, F2)."""
    found: Value | None = _deepest(rows_of(slices, option), dimension, 0)[0]
    return found


def fold_values(rows: Sequence[Row]) -> dict[str, Value]:
    """`fold_value` of every dimension of an option that has one, from its rows."""
    found: dict[str, Value] = {}
    for _, row in rows:
        for dimension, (value, _) in row.items():
            if value is not None and dimension not in found:
                found[dimension] = value
    return found


def fold_weight(slices: Sequence[Slice], option: str, dimension: str) -> float | None:
    """The option's own deepest weight, else the shared slot's (F3)."""
    return _weight(rows_of(slices, option), rows_of(slices, ""), dimension)[0]


def fold_weights(rows: Sequence[Row], dimensions: Container[str], shared: Mapping[str, float]) -> dict[str, float]:
    """`fold_weight` of each dimension that has one, over the option's rows; `shared`: the same of the shared slot."""
    found = dict(shared)
    for _, row in reversed(rows):
        for dimension, (_, weight) in row.items():
            if weight is not None and dimension in dimensions:
                found[dimension] = weight
    return found


def _dimensions(rows: Sequence[Row]) -> list[str]:
    """The option's dimensions at the cursor in code-point order: the order of the sum (R3, T6)."""
    return sorted(set[str]().union(*(row for _, row in rows)))


def score_option(rows: Sequence[Row], shared: Sequence[Row]) -> float | None:
    """The score of an option from its rows and the shared slot's; None when no candidate or gated (R1–R4).

    One rounding per multiply and per add, from 0.0: neither `sum` (compensated since Python 3.12) nor `math.fsum`.
    """
    score = 0.0
    candidate = False
    for dimension in _dimensions(rows):
        value = _deepest(rows, dimension, 0)[0]
        if not isinstance(value, float):
            continue
        if not math.isfinite(value):
            return None
        candidate = True
        weight = _weight(rows, shared, dimension)[0]
        if weight is not None and math.isfinite(weight):
            score += weight * value
    return score if candidate else None


def scores(slices: Sequence[Slice], options: Iterable[str]) -> Iterator[tuple[str, float | None]]:
    """Each option with its score; None where it has no place in the queue."""
    shared = rows_of(slices, "")
    for option in options:
        yield option, score_option(rows_of(slices, option), shared)


def rank_key(option: str, score: float) -> tuple[bool, float, str]:
    """Sorts ascending by score, equal scores by name, NaN last (R5)."""
    unordered = score != score
    return unordered, 0.0 if unordered else score, option


def options_at(slices: Sequence[Slice]) -> set[str]:
    """Options with a cell at the cursor; the shared slot is none (R1)."""
    return {option for cells in slices for option in cells if option}


def resolve(slices: Sequence[Slice]) -> list[str]:
    """The queue, in full (R1–R7)."""
    scored = scores(slices, options_at(slices))
    return [key[2] for key in sorted(rank_key(option, score) for option, score in scored if score is not None)]


def explain(slices: Sequence[Slice], path: Sequence[Source], priors: Collection[tuple[str, str]] = ()) -> Resolution:
    """The same order with its reasons (R8); `path` names the slices, `priors` what is only declared (D4)."""
    ranked: list[Ranked] = []
    dropped: list[Dropped] = []
    shared = rows_of(slices, "")
    for option in sorted(options_at(slices)):
        found = _explain_option(rows_of(slices, option), shared, path, option, priors)
        if isinstance(found, Ranked):
            ranked.append(found)
        elif isinstance(found, Dropped):
            dropped.append(found)
    ranked.sort(key=lambda each: rank_key(each.option, each.score))
    return Resolution(tuple(ranked), tuple(dropped))


def _explain_option(
    rows: Sequence[Row], shared: Sequence[Row], path: Sequence[Source], option: str, priors: Collection[tuple[str, str]]
) -> Ranked | Dropped | None:
    terms: list[Term] = []
    score = 0.0
    for dimension in _dimensions(rows):
        value, at = _deepest(rows, dimension, 0)
        if not isinstance(value, float):
            continue
        if not math.isfinite(value):
            return Dropped(option, dimension, value, *path[at])
        weight, weight_at = _weight(rows, shared, dimension)
        product = weight * value if weight is not None and math.isfinite(weight) else 0.0
        score += product
        is_prior = path[at] == (path[0][0], "") and (option, dimension) in priors
        terms.append(
            Term(dimension, value, weight, product, path[at], None if weight is None else path[weight_at], is_prior)
        )
    return Ranked(option, score, tuple(terms)) if terms else None
