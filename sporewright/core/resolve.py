"""Fold and resolve, as the rules say them: the plain definition everything faster is compared with (F, R)."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from sporewright.core.codec import encode_number
from sporewright.core.store import Layers, Slice, Value

__all__ = [
    "Dropped",
    "Ranked",
    "Resolution",
    "Source",
    "Term",
    "explain",
    "fold_value",
    "fold_weight",
    "rank_key",
    "resolve",
    "score_option",
]

Source = tuple[str, str]
"""(level, instance) a layer was folded from."""

_NOTHING: Layers = (None, None)


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
    """True when the value is only a declared prior: nobody has measured it (D4)."""

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
    """Why the queue is what it is: `ranked` in the queue's order, `dropped` in code-point order of the options."""

    ranked: tuple[Ranked, ...]
    dropped: tuple[Dropped, ...]

    def to_dict(self) -> dict[str, Any]:
        """The resolution as JSON data."""
        return {
            "ranked": [each.to_dict() for each in self.ranked],
            "dropped": [each.to_dict() for each in self.dropped],
        }


def _deepest(slices: Sequence[Slice], option: str, dimension: str, layer: int) -> tuple[Any, int]:
    """The deepest set layer and the level it was found at; (None, -1) when unset (F1)."""
    for at in range(len(slices) - 1, -1, -1):
        found = slices[at].get(option, {}).get(dimension, _NOTHING)[layer]
        if found is not None:
            return found, at
    return None, -1


def fold_value(slices: Sequence[Slice], option: str, dimension: str) -> Value | None:
    """The deepest set value, scalar or document (F1, F2)."""
    found: Value | None = _deepest(slices, option, dimension, 0)[0]
    return found


def fold_weight(slices: Sequence[Slice], option: str, dimension: str) -> float | None:
    """The option's own deepest weight, else the shared slot's (F3)."""
    return _weight(slices, option, dimension)[0]


def _weight(slices: Sequence[Slice], option: str, dimension: str) -> tuple[float | None, int]:
    own = _deepest(slices, option, dimension, 1)
    return own if own[0] is not None else _deepest(slices, "", dimension, 1)


def _dimensions(slices: Sequence[Slice], option: str) -> list[str]:
    """The option's dimensions at the cursor in code-point order: the order of the sum (R3, T6)."""
    return sorted({dimension for cells in slices for dimension in cells.get(option, ())})


def score_option(slices: Sequence[Slice], option: str) -> float | None:
    """The option's score; None when it is no candidate or a gate drops it (R1–R4).

    One rounding per multiply and per add, from 0.0: neither `sum` (compensated since Python 3.12) nor `math.fsum`.
    """
    score = 0.0
    candidate = False
    for dimension in _dimensions(slices, option):
        value = fold_value(slices, option, dimension)
        if not isinstance(value, float):
            continue
        if not math.isfinite(value):
            return None
        candidate = True
        weight = fold_weight(slices, option, dimension)
        if weight is not None and math.isfinite(weight):
            score += weight * value
    return score if candidate else None


def rank_key(option: str, score: float) -> tuple[bool, float, str]:
    """Sorts ascending by score, equal scores by name, NaN last (R5)."""
    unordered = score != score
    return unordered, 0.0 if unordered else score, option


def options_at(slices: Sequence[Slice]) -> set[str]:
    """Options with a cell at the cursor; the shared slot is none (R1)."""
    return {option for cells in slices for option in cells if option}


def resolve(slices: Sequence[Slice]) -> list[str]:
    """The queue, in full (R1–R7)."""
    scored = ((option, score_option(slices, option)) for option in options_at(slices))
    return [key[2] for key in sorted(rank_key(option, score) for option, score in scored if score is not None)]


def explain(slices: Sequence[Slice], path: Sequence[Source], priors: Collection[tuple[str, str]] = ()) -> Resolution:
    """The same order with its reasons (R8); `path` names the slices, `priors` what is only declared (D4)."""
    ranked: list[Ranked] = []
    dropped: list[Dropped] = []
    for option in sorted(options_at(slices)):
        found = _explain_option(slices, path, option, priors)
        if isinstance(found, Ranked):
            ranked.append(found)
        elif isinstance(found, Dropped):
            dropped.append(found)
    ranked.sort(key=lambda each: rank_key(each.option, each.score))
    return Resolution(tuple(ranked), tuple(dropped))


def _explain_option(
    slices: Sequence[Slice], path: Sequence[Source], option: str, priors: Collection[tuple[str, str]]
) -> Ranked | Dropped | None:
    terms: list[Term] = []
    score = 0.0
    for dimension in _dimensions(slices, option):
        value, at = _deepest(slices, option, dimension, 0)
        if not isinstance(value, float):
            continue
        if not math.isfinite(value):
            return Dropped(option, dimension, value, *path[at])
        weight, weight_at = _weight(slices, option, dimension)
        product = weight * value if weight is not None and math.isfinite(weight) else 0.0
        score += product
        is_prior = path[at] == (path[0][0], "") and (option, dimension) in priors
        terms.append(
            Term(dimension, value, weight, product, path[at], None if weight is None else path[weight_at], is_prior)
        )
    return Ranked(option, score, tuple(terms)) if terms else None
