"""Fold and resolve once more, from a flat list of cells and with other means: what the core is compared with.

Exact rational arithmetic rounded after each step, lists instead of slices, a comparison instead of a key.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping, Sequence
from fractions import Fraction

from sporewright.core.tensor import Cell

__all__ = ["here_at", "queue", "rounded", "value_at", "weight_at"]

HUGE = Fraction(2) ** 1024 - Fraction(2) ** 970
"""From here on the nearest float64 is infinite (half of the last place above the largest)."""


def rounded(exact: Fraction) -> float:
    """The nearest float64, ties to even; ±∞ beyond."""
    if abs(exact) >= HUGE:
        return math.inf if exact > 0 else -math.inf
    return float(exact)


def _times(a: float, b: float) -> float:
    return rounded(Fraction(a) * Fraction(b))


def _plus(a: float, b: float) -> float:
    return rounded(Fraction(a) + Fraction(b)) if math.isfinite(a) and math.isfinite(b) else a + b


def here_at(cells: Sequence[Cell], levels: Sequence[str], cursor: Mapping[str, str]) -> list[Cell]:
    """The cells at the cursor, deepest first."""
    mine = [cell for cell in cells if cell.instance == cursor.get(cell.level, "")]
    return sorted(mine, key=lambda cell: -levels.index(cell.level))


def value_at(here: Sequence[Cell], option: str, dimension: str) -> float | bytes | None:
    """F1, F2 for values."""
    found = [c.value for c in here if (c.option, c.dimension) == (option, dimension) and c.value is not None]
    return found[0] if found else None


def weight_at(here: Sequence[Cell], option: str, dimension: str) -> float | None:
    """F3."""
    for who in (option, ""):
        found = [c.weight for c in here if (c.option, c.dimension) == (who, dimension) and c.weight is not None]
        if found:
            return found[0]
    return None


def _score(here: Sequence[Cell], option: str) -> float | None:
    score, scalars = 0.0, 0
    for dimension in sorted({cell.dimension for cell in here if cell.option == option}):
        value = value_at(here, option, dimension)
        if value is None or isinstance(value, bytes):
            continue
        if math.isnan(value) or math.isinf(value):
            return None
        scalars += 1
        weight = weight_at(here, option, dimension)
        if weight is None or math.isnan(weight) or math.isinf(weight):
            continue
        score = _plus(score, _times(weight, value))
    return score if scalars else None


def _compare(one: tuple[str, float], two: tuple[str, float]) -> int:
    (name, score), (other_name, other) = one, two
    if math.isnan(score) != math.isnan(other):
        return 1 if math.isnan(score) else -1
    if score < other or score > other:
        return -1 if score < other else 1
    return -1 if [ord(c) for c in name] < [ord(c) for c in other_name] else 1


def queue(cells: Sequence[Cell], levels: Sequence[str], cursor: Mapping[str, str]) -> list[tuple[str, float]]:
    """R1–R7: (option, score) in the queue's order."""
    here = here_at(cells, levels, cursor)
    scored = [(option, _score(here, option)) for option in {cell.option for cell in here if cell.option}]
    return sorted(
        [(option, score) for option, score in scored if score is not None], key=functools.cmp_to_key(_compare)
    )
