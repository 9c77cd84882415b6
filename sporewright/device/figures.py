"""The figures of options at a cursor: the cost and latency that are believed of one call, and declared prices."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

from sporewright.core.tensor import Tensor
from sporewright.routing.preferences import Figures

__all__ = ["DIMENSIONS", "figures_at"]

DIMENSIONS: tuple[tuple[Literal["cost", "latency", "price_in", "price_out"], str], ...] = (
    ("cost", "financial"),
    ("latency", "latency"),
    ("price_in", "price:in"),
    ("price_out", "price:out"),
)
"""Each figure and the dimension that holds it."""


def figures_at(tensor: Tensor, cursor: Mapping[str, str], options: Iterable[str]) -> dict[str, Figures]:
    """The figures of these options there, measured or stated; what is only a prior (D4) is left out."""
    path = tensor.path(cursor)
    found: dict[str, Figures] = {}
    for option in options:
        each = Figures()
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
