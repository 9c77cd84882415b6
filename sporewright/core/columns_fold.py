"""Fold and resolve over panels along options: passes over arrays instead of steps an option (F, R). Loaded late."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sporewright.core.columns import ColumnStore
from sporewright.core.columns_panel import Floats, Marks, Panel, Rows
from sporewright.core.narrow import shared_weights
from sporewright.core.store import Slice

__all__ = ["Folded", "fold", "queue", "score"]


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
    shape = len(dimensions), len(rows.names)
    made = Folded(rows, dimensions, np.full(shape, math.nan), np.zeros(shape, dtype=np.bool_), np.zeros((shape[0], 1)))
    place = {dimension: at for at, dimension in enumerate(dimensions)}
    shared = shared_weights(loose)
    made.weights[:, 0] = [shared.get(dimension, 0.0) for dimension in dimensions]
    own: list[tuple[Panel | None, Slice]] = []
    for panel, cells in zip(panels, loose, strict=True):
        if panel is not None:
            _lay_panel(made, panel, place)
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


def _lay_panel(made: Folded, panel: Panel, place: dict[str, int]) -> None:
    """The panel's values over what is folded so far."""
    names, count = panel.arrange(), made.values.shape[1]
    if names == made.dimensions:
        present = panel.present[: len(names), :count]
        np.copyto(made.values, panel.values[: len(names), :count], where=present)
        np.logical_or(made.scalars, present, out=made.scalars)
    else:
        for line, name in enumerate(names):
            at, present = place[name], panel.present[line, :count]
            np.copyto(made.values[at], panel.values[line, :count], where=present)
            np.logical_or(made.scalars[at], present, out=made.scalars[at])
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

    One rounding per multiply and per add, dimension by dimension: `sum` would add in pairs. A term that is missing is
    0.0, and adding a zero changes no score that began at 0.0.
    """
    finite = np.isfinite(folded.values)
    values, ranked = folded.values, None
    if not finite.all():
        ranked = (finite == folded.scalars).all(axis=0) & finite.any(axis=0)
        values = np.where(finite, values, 0.0)
    scores = np.zeros(values.shape[1])
    with np.errstate(over="ignore", invalid="ignore"):
        for terms in values * folded.weights:
            scores += terms
    return scores, ranked


def queue(rows: Rows, scores: Floats, ranked: Marks | None) -> list[str]:
    """The names in the queue's order: by score, equal ones by name, NaN last (R5); the sort is stable."""
    by_name, labels = rows.ordered()
    if by_name is None:
        at = None if ranked is None else np.flatnonzero(ranked)
    else:
        at = by_name if ranked is None else by_name[ranked[by_name]]
    order = np.argsort(scores if at is None else scores[at], kind="stable")
    names: list[str] = labels[order if at is None else at[order]].tolist()
    return names
