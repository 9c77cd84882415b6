"""The queue of a few options: the rules of `resolve` with a row merged once and its order of dimensions looked up."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from sporewright.core.resolve import rank_key, rows_of, score_option
from sporewright.core.store import Layers, Slice

__all__ = ["merged", "resolve", "shared_weights"]

_INF = math.inf
_Terms = list[tuple[str, float]]
_NO_ROW: Mapping[str, Layers] = {}


def merged(row: Mapping[str, Layers], finer: Mapping[str, Layers]) -> Mapping[str, Layers]:
    """An option's cells with those of a finer level laid over them, each layer for itself (F1, F2)."""
    if not row:
        return finer
    mixed = {**row, **finer}
    for dimension, (value, weight) in finer.items():
        old = row.get(dimension)
        if old is not None and (value is None or (weight is None and old[1] is not None)):
            mixed[dimension] = (old[0] if value is None else value, old[1] if weight is None else weight)
    return mixed


def shared_weights(slices: Sequence[Slice]) -> dict[str, float]:
    """dimension → the shared slot's folded weight, where it is finite: any other contributes nothing (F1, R4)."""
    found = {
        dimension: weight
        for cells in slices
        for dimension, (_, weight) in cells.get("", _NO_ROW).items()
        if weight is not None
    }
    return {dimension: weight for dimension, weight in found.items() if math.isfinite(weight)}


def _score(row: Mapping[str, Layers], terms: _Terms) -> float | None:
    """R2–R4 of a merged row, in the order of `terms`; TypeError where a cell has no scalar, which needs a longer look.

    A weight of 0.0 stands for none: the product is a zero, and adding one changes no score, for it begins at 0.0.
    """
    score = 0.0
    for dimension, shared in terms:
        value, own = row[dimension]
        if not -_INF < value < _INF:  # type: ignore[operator]
            return None
        score += (shared if own is None else own if -_INF < own < _INF else 0.0) * value  # type: ignore[operator]
    return score


def resolve(slices: Sequence[Slice]) -> list[str]:
    """The queue, in full: what `resolve.resolve` says of the same slices (R1–R7)."""
    filled = [cells for cells in slices if cells]
    shared = shared_weights(filled)
    orders: dict[tuple[str, ...], _Terms] = {}
    found: list[tuple[float, str]] = []
    is_ordered = True
    for option in set[str]().union(*filled) - {""}:
        row = _NO_ROW
        for cells in filled:
            if option in cells:
                row = merged(row, cells[option])
        key = tuple(row)
        terms = orders.get(key)
        if terms is None:
            terms = orders[key] = [(dimension, shared.get(dimension, 0.0)) for dimension in sorted(row)]
        try:
            score = _score(row, terms)
        except TypeError:
            score = score_option(rows_of(filled, option), rows_of(filled, ""))
        if score is not None:
            found.append((score, option))
            is_ordered &= score == score
    if not is_ordered:
        found.sort(key=lambda each: rank_key(each[1], each[0]))
    else:
        found.sort()
    return [option for _, option in found]
