"""Scores of many options at once, from columns: by the loops that cost least in Python, or by numpy (R3–R5)."""

from __future__ import annotations

from collections.abc import Iterable, MutableSequence, Sequence
from heapq import nsmallest
from itertools import compress
from typing import TYPE_CHECKING

from sporewright.core.columnar import Term
from sporewright.core.columnar import store as column_store
from sporewright.core.resolve import rank_key

if TYPE_CHECKING:
    from array import array

__all__ = ["smallest", "weigh"]

# From so many options on numpy is faster than a loop (measured: 18 and 50 µs for 100 options × 6 dimensions in a page).
WIDE = 64


def _wide(count: int) -> bool:
    return count >= WIDE and column_store.available()


def weigh(terms: Sequence[Term], count: int) -> MutableSequence[float]:
    """Σ weight·value for each of `count` slots, from 0.0, in the order of the terms, one rounding each (R3)."""
    if _wide(count):
        from sporewright.core.columnar import scores as columnar_scores

        return columnar_scores.weigh(terms, count)
    scores = [0.0] * count
    run: list[tuple[float, array[float]]] = []
    for shared, column, own in terms:
        if own:
            scores = _added(scores, run)
            run = []
            weights = [shared] * count
            for slot, weight in own.items():
                weights[slot] = weight
            scores = [score + weight * x for score, weight, x in zip(scores, weights, column, strict=True)]
        elif shared:
            run.append((shared, column))
    return _added(scores, run)


def _added(scores: list[float], run: Sequence[tuple[float, array[float]]]) -> list[float]:
    """The scores with these terms added in order; three terms in one loop halve what the loop costs (measured)."""
    threes = len(run) - len(run) % 3
    for at in range(0, threes, 3):
        (u, a), (v, b), (w, c) = run[at : at + 3]
        scores = [score + u * x + v * y + w * z for score, x, y, z in zip(scores, a, b, c, strict=True)]
    for weight, column in run[threes:]:
        scores = [score + weight * x for score, x in zip(scores, column, strict=True)]
    return scores


def smallest(
    scores: Sequence[float], names: Sequence[str], ranked: bytearray | None, count: int, in_order: bool
) -> list[int]:
    """The slots of the `count` > 0 smallest (score, name), in order, NaN last (R5).

    Of the ranked slots alone if that is not None; `in_order`: the names ascend by slot.
    """
    if _wide(len(names)):
        from sporewright.core.columnar import scores as columnar_scores

        return columnar_scores.smallest(scores, names, ranked, count, in_order)
    slots: Iterable[int] = range(len(names)) if ranked is None else compress(range(len(names)), ranked)
    total = sum(scores)
    if total != total or not in_order:  # a NaN, which compares with nothing, makes the sum one
        return sorted(slots, key=lambda slot: rank_key(names[slot], scores[slot]))[:count]
    if 4 * count < len(names):
        return nsmallest(count, slots, key=scores.__getitem__)
    return sorted(slots, key=scores.__getitem__)[:count]
