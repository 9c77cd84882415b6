"""Scores of many options at once by numpy: the bits and the order of `live/scores.py` in its own loops (R3–R5)."""

from __future__ import annotations

from array import array
from collections.abc import Collection, Sequence

import numpy as np

from sporewright.core.columnar.fold import fold
from sporewright.core.columnar.panel import Marks
from sporewright.core.columnar.store import ColumnStore, Term
from sporewright.core.resolve import rank_key

__all__ = ["columns", "smallest", "weigh"]


def weigh(terms: Sequence[Term], count: int) -> array[float]:
    """Σ weight·value for each of `count` > 0 slots, from 0.0, in the order of the terms, one rounding each (R3)."""
    scores = array("d", bytes(8 * count))
    total, product = np.frombuffer(scores), np.empty(count)
    with np.errstate(over="ignore", invalid="ignore"):
        for shared, column, own in terms:
            weights: np.ndarray | float = shared
            if own:
                weights = np.full(count, shared)
                weights[np.fromiter(own.keys(), np.intp, len(own))] = np.fromiter(own.values(), np.float64, len(own))
            np.multiply(np.frombuffer(column), weights, out=product)
            np.add(total, product, out=total)
    return scores


def smallest(
    scores: Sequence[float], names: Sequence[str], ranked: bytearray | None, count: int, in_order: bool
) -> list[int]:
    """The slots of the `count` > 0 smallest (score, name), in order, NaN last (R5); see `live/scores.py`."""
    values = np.asarray(scores)
    slots = np.arange(len(values)) if ranked is None else np.flatnonzero(np.frombuffer(ranked, np.bool_))
    values = values[slots]
    if count < len(values):
        bound = np.partition(values, count - 1)[count - 1]
        if bound == bound:  # else even NaN has to be taken
            within = np.flatnonzero(values <= bound)
            slots, values = slots[within], values[within]
    if in_order:
        found: list[int] = slots[np.argsort(values, kind="stable")[:count]].tolist()
        return found
    return sorted(slots.tolist(), key=lambda slot: rank_key(names[slot], scores[slot]))[:count]


def columns(
    store: ColumnStore, path: Sequence[str], weighted: Collection[str]
) -> tuple[list[str], bytearray, dict[str, array[float]]] | None:
    """(names in order, which are ranked, the scalars of each weighted dimension); None where that needs a longer look.

    That is where no level stands in arrays, or some option has a weight of its own.
    """
    folded = fold(store, path)
    if folded is None or folded.weights.shape[1] != 1:
        return None
    finite = np.isfinite(folded.values)
    by_name, labels = folded.rows.ordered()
    here: Marks = np.logical_or.reduce(folded.scalars, axis=0)
    rows = np.flatnonzero(here) if by_name is None else by_name[here[by_name]]
    ranked: Marks = np.logical_and.reduce(finite == folded.scalars, axis=0)[rows]
    found = {
        dimension: array("d", np.where(finite[at], folded.values[at], 0.0)[rows].tobytes())
        for at, dimension in enumerate(folded.dimensions)
        if dimension in weighted
    }
    zeros = bytes(8 * len(rows))
    found |= {dimension: array("d", zeros) for dimension in weighted if dimension not in found}
    names: list[str] = labels[rows].tolist()
    return names, bytearray(ranked.tobytes()), dict(sorted(found.items()))
