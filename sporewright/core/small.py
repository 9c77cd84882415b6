"""The queue of a few options: the rules of `resolve` over merged rows, or over lists of numbers kept for each slice."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sporewright.core.columnar import ColumnStore
from sporewright.core.resolve import rank_key, rows_of, score_option
from sporewright.core.store import Layers, Slice

__all__ = ["SmallResolver", "laid_over", "merged", "shared_weights"]

MOST = 256
"""Slices with more options are not kept as lists: where so many are read often, numpy is there."""

KEPT = 64
"""So many slices are kept as lists; a server reads more, but never the same ones all the time."""

_INF = math.inf
_NO_ROW: Mapping[str, Layers] = {}
_Scored = list[tuple[float, str]]


@dataclass(slots=True)
class _Form:
    """A slice in which every option's cell is a scalar without a weight, dimensions by number; 0.0 where there is none.

    A zero stands for a missing value and for a missing weight: the product is a zero, and adding one changes no score,
    for it begins at 0.0.
    """

    rows: dict[str, list[float]]
    cells: list[tuple[str, int, float]]
    weights: list[tuple[int, float]]


def merged(row: Mapping[str, Layers], finer: Mapping[str, Layers]) -> Mapping[str, Layers]:
    """An option's cells, those of a finer level laid over them, each layer for itself (F1, F2), dimensions in order."""
    mixed = laid_over(row, finer)
    return mixed if len(mixed) == len(row) else dict(sorted(mixed.items()))


def laid_over(row: Mapping[str, Layers], finer: Mapping[str, Layers]) -> Mapping[str, Layers]:
    """`merged` in no order."""
    mixed = {**row, **finer}
    for dimension, (value, weight) in finer.items():
        if value is None or weight is None:
            old = row.get(dimension)
            if old is not None and (value is None or old[1] is not None):
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


class SmallResolver:
    """`resolve` for the slices of a store that are no panels: the same queue as the definition (R1–R7).

    A score that is finite has met no gate and no weight that is none, for they leave ±∞ or NaN; any other is looked at
    again by the definition. Lists belong to slices, not to cursors; a write to a slice drops its lists.
    """

    def __init__(self, store: ColumnStore) -> None:
        self._store = store
        self._dimensions: tuple[str, ...] = ()

    def resolve(self, path: Sequence[str]) -> list[str]:
        """The queue at the instances of `path`, one a level."""
        store = self._store
        if any(store.wide) or not all(store.plain):
            return self._of_slices(path)
        forms = self._forms(path)
        if forms is None:
            return self._of_slices(path)
        found, total = self._scores(forms)
        if not -_INF < total < _INF:
            return _looked_at_again(self._slices(path), found)
        found.sort()
        return [option for _, option in found]

    def _forms(self, path: Sequence[str]) -> list[_Form] | None:
        """The slices as lists over the same dimensions; None if one is too wide."""
        kept = self._store.forms
        if len(kept) > KEPT:
            kept.clear()
            self._dimensions = ()
        while True:
            numbered, forms = self._dimensions, []
            for place in enumerate(path):
                form = kept.get(place) or self._form(*place)
                if form is None:
                    return None
                forms.append(form)
            if numbered is self._dimensions:
                return forms

    def _slices(self, path: Sequence[str]) -> list[Slice]:
        return [self._store.slice(level, instance) for level, instance in enumerate(path)]

    def _scores(self, forms: Sequence[_Form]) -> tuple[_Scored, float]:
        """(score, option) of each, and a number that is finite only if every score is (R3)."""
        weights = [0.0] * len(self._dimensions)
        rows: dict[str, list[float]] = {}
        for form in forms:
            for at, weight in form.weights:
                weights[at] = weight
            if not rows:
                rows = {option: values[:] for option, values in form.rows.items()}
                continue
            for option, at, value in form.cells:
                row = rows.get(option)
                if row is None:
                    row = rows[option] = [0.0] * len(weights)
                row[at] = value
        found, total = [], 0.0
        for option, values in rows.items():
            score = 0.0
            for weight, value in zip(weights, values, strict=True):
                score += weight * value
            found.append((score, option))
            total += score
        return found, total

    def _form(self, level: int, instance: str) -> _Form | None:
        """The slice as lists; None where it is too wide to be kept so. A new dimension renumbers: the others go."""
        cells, forms = self._store.slice(level, instance), self._store.forms
        if len(cells) > MOST:
            return None
        names = set[str]().union(*(row for option, row in cells.items() if option))
        if not names.issubset(self._dimensions):
            self._dimensions = tuple(sorted(names.union(self._dimensions)))
            forms.clear()
        place = {dimension: at for at, dimension in enumerate(self._dimensions)}
        shared = cells.get("", _NO_ROW).items()
        weights = [(place[name], weight) for name, (_, weight) in shared if weight is not None and name in place]
        form = forms[level, instance] = _Form({}, [], weights)
        for option, row in cells.items():
            if option:
                form.rows[option] = [row[name][0] if name in row else 0.0 for name in self._dimensions]  # type: ignore[misc]
                form.cells += [(option, place[name], value) for name, (value, _) in row.items()]  # type: ignore[misc]
        return form

    def _of_slices(self, path: Sequence[str]) -> list[str]:
        """The queue from rows merged level by level, each layer for itself."""
        filled = [cells for cells in self._slices(path) if cells]
        shared = shared_weights(filled)
        rows: dict[str, Mapping[str, Layers]] = {}
        for cells in filled:
            for option, finer in cells.items():
                row = rows.get(option)
                rows[option] = finer if row is None else merged(row, finer)
        rows.pop("", None)
        return _looked_at_again(filled, [(_score(row, shared), option) for option, row in rows.items()])


def _score(row: Mapping[str, Layers], shared: Mapping[str, float]) -> float:
    """R3 as if every weight of its own and every scalar were finite; NaN where a value is no scalar."""
    score = 0.0
    for dimension, (value, own) in row.items():
        if not isinstance(value, float):
            return math.nan
        score += (shared.get(dimension, 0.0) if own is None else own) * value
    return score


def _looked_at_again(slices: Sequence[Slice], found: Iterable[tuple[float, str]]) -> list[str]:
    """The queue; a score that is not finite may be a gate, a document, a weight that is none, or an overflow."""
    shared = rows_of(slices, "")
    keys = []
    for score, option in found:
        known = score if -_INF < score < _INF else score_option(rows_of(slices, option), shared)
        if known is not None:
            keys.append(rank_key(option, known))
    return [key[2] for key in sorted(keys)]
