"""Limits of a field's numbers: wide enough for any measurement, narrow enough that nothing ever overflows."""

from __future__ import annotations

import math

from sporewright.errors import BadValueKindError, ConfigError
from sporewright.jsontext import shown
from sporewright.policy.belief import Cell

__all__ = [
    "LIMIT",
    "MAX_INFORMATION",
    "MAX_LAYERS",
    "MAX_PRECISION",
    "MIN_VARIANCE",
    "READABLE",
    "checked_number",
    "checked_variance",
    "fits_evidence",
]

LIMIT = 1e75
"""The largest magnitude of a value, prior or weight, and the largest variance."""

MIN_VARIANCE = 1e-75

MAX_LAYERS = 64
"""An address is walked and a snapshot read by recursion over its layers."""

MAX_PRECISION = 1e85
MAX_INFORMATION = 1e160
"""The most evidence one node takes by observing: ten billion of the sharpest and largest measurements."""

READABLE = 1e200
"""The most evidence a snapshot may hold in one node, and so folding may gather there: well below what overflows."""


def checked_number(x: object, place: str) -> float:
    """A float64 within the limit; BadValueKindError for what is no number, ConfigError for one that cannot work."""
    if isinstance(x, bool) or not isinstance(x, int | float):
        raise BadValueKindError(f"{place}: {shown(x)} is not a number")
    if not (-LIMIT <= x <= LIMIT):
        raise ConfigError(f"{place}: {shown(x)} is not finite or beyond {LIMIT:g}")
    return float(x)


def checked_variance(x: object, place: str) -> float:
    """A variance: positive, finite, in [1e-75, 1e75]; errors as `checked_number`."""
    variance = checked_number(x, place)
    if variance < MIN_VARIANCE:
        raise ConfigError(f"{place}: a variance is positive, at least {MIN_VARIANCE:g}, not {x!r}")
    return variance


def fits_evidence(
    cell: Cell,
    precision: float,
    information: float,
    most: tuple[float, float] = (MAX_PRECISION, MAX_INFORMATION),
) -> bool:
    """True if the cell's own evidence stays within what can be computed with after adding this."""
    return float(cell.own[0]) + precision <= most[0] and math.fabs(float(cell.own[1]) + information) <= most[1]
