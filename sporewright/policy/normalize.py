"""Making costs commensurable: a scale per dimension on the weight side, a range on the value side (N1–N3)."""

from __future__ import annotations

import math
from collections.abc import Iterable

from sporewright.core.checks import name, number
from sporewright.errors import BadValueKindError
from sporewright.jsontext import shown

__all__ = ["Norm", "max_abs_scale"]


class Norm:
    """A scale s > 0 for each dimension; a dimension without one is left as it is (N1)."""

    def __init__(self) -> None:
        self._scales: dict[str, float] = {}

    def __repr__(self) -> str:
        return f"<Norm {self._scales}>"

    def with_scale(self, dimension: str, s: float) -> Norm:
        """Set the scale and give the normaliser back; a scale that is not finite and positive means identity."""
        scale = number(s, "s")
        self._scales[name(dimension, "dimension")] = scale if math.isfinite(scale) and scale > 0 else 1.0
        return self

    def effective_weight(self, dimension: str, weight: float) -> float:
        """`weight / s`: the weight to write so that the raw value counts in units of its scale (N1)."""
        return number(weight, "weight") / self._scales.get(name(dimension, "dimension"), 1.0)

    @staticmethod
    def normalize_value(v: float, lo: float, hi: float) -> float:
        """`(v − lo)/(hi − lo)` clamped to [0, 1]; `v` itself for a gate or a range that is empty or not finite (N2)."""
        v, lo, hi = number(v, "v"), number(lo, "lo"), number(hi, "hi")
        span = hi - lo
        if not (math.isfinite(v) and math.isfinite(lo) and math.isfinite(hi) and math.isfinite(span) and span > 0):
            return v
        offset = v - lo
        # An offset that overflows is far outside the range, so it clamps like any other.
        return min(1.0, max(0.0, offset / span))


def max_abs_scale(values: Iterable[float]) -> float:
    """The largest finite magnitude, 1.0 if there is none or it is 0: for judgement dimensions, never budgets (N3)."""
    if isinstance(values, str | bytes) or not isinstance(values, Iterable):
        raise BadValueKindError(f"values: {shown(values)} is not a list of numbers")
    numbers = [number(value, f"values[{at}]") for at, value in enumerate(values)]
    largest = max((abs(value) for value in numbers if math.isfinite(value)), default=0.0)
    return largest if largest > 0 else 1.0
