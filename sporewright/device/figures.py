"""The figures of options at a cursor: the cost and latency that are believed of one call, and declared prices."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

from sporewright.core import resolve
from sporewright.core.tensor import Tensor
from sporewright.routing.preferences import Figures

__all__ = ["figures_at"]

DIMENSIONS: tuple[tuple[Literal["cost", "latency", "price_in", "price_out", "price_cached"], str], ...] = (
    ("cost", "financial"),
    ("latency", "latency"),
    ("price_in", "price:in"),
    ("price_out", "price:out"),
    ("price_cached", "price:cached"),
)
"""Each figure and the dimension that holds it."""
WEIGHTS: tuple[tuple[Literal["dollar", "second"], str], ...] = (("dollar", "financial"), ("second", "latency"))
"""Each weight and its dimension."""


def figures_at(tensor: Tensor, cursor: Mapping[str, str], options: Iterable[str]) -> dict[str, Figures]:
    """The figures of these options there, measured or stated; what is only a prior (D4) is left out.

    And their scores (R3), with the weights of a dollar and of a second in them (F3).
    """
    path, slices = tensor.path(cursor), tensor.slices(cursor)
    found: dict[str, Figures] = {}
    for option, score in resolve.scores(slices, options):
        each = Figures() if score is None or not math.isfinite(score) else Figures(score=score)
        for weighed, dimension in WEIGHTS:
            weight = resolve.fold_weight(slices, option, dimension)
            if weight is not None and math.isfinite(weight):
                each[weighed] = weight
        for name, dimension in DIMENSIONS:
            value = _value(tensor, path, option, dimension)
            if value is not None:
                each[name] = value
        found[option] = each
    return found


def _value(tensor: Tensor, path: Sequence[str], option: str, dimension: str) -> float | None:
    """The deepest value (F1), unless it is a prior or no finite number."""
    for level in range(len(path) - 1, -1, -1):
        value = tensor.store.get(level, path[level], option, dimension)[0]
        if value is not None:
            is_prior = level == 0 and path[0] == "" and (option, dimension) in tensor.priors
            return value if isinstance(value, float) and math.isfinite(value) and not is_prior else None
    return None
