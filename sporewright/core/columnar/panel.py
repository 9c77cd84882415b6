"""Panels: cells as dense float64 blocks, a line for each column and a row for each interned name.

Imports numpy when loaded; loaded late and only by the other `columns*` modules, once numpy may be used.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Hashable, Iterable, Iterator, Sequence
from itertools import accumulate
from typing import Any

import numpy as np
import numpy.typing as npt

from sporewright.core.store import Layers

__all__ = ["Floats", "Integers", "Marks", "Panel", "Rows"]

Floats = npt.NDArray[np.float64]
Marks = npt.NDArray[np.bool_]
Integers = npt.NDArray[np.intp]

LEAST = 64
_NOTHING: Layers = (None, None)


class Rows:
    """Names and their row numbers, shared by every panel over them.

    A name stays until room is needed and no cell uses it; when that renumbers the others, `epoch` grows by one.
    `prepare(self, capacity)` is called before the panels grow; it gives the names to be kept besides those in panels.
    """

    def __init__(self, prepare: Callable[[Rows, int], Iterable[str]]) -> None:
        self.names: list[str] = []
        self.ids: dict[str, int] = {}
        self.capacity = LEAST
        self.epoch = 0
        self.panels: list[Panel] = []
        self._prepare = prepare
        self._ordered: tuple[Integers, Any] | None = None

    def row(self, name: str) -> int:
        """The name's row, a new one if it has none yet."""
        row = self.ids.get(name)
        return self.add((name,))[0] if row is None else row

    def add(self, names: Collection[str]) -> list[int]:
        """The rows of all these names, new ones where needed."""
        fresh = dict.fromkeys(name for name in names if name not in self.ids)
        if len(self.names) + len(fresh) > self.capacity:
            self._make_room(names, len(fresh))
        for name in fresh:
            self.ids[name] = len(self.names)
            self.names.append(name)
        if fresh:
            self._ordered = None
        return [self.ids[name] for name in names]

    def ordered(self) -> tuple[Integers | None, Any]:
        """(the rows in code-point order of their names, None if they stand so; the names as an array of objects)."""
        if self._ordered is None:
            order = np.array(sorted(range(len(self.names)), key=self.names.__getitem__), dtype=np.intp)
            labels = np.empty(len(self.names), dtype=object)
            labels[:] = _side_by_side(self.names)
            self._ordered = order, labels
            self._sorted = bool((order[1:] > order[:-1]).all())
        order, labels = self._ordered
        return None if self._sorted else order, labels

    def _make_room(self, wanted: Collection[str], fresh: int) -> None:
        """Forget the names that are not in use, and give every panel room for twice as many as are left."""
        kept = self._prepare(self, max(LEAST, 2 * (len(self.names) + fresh)))
        used: Marks = np.zeros(self.capacity, dtype=np.bool_)
        for panel in self.panels:
            np.logical_or(used, panel.used(), out=used)
        used[[self.ids[name] for name in {*kept, *wanted} if name in self.ids]] = True
        keep = np.flatnonzero(used)
        self.capacity = max(LEAST, 2 * (len(keep) + fresh))
        for panel in self.panels:
            panel.renumber(keep)
        if len(keep) < len(self.names):
            self.names = [self.names[row] for row in keep.tolist()]
            self.ids = {name: row for row, name in enumerate(self.names)}
            self.epoch += 1


def _side_by_side(names: Sequence[str]) -> list[str]:
    """Copies of the names that lie together in memory: a queue of thousands is taken from them up to three
    times faster."""
    whole, ends = "".join(names), list(accumulate(map(len, names)))
    return [whole[begin:end] for begin, end in zip([0, *ends], ends, strict=False)]


class Panel:
    """Cells in lines over `rows`: a value and a mark a cell, weights only where some line has one.

    A value that is unset or a document is NaN in `values`; `present` tells an unset value from a NaN gate, `documents`
    has the bytes. `stamps` gives each line the number of its last change, counted by `clock`.
    """

    def __init__(self, rows: Rows) -> None:
        self.rows = rows
        rows.panels.append(self)
        self.lines: dict[Any, int] = {}
        self.values: Floats = np.full((1, rows.capacity), math.nan)
        self.present: Marks = np.zeros((1, rows.capacity), dtype=np.bool_)
        self.weights: Floats | None = None
        self.weighted: Marks | None = None
        self.documents: dict[tuple[int, int], bytes] = {}
        self.counts: npt.NDArray[np.int64] = np.zeros(1, dtype=np.int64)
        self.stamps: npt.NDArray[np.int64] = np.zeros(1, dtype=np.int64)
        self.clock = 0
        self.size = 0
        self._free = [0]
        self._arranged: tuple[Any, ...] | None = None

    def arrange(self) -> tuple[Any, ...]:
        """The keys in order, the lines standing in that order from line 0 on."""
        if self._arranged is None:
            self._arranged = tuple(sorted(self.lines))
            before = [*(self.lines[key] for key in self._arranged), *reversed(self._free)]
            if before != list(range(len(before))):
                self._permute(before)
        return self._arranged

    def open(self, key: Hashable) -> int:
        """A line for the key, empty."""
        if not self._free:
            self._more_lines()
        self.lines[key] = line = self._free.pop()
        self._arranged = None
        self._touch(line)
        return line

    def close(self, key: Hashable) -> None:
        """Give the key's line back, with whatever cells it has."""
        line = self.lines.pop(key)
        self._blank(line, slice(None))
        self.size -= int(self.counts[line])
        self.counts[line] = 0
        self._touch(line)
        self._free.append(line)
        self._arranged = None

    def get(self, line: int, row: int) -> Layers:
        """The layers there; (None, None) where there is no cell."""
        weight = None
        if self.weighted is not None and self.weights is not None and self.weighted.item(line, row):
            weight = self.weights.item(line, row)
        if not self.present.item(line, row):
            return (None, weight)
        if self.documents and (line, row) in self.documents:
            return (self.documents[line, row], weight)
        return (self.values.item(line, row), weight)

    def column(self, row: int) -> list[Layers]:
        """Each line's cell in the row, in the order of the lines; (None, None) where there is no cell."""
        found: list[Any] = [
            value if has else None
            for has, value in zip(self.present[:, row].tolist(), self.values[:, row].tolist(), strict=True)
        ]
        if self.documents:
            found = [self.documents.get((line, row), value) for line, value in enumerate(found)]
        if self.weighted is None or self.weights is None:
            return [(value, None) for value in found]
        weights = zip(found, self.weighted[:, row].tolist(), self.weights[:, row].tolist(), strict=True)
        return [(value, weight if has else None) for value, has, weight in weights]

    def put(self, line: int, row: int, layers: Layers) -> None:
        """State the whole cell; at least one layer is set."""
        value, weight = layers
        new = not self._has(line, row)
        if self.documents:
            self.documents.pop((line, row), None)
        if isinstance(value, bytes):
            self.documents[line, row] = value
        self.values[line, row] = value if isinstance(value, float) else math.nan
        self.present[line, row] = value is not None
        if weight is not None or self.weighted is not None:
            self._weigh(line, row, weight)
        if new:
            self._count(line, 1)
        self._touch(line)

    def put_value(self, line: int, row: int, value: float) -> None:
        """Set a scalar, leave the weight (T5): the write there are most of."""
        if self.documents:
            self.documents.pop((line, row), None)
        if not self.present.item(line, row):
            if not self._has(line, row):
                self._count(line, 1)
            self.present[line, row] = True
        self.values[line, row] = value
        self._touch(line)

    def put_values(self, lines: Sequence[int], rows: Sequence[int], values: Sequence[float], *, keep: bool) -> None:
        """State many cells at once, no cell twice; `keep` leaves the weights they have, else they have none."""
        at = np.asarray(lines, dtype=np.intp), np.asarray(rows, dtype=np.intp)
        new = ~self.present[at]
        if self.weighted is not None and self.weights is not None:
            new &= ~self.weighted[at]
            if not keep:
                self.weighted[at], self.weights[at] = False, math.nan
        if self.documents:
            for spot in zip(lines, rows, strict=True):
                self.documents.pop(spot, None)
        self.values[at] = values
        self.present[at] = True
        np.add.at(self.counts, at[0], new)
        self.size += int(np.count_nonzero(new))
        self.clock += 1
        self.stamps[at[0]] = self.clock

    def remove(self, line: int, row: int) -> bool:
        """Forget the cell; False if there was none."""
        if not self._has(line, row):
            return False
        self._blank(line, row)
        self._count(line, -1)
        self._touch(line)
        return True

    def clear(self, row: int) -> int:
        """Forget every cell of a row; how many there were."""
        lines = self.row_of(row)
        self._blank(lines, row)
        self.counts[lines] -= 1
        self.size -= len(lines)
        self._touch(lines)
        return len(lines)

    def row_of(self, row: int) -> list[int]:
        """The lines that have a cell in the row."""
        found: list[int] = np.flatnonzero(self._marks()[:, row]).tolist()
        return found

    def filled(self, line: int) -> Integers:
        """The rows in which the line has a cell."""
        marks = self.present[line] if self.weighted is None else self.present[line] | self.weighted[line]
        return np.flatnonzero(marks)

    def cells(self, line: int) -> Iterator[tuple[str, Layers]]:
        """(name, layers) of the line's cells."""
        for row in self.filled(line).tolist():
            yield self.rows.names[row], self.get(line, row)

    def used(self) -> Marks:
        """The rows that have a cell."""
        found: Marks = np.logical_or.reduce(self._marks(), axis=0)
        return found

    def renumber(self, keep: Integers) -> None:
        """Take over the rows' new capacity; row `keep[n]` becomes row n, the others have no cell."""
        self.values, old = np.full((len(self.counts), self.rows.capacity), math.nan), self.values
        self.values[:, : len(keep)] = old[:, keep]
        self.present = self._moved(self.present, keep, np.zeros((len(self.counts), self.rows.capacity), np.bool_))
        if self.weighted is not None and self.weights is not None:
            self.weighted = self._moved(self.weighted, keep, np.zeros_like(self.present))
            self.weights = self._moved(self.weights, keep, np.full_like(self.values, math.nan))
        place = {row: at for at, row in enumerate(keep.tolist())} if self.documents else {}
        self.documents = {(line, place[row]): data for (line, row), data in self.documents.items()}

    @staticmethod
    def _moved(old: Any, keep: Integers, new: Any) -> Any:
        new[:, : len(keep)] = old[:, keep]
        return new

    def _marks(self) -> Marks:
        if self.weighted is None:
            return self.present
        found: Marks = self.present | self.weighted
        return found

    def _has(self, line: int, row: int) -> bool:
        return self.present.item(line, row) or (self.weighted is not None and self.weighted.item(line, row))

    def _blank(self, line: int | list[int], row: int | slice) -> None:
        """Unset every layer there: of a cell, of a line, of a row's cells."""
        self.values[line, row], self.present[line, row] = math.nan, False
        if self.weighted is not None and self.weights is not None:
            self.weights[line, row], self.weighted[line, row] = math.nan, False
        if self.documents:
            self.documents = {at: data for at, data in self.documents.items() if self.present[at]}

    def _weigh(self, line: int, row: int, weight: float | None) -> None:
        if self.weights is None or self.weighted is None:
            self.weights = np.full_like(self.values, math.nan)
            self.weighted = np.zeros_like(self.present)
        self.weights[line, row] = math.nan if weight is None else weight
        self.weighted[line, row] = weight is not None

    def _count(self, line: int, by: int) -> None:
        self.counts[line] += by
        self.size += by

    def _touch(self, line: int | list[int]) -> None:
        self.clock += 1
        self.stamps[line] = self.clock

    def _permute(self, before: list[int]) -> None:
        """Line `before[n]` becomes line n."""
        place = {line: at for at, line in enumerate(before)}
        self.lines = {key: place[line] for key, line in self.lines.items()}
        self.documents = {(place[line], row): data for (line, row), data in self.documents.items()}
        self._free = sorted((place[line] for line in self._free), reverse=True)
        self.values, self.present = self.values[before], self.present[before]
        self.counts, self.stamps = self.counts[before], self.stamps[before]
        if self.weighted is not None and self.weights is not None:
            self.weights, self.weighted = self.weights[before], self.weighted[before]

    def _more_lines(self) -> None:
        """Room for twice as many lines."""
        had = len(self.counts)
        self._free = list(range(2 * had - 1, had - 1, -1))
        self.values = np.concatenate((self.values, np.full_like(self.values, math.nan)))
        self.present = np.concatenate((self.present, np.zeros_like(self.present)))
        if self.weighted is not None and self.weights is not None:
            self.weights = np.concatenate((self.weights, np.full_like(self.weights, math.nan)))
            self.weighted = np.concatenate((self.weighted, np.zeros_like(self.weighted)))
        self.counts = np.concatenate((self.counts, np.zeros_like(self.counts)))
        self.stamps = np.concatenate((self.stamps, np.zeros_like(self.stamps)))
