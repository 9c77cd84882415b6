"""The queue of a few options: the rules of `resolve` with a row merged once and its order of dimensions looked up."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from sporewright.core.resolve import rank_key, rows_of, score_option
from sporewright.core.store import Layers, Slice

__all__ = ["merged", "resolve", "shared_weights"]

_INF = math.inf
_NO_ROW: Mapping[str, Layers] = {}


def merged(row: Mapping[str, Layers], finer: Mapping[str, Layers]) -> Mapping[str, Layers]:
    """An option's cells, those of a finer level laid over them, each layer for itself (F1, F2), dimensions in order."""
    if not row:
        return finer
    mixed = {**row, **finer}
    for dimension, (value, weight) in finer.items():
        old = row.get(dimension)
        if old is not None and (value is None or (weight is None and old[1] is not None)):
            mixed[dimension] = (old[0] if value is None else value, old[1] if weight is None else weight)
    return mixed if len(mixed) == len(row) else dict(sorted(mixed.items()))


def shared_weights(slices: Sequence[Slice]) -> dict[str, float]:
    """dimension → the shared slot's folded weight, where it is finite: any other contributes nothing (F1, R4)."""
    return {dimension: weight for dimension, weight in _weights(slices).items() if math.isfinite(weight)}


def _weights(slices: Sequence[Slice]) -> dict[str, float]:
    found = {}
    for cells in slices:
        for dimension, layers in cells.get("", _NO_ROW).items():
            if layers[1] is not None:
                found[dimension] = layers[1]
    return found


def _rows(slices: Sequence[Slice], plain: bool) -> dict[str, Mapping[str, Layers]]:
    """option → its cells, those of finer levels laid over them; where all are `plain`, a finer cell is the cell."""
    rows = dict(slices[0])
    for cells in slices[1:]:
        for option, finer in cells.items():
            row = rows.get(option)
            if row is None:
                rows[option] = finer
            elif plain:
                rows[option] = mixed = {**row, **finer}
                if len(mixed) != len(row):
                    rows[option] = dict(sorted(mixed.items()))
            else:
                rows[option] = merged(row, finer)
    rows.pop("", None)
    return rows


def _score(row: Mapping[str, Layers], shared: Mapping[str, float]) -> float:
    """R3 as if every cell were a finite scalar and every weight finite; NaN where a value is none.

    A weight of 0.0 stands for none: the product is a zero, and adding one changes no score, for it begins at 0.0.
    """
    score = 0.0
    for dimension, (value, own) in row.items():
        if not isinstance(value, float):
            return math.nan
        score += (shared.get(dimension, 0.0) if own is None else own) * value
    return score


def _scores(
    rows: Mapping[str, Mapping[str, Layers]], shared: Mapping[str, float], plain: bool
) -> tuple[list[tuple[float, str]], float]:
    """(score, option) of each, and a number that is finite only if every score is.

    `plain` is a shorter way for plain rows; KeyError if a dimension of theirs has no shared weight.
    """
    found = []
    total = 0.0
    for option, row in rows.items():
        score = 0.0
        if plain:
            for dimension, cell in row.items():
                score += shared[dimension] * cell[0]  # type: ignore[operator]
        else:
            score = _score(row, shared)
        found.append((score, option))
        total += score
    return found, total


def resolve(slices: Sequence[Slice], plain: bool = False) -> list[str]:
    """The queue, in full: what `resolve.resolve` says of the same slices, whose rows are in order (R1–R7).

    `plain` promises that every option's cells are scalars without weights. A score that is finite has met no gate and
    no weight that is none, for they leave ±∞ or NaN; any other is looked at again by the definition.
    """
    filled = [cells for cells in slices if cells]
    if not filled:
        return []
    rows, shared = _rows(filled, plain), _weights(filled)
    try:
        found, total = _scores(rows, shared, plain)
    except KeyError:
        found, total = _scores(rows, shared, False)
    if not -_INF < total < _INF:
        return _looked_at_again(filled, found)
    found.sort()
    return [option for _, option in found]


def _looked_at_again(slices: Sequence[Slice], found: Sequence[tuple[float, str]]) -> list[str]:
    """The queue, where a score that is not finite may be a gate, a document, a weight that is none, or an overflow."""
    shared = rows_of(slices, "")
    keys = []
    for score, option in found:
        known = score if -_INF < score < _INF else score_option(rows_of(slices, option), shared)
        if known is not None:
            keys.append(rank_key(option, known))
    return [key[2] for key in sorted(keys)]
