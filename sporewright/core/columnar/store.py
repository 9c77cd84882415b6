"""Cells that move between dicts and columns by size: narrow tensors never need numpy, wide ones use it."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TYPE_CHECKING

from sporewright.core.store import NO_ROW, NO_SLICE, NOTHING, Cells, DictStore, Layers, Slice, Value

if TYPE_CHECKING:
    from array import array

    from sporewright.core.columnar.level import AlongInstances, Wide
    from sporewright.core.columnar.panel import Panel, Rows

__all__ = ["ColumnStore", "Term", "available"]

Term = tuple[float, "array[float]", dict[int, float] | None]
"""One dimension of a live queue: the shared weight, the values by slot, the options' own weights by slot."""

MANY = 256
"""A level with fewer cells in dicts is not looked at: below, dicts answer sooner than arrays (measured)."""

FEW = 8
"""The same for the levels that are folded with a wide one: a cell left in dicts costs every fold a step."""

THIN = 64
"""A column closes when less than this fraction of its rows is filled."""


def _is_plain(option: str, layers: Layers) -> bool:
    """A scalar without a weight, not in the shared slot."""
    return option != "" and type(layers[0]) is float and layers[1] is None


def available() -> bool:
    """numpy can be used now. A page is never made to load it: there it counts once it has been imported."""
    if sys.platform == "emscripten":
        return "numpy" in sys.modules
    try:
        import numpy  # noqa: F401
    except ImportError:
        return False
    return True


class ColumnStore(DictStore):
    """Nested dicts, beside them panels for the columns that are long and dense enough (docs/reference/cells.md).

    A cell is in one place: in the panel if its column has a line there, else in the dicts; the shared slot always in
    the dicts. `options` are the rows of the panels along options, one numbering for all levels: once it exists, every
    option with a cell anywhere has a row.
    """

    def __init__(self, levels: int) -> None:
        super().__init__(levels)
        self.wide: list[Wide | None] = [None] * levels
        self.options: Rows | None = None
        self.changes = [0] * levels
        """The number of writes, removals and moves to a panel in the dicts of each level."""
        self.is_waiting = False
        """True while a level is wide enough for columns and numpy is not there."""
        self._due = [MANY] * levels

    def __len__(self) -> int:
        return super().__len__() + sum(wide.size for wide in self.wide if wide is not None)

    def get(self, level: int, instance: str, option: str, dimension: str) -> Layers:
        """The layers at the coordinate; (None, None) where there is no cell."""
        wide = self.wide[level]
        found = None if wide is None else wide.find(instance, option, dimension)
        if found is None:  # as the dicts do it: this is asked more often than anything else
            return self._levels[level].get(instance, NO_SLICE).get(option, NO_ROW).get(dimension, NOTHING)
        panel, line, name = found
        row = panel.rows.ids.get(name)
        return NOTHING if row is None else panel.get(line, row)

    def put(self, level: int, instance: str, option: str, dimension: str, layers: Layers) -> None:
        """State the whole cell; two unset layers remove it."""
        wide = self.wide[level]
        found = None if wide is None else wide.find(instance, option, dimension)
        if layers == NOTHING:
            self.remove(level, instance, option, dimension)
        elif found is None:
            self._put_loose(level, instance, option, dimension, layers)
        else:
            panel, line, name = found
            row = panel.rows.ids.get(name)
            if row is None:
                panel.rows.add((name,))  # growing may close thin lines, this one among them
                self.put(level, instance, option, dimension, layers)
            else:
                panel.put(line, row, layers)

    def merge(
        self, level: int, instance: str, option: str, dimension: str, value: Value | None, weight: float | None
    ) -> None:
        """Set the layers given, leave the others (T5)."""
        wide = self.wide[level]
        found = None if wide is None else wide.find(instance, option, dimension)
        if found is None:
            self.changes[level] += 1
            super().merge(level, instance, option, dimension, value, weight)
            return
        panel, line, name = found
        row = panel.rows.ids.get(name)
        if row is not None and weight is None and isinstance(value, float):
            panel.put_value(line, row, value)
        else:
            old, own = self.get(level, instance, option, dimension)
            layers = (old if value is None else value, own if weight is None else weight)
            self.put(level, instance, option, dimension, layers)

    def put_many(self, level: int, instance: str, cells: Cells, *, merge: bool = False) -> None:
        """State these cells of one instance whole; with `merge` a layer given as None stays as it was (T5)."""
        rest = cells
        if self.wide[level] is None:
            coming = iter(cells.items())
            while self.wide[level] is None:
                head = dict(islice(coming, max(1, self._due[level] - self._sizes[level])))
                if not head:
                    return
                super().put_many(level, instance, head, merge=merge)
            rest = dict(coming)
        odd = {pair: layers for pair, layers in rest.items() if not _is_plain(pair[0], layers)}
        plain = iter(rest.items() if not odd else [cell for cell in rest.items() if cell[0] not in odd])
        # No more at once than there is already: rows that come before their cells would make every line look thin.
        while some := dict(islice(plain, max(MANY, len(self)))):
            wide = self.wide[level]
            left = some if wide is None else wide.put_values(instance, some, keep=merge)
            super().put_many(level, instance, left, merge=merge)
        super().put_many(level, instance, odd, merge=merge)

    def remove(self, level: int, instance: str, option: str, dimension: str) -> bool:
        """Forget the cell, and the folders it leaves empty; False if there was none."""
        wide = self.wide[level]
        found = None if wide is None else wide.find(instance, option, dimension)
        if found is None or wide is None:
            self.changes[level] += 1
            return super().remove(level, instance, option, dimension)
        panel, line, name = found
        row = panel.rows.ids.get(name)
        gone = row is not None and panel.remove(line, row)
        if gone and panel.counts.item(line) * THIN < len(panel.rows.names):
            self.loosen(level, wide.close(instance, option, dimension))
        return gone

    def clear(self, level: int, instance: str) -> int:
        """Forget one instance of a level; how many cells it had."""
        self.changes[level] += 1
        wide = self.wide[level]
        gone = 0 if wide is None else wide.clear(instance)
        if gone and wide is not None:
            self.loosen(level, wide.close_thin(len(wide.rows.names), THIN))
        return gone + super().clear(level, instance)

    def slice(self, level: int, instance: str) -> Slice:
        """The cells of one instance, as a view that must not be written to."""
        wide, loose = self.wide[level], super().slice(level, instance)
        return loose if wide is None else wide.slice(instance, loose)

    def loose(self, level: int) -> dict[str, dict[str, dict[str, Layers]]]:
        """instance → option → dimension → layers of the cells that are in no panel, as a view."""
        return self._levels[level]

    def instances(self, level: int) -> Iterable[str]:
        """The instances that have a cell at the level."""
        wide, loose = self.wide[level], super().instances(level)
        return loose if wide is None else {*loose, *wide.instances()}

    def pairs(self, level: int) -> set[tuple[str, str]]:
        """Every (option, dimension) seen at the level, the shared slot left out."""
        wide, loose = self.wide[level], super().pairs(level)
        return loose if wide is None else loose | wide.pairs()

    def column(self, level: int, option: str, dimension: str) -> Iterator[tuple[str, Value]]:
        """(instance, value) over the instances of a level that have a value there."""
        yield from super().column(level, option, dimension)
        wide = self.wide[level]
        if wide is not None:
            yield from wide.column(option, dimension)

    def along(self, level: int, instance: str) -> Panel | None:
        """The instance's panel along options, if it has one."""
        wide = self.wide[level]
        return wide.panels.get(instance) if wide is not None and wide.along_options else None

    def beside(self, level: int, instance: str) -> Slice:
        """The instance's cells that are not in `along`."""
        wide = self.wide[level]
        return super().slice(level, instance) if wide is None or wide.along_options else self.slice(level, instance)

    def across(self, level: int) -> AlongInstances | None:
        """The level's panel along instances, if its columns lie that way."""
        wide = self.wide[level]
        return None if wide is None or wide.along_options else wide

    def scattered(self, level: int) -> Iterator[tuple[str, str, str, Value | None]]:
        """(instance, option, dimension, value) of every cell but those of the shared slot and those in `across`."""
        for instance, options in self._levels[level].items():
            for option, row in options.items():
                for dimension, (value, _) in row.items() if option else ():
                    yield instance, option, dimension, value
        wide = self.wide[level]
        if wide is not None and wide.along_options:
            yield from wide.values()

    def scatter_token(self, level: int) -> object:
        """Differs from an earlier one if what `scattered` gives may have changed since."""
        wide = self.wide[level]
        return self.changes[level], wide.token if wide is not None and wide.along_options else None

    def settle(self) -> None:
        """Look again at every level that was wide enough before numpy came."""
        if self.is_waiting and available():
            self.is_waiting = False
            for level, size in enumerate(self._sizes):
                if size >= MANY:
                    self._reconsider(level)

    def _put_loose(self, level: int, instance: str, option: str, dimension: str, layers: Layers) -> None:
        super().put(level, instance, option, dimension, layers)
        self.changes[level] += 1
        if self.options is not None and option:
            self.options.row(option)
        if self._sizes[level] >= self._due[level]:
            self._reconsider(level)

    def _reconsider(self, level: int) -> None:
        """Move columns that are long and dense enough, if numpy is there; look again at twice as many cells."""
        self.is_waiting = not available()
        if not self.is_waiting:
            from sporewright.core.columnar import moves

            moves.reconsider(self, level)
        self.look_again(level)

    def look_again(self, level: int) -> None:
        """The next look at the level is due at twice the cells its dicts have now."""
        self._due[level] = max(MANY if self.options is None else FEW, 2 * self._sizes[level])

    def loosen(self, level: int, cells: Iterable[tuple[str, str, str, Layers]]) -> None:
        """Cells of closed lines, put into the dicts."""
        for instance, option, dimension, layers in cells:
            super().put(level, instance, option, dimension, layers)
        self.changes[level] += 1
        self.look_again(level)

    def tighten(self, level: int, cells: Iterable[tuple[str, str, str, Layers]]) -> None:
        """Cells that are in lines now, taken out of the dicts."""
        for instance, option, dimension, _ in cells:
            super().remove(level, instance, option, dimension)
        self.changes[level] += 1
