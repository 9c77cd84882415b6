"""Fold and resolve over panels along options: passes over arrays instead of steps an option (F, R). Loaded late."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sporewright.core.columnar.panel import Floats, Integers, Marks, Panel, Rows
from sporewright.core.columnar.store import ColumnStore
from sporewright.core.small import shared_weights
from sporewright.core.store import Slice

__all__ = ["Folded", "fold", "queue", "score"]

_HIGHEST = int(np.float64(math.inf).view(np.int64))
_LOWEST = -1 - _HIGHEST
"""The keys of ∞ and −∞ among the bits of scores taken as integers; beyond them is NaN."""


@dataclass(slots=True)
class Folded:
    """Every option at a cursor, folded; D dimensions in code-point order, n rows (an option each, `rows.names`).

    `values` (D × n): the folded scalar; NaN where there is none or a document hides it (F1, F4).
    `scalars` (D × n): whether there is one; NaN with a mark is a gate.
    `weights` (D × n, or D × 1 where no option has its own): the effective weight, 0.0 for one missing or not finite.
    """

    rows: Rows
    dimensions: tuple[str, ...]
    values: Floats
    scalars: Marks
    weights: Floats


def fold(store: ColumnStore, path: Sequence[str]) -> Folded | None:
    """The options at the instances of `path`, one a level; None where no level has a panel along options there."""
    rows = store.options
    panels = [store.along(level, instance) for level, instance in enumerate(path)]
    if rows is None or not any(panels):
        return None
    loose = [store.beside(level, instance) for level, instance in enumerate(path)]
    dimensions = _dimensions(panels, loose)
    place = {dimension: at for at, dimension in enumerate(dimensions)}
    shared = shared_weights(loose)
    weights = np.array([shared.get(dimension, 0.0) for dimension in dimensions])[:, np.newaxis]
    made = Folded(rows, dimensions, *_ground(panels[0], dimensions, len(rows.names)), weights)
    own: list[tuple[Panel | None, Slice]] = []
    for at, (panel, cells) in enumerate(zip(panels, loose, strict=True)):
        if panel is not None:
            _lay_panel(made, panel, place, is_ground=at == 0)
        if _lay_cells(made, cells, place) or (panel is not None and panel.weighted is not None):
            own.append((panel, cells))
    if own:
        made.weights = _own_weights(made, own, place)
    return made


def _dimensions(panels: Sequence[Panel | None], loose: Sequence[Slice]) -> tuple[str, ...]:
    """Every dimension some option has at the cursor, in code-point order."""
    arranged = {panel.arrange() for panel in panels if panel is not None}
    others = set[str]().union(*(row for cells in loose for option, row in cells.items() if option))
    first = next(iter(arranged))
    if len(arranged) == 1 and others.issubset(first):
        return first
    return tuple(sorted(others.union(*arranged)))


def _ground(panel: Panel | None, dimensions: tuple[str, ...], count: int) -> tuple[Floats, Marks]:
    """(values, scalars) before the first panel is laid: its own where it has every dimension, else nothing."""
    if panel is not None and panel.arrange() == dimensions:
        return panel.values[: len(dimensions), :count].copy(), panel.present[: len(dimensions), :count].copy()
    shape = len(dimensions), count
    return np.full(shape, math.nan), np.zeros(shape, dtype=np.bool_)


def _lay_panel(made: Folded, panel: Panel, place: dict[str, int], *, is_ground: bool) -> None:
    """The panel's values over what is folded so far; `where` copies some five times faster than a masked copy."""
    names, count = panel.arrange(), made.values.shape[1]
    values, present = panel.values[: len(names), :count], panel.present[: len(names), :count]
    if names != made.dimensions:
        lines = [place[name] for name in names]
        made.values[lines] = np.where(present, values, made.values[lines])
        made.scalars[lines] |= present
    elif not is_ground:
        made.values = np.where(present, values, made.values)
        made.scalars |= present
    for line, row in panel.documents:
        made.scalars[place[names[line]], row] = False


def _lay_cells(made: Folded, cells: Slice, place: dict[str, int]) -> bool:
    """The values of cells in dicts over what is folded so far; True if one has a weight of its own."""
    rows, weighted = made.rows.ids, False
    for option, row in cells.items():
        for dimension, (value, weight) in row.items() if option else ():
            weighted = weighted or weight is not None
            if value is not None:
                at = place[dimension], rows[option]
                made.values[at] = value if isinstance(value, float) else math.nan
                made.scalars[at] = isinstance(value, float)
    return weighted


def _own_weights(made: Folded, levels: Sequence[tuple[Panel | None, Slice]], place: dict[str, int]) -> Floats:
    """Effective weights where options have their own, which beat the shared ones at any level (F3)."""
    count, rows = made.values.shape[1], made.rows.ids
    found = np.repeat(made.weights, count, axis=1)
    for panel, cells in levels:
        if panel is not None and panel.weights is not None and panel.weighted is not None:
            for line, name in enumerate(panel.arrange()):
                weights = panel.weights[line, :count]
                np.copyto(
                    found[place[name]], np.where(np.isfinite(weights), weights, 0.0), where=panel.weighted[line, :count]
                )
        for option, row in cells.items():
            for dimension, (_, weight) in row.items() if option else ():
                if weight is not None:
                    found[place[dimension], rows[option]] = weight if math.isfinite(weight) else 0.0
    return found


def score(folded: Folded) -> tuple[Floats, Marks | None]:
    """(the score of each row, which rows are in the queue; None when all are) (R1–R4).

    One rounding per multiply and per add, dimension by dimension: numpy adds in pairs along the fast axis alone, which
    is that of the dimensions only where there is one row. A term that is missing is 0.0, and adding a zero changes no
    score that began at 0.0.
    """
    finite = np.isfinite(folded.values)
    values, ranked = folded.values, None
    if not finite.all():
        ranked = (finite == folded.scalars).all(axis=0) & finite.any(axis=0)
        values = np.where(finite, values, 0.0)
    with np.errstate(over="ignore", invalid="ignore"):
        terms = values * folded.weights
        if terms.shape[1] == 1:
            return np.add.accumulate(np.concatenate((np.zeros((1, 1)), terms)))[-1], ranked
        scores: Floats = np.add.reduce(terms, axis=0, initial=0.0)
    return scores, ranked


def _ascending(scores: Floats) -> Integers:
    """The permutation into ascending order, equal ones in the order given, NaN last (R5).

    No score is −0.0, so the order of the bits, taken as integers, is that of the numbers, and integers sort in two
    thirds of the time.
    """
    bits = scores.view(np.int64)
    keys = bits ^ ((bits >> 63) & 0x7FFF_FFFF_FFFF_FFFF)
    order: Integers = keys.argsort(kind="stable")
    if len(scores) and (keys[order[-1]] > _HIGHEST or keys[order[0]] < _LOWEST):
        order = scores.argsort(kind="stable")
    return order


def queue(rows: Rows, scores: Floats, ranked: Marks | None) -> list[str]:
    """The names in the queue's order: by score, equal ones by name, NaN last (R5)."""
    by_name, labels = rows.ordered()
    if by_name is None:
        at = None if ranked is None else np.flatnonzero(ranked)
    else:
        at = by_name if ranked is None else by_name[ranked[by_name]]
    order = _ascending(scores if at is None else scores[at])
    names: list[str] = labels[order if at is None else at[order]].tolist()
    return names
