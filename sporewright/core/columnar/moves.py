"""Moves of cells between dicts and panels, and the direction of a level's columns. Loaded once numpy may be used.

Everything here changes where cells are, never what they say.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable
from functools import partial

from sporewright.core.columnar.level import AlongInstances, AlongOptions, Pair, Placed, Wide
from sporewright.core.columnar.panel import Rows
from sporewright.core.columnar.store import THIN, ColumnStore

__all__ = ["reconsider"]

LONG = 64
"""So many cells make a first column worth its fixed cost (measured)."""

SHORT = 8
"""The same where the level, or the levels it is folded with, have columns already."""

DENSE = 16
"""A column opens when a sixteenth of its rows is filled: 9 bytes a row against some 150 for a cell in dicts. It closes
far below that (`columns.THIN`), so that a column does not come and go."""

CONVERT = 4
"""A level turns its columns the other way when that leaves a quarter of the lines."""

_Lines = dict[Pair, int]
"""(instance or option, dimension) → how many cells its column has."""


def reconsider(store: ColumnStore, level: int) -> None:
    """Open lines for the columns in the level's dicts that are long and dense enough, turned the better way."""
    narrow = store.options is None
    _look(store, level)
    for other in range(len(store.wide)) if narrow and store.options is not None else ():
        if other != level:
            _look(store, other)
        store.look_again(other)


def _look(store: ColumnStore, level: int) -> None:
    places, pairs = _lines(store, level)
    wide = store.wide[level]
    if wide is not None and _stands_wrong(store, wide, places, pairs):
        store.loosen(level, wide.close_thin(1, 0.0))
        wide = store.wide[level] = None
        places, pairs = _lines(store, level)
    lasting = wide is not None or store.options is not None
    along_options = _worth(places, _count(store.options, pairs), SHORT if lasting else LONG)
    rows, least = (None, LONG) if wide is None else (wide.rows, SHORT)
    along_instances = _worth(pairs, _count(rows, places), least)
    if isinstance(wide, AlongOptions) or (wide is None and _better(along_options, along_instances)):
        _open(store, level, along_options, AlongOptions)
    else:
        _open(store, level, along_instances, AlongInstances)


def _lines(store: ColumnStore, level: int) -> tuple[_Lines, _Lines]:
    """The number of cells in dicts of each (instance, dimension) and of each (option, dimension)."""
    places: Counter[Pair] = Counter()
    pairs: Counter[Pair] = Counter()
    for instance, options in store.loose(level).items():
        for option, row in options.items():
            if option:
                places.update([(instance, dimension) for dimension in row])
                pairs.update([(option, dimension) for dimension in row])
    return places, pairs


def _count(rows: Rows | None, lines: _Lines) -> int:
    """The number of rows of the columns across these lines."""
    names = {name for name, _ in lines}
    return len(names if rows is None else names | rows.ids.keys())


def _worth(lines: _Lines, rows: int, least: int) -> _Lines:
    return {line: count for line, count in lines.items() if count >= least and count * DENSE >= rows}


def _better(one: _Lines, other: _Lines) -> bool:
    """More cells in lines is better; about the same, fewer lines."""
    cells, others = sum(one.values()), sum(other.values())
    return len(one) <= len(other) if min(cells, others) * 5 >= max(cells, others) * 4 else cells > others


def _stands_wrong(store: ColumnStore, wide: Wide, places: _Lines, pairs: _Lines) -> bool:
    """The other way the level would have far fewer lines, or its dicts would give more cells than the panels have."""
    if isinstance(wide, AlongOptions):
        lines, dimensions = wide.dimensions
        across = _worth(pairs, _count(None, places), LONG)
        return lines > CONVERT * len(dimensions) * len(wide.rows.names) or sum(across.values()) > wide.size
    return sum(_worth(places, _count(store.options, pairs), LONG).values()) > wide.size


def _open(store: ColumnStore, level: int, chosen: _Lines, kind: type[AlongOptions] | type[AlongInstances]) -> None:
    if not chosen:
        return
    wide = store.wide[level]
    if wide is None:
        wide = kind(_option_rows(store) if kind is AlongOptions else Rows(partial(_make_room, store)))
        store.wide[level] = wide
    moving = list(_moving(store, level, chosen, kind is AlongOptions))
    wide.rows.add(dict.fromkeys(cell[1] if kind is AlongOptions else cell[0] for cell in moving))
    for instance, option, dimension, layers in moving:
        panel, line, name = wide.open(instance, option, dimension)
        panel.put(line, wide.rows.ids[name], layers)
    store.tighten(level, moving)


def _moving(store: ColumnStore, level: int, chosen: Collection[Pair], along_options: bool) -> Iterable[Placed]:
    for instance, options in store.loose(level).items():
        for option, row in options.items():
            for dimension, layers in row.items() if option else ():
                if ((instance if along_options else option), dimension) in chosen:
                    yield instance, option, dimension, layers


def _option_rows(store: ColumnStore) -> Rows:
    """The numbering of the options, made at the first need."""
    if store.options is None:
        store.options = Rows(partial(_make_room, store))
        store.options.add(sorted(_held(store)))
    return store.options


def _held(store: ColumnStore) -> set[str]:
    """The options with a cell in dicts or in panels along instances."""
    loose = {option for level in range(len(store.wide)) for cells in store.loose(level).values() for option in cells}
    across = {option for wide in store.wide if isinstance(wide, AlongInstances) for option in wide.options}
    return (loose | across) - {""}


def _make_room(store: ColumnStore, rows: Rows, capacity: int) -> Iterable[str]:
    """Rows are about to grow: lines that would be thin go back to the dicts. The names to keep besides the panels'."""
    for level, wide in enumerate(store.wide):
        if wide is not None and wide.rows is rows:
            store.loosen(level, wide.close_thin(capacity // 2, THIN))
    return _held(store) if rows is store.options else ()
