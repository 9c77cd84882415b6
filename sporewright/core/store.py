"""Stores of cells: one contract, and the small store of nested dicts.

A home is addressed by `(level index, instance, option, dimension)` and keeps two optional layers per coordinate (T1).
It knows nothing of cursors, writers or rules; the tensor is its only caller.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Protocol

__all__ = ["NOTHING", "NO_ROW", "NO_SLICE", "Cells", "DictStore", "Layers", "Slice", "Store", "Value"]

Value = float | bytes
Layers = tuple[Value | None, float | None]
"""(value, weight); a layer that is unset is None, and a cell with neither does not exist."""

Slice = Mapping[str, Mapping[str, Layers]]
"""option → dimension → layers, of one instance."""

Cells = Mapping[tuple[str, str], Layers]
"""(option, dimension) → layers, of one instance, to be written together."""

NOTHING: Layers = (None, None)
NO_ROW: dict[str, Layers] = {}
NO_SLICE: dict[str, dict[str, Layers]] = {}


class Store(Protocol):
    """The contract of every store of cells (docs/reference/cells.md)."""

    def get(self, level: int, instance: str, option: str, dimension: str) -> Layers:
        """The layers at the coordinate; (None, None) where there is no cell."""
        ...

    def put(self, level: int, instance: str, option: str, dimension: str, layers: Layers) -> None:
        """State the whole cell; two unset layers remove it."""
        ...

    def merge(
        self, level: int, instance: str, option: str, dimension: str, value: Value | None, weight: float | None
    ) -> None:
        """Set the layers given, leave the others (T5)."""
        ...

    def remove(self, level: int, instance: str, option: str, dimension: str) -> bool:
        """Forget the cell; False if there was none."""
        ...

    def clear(self, level: int, instance: str) -> int:
        """Forget one instance of a level; how many cells it had."""
        ...

    def put_many(self, level: int, instance: str, cells: Cells, *, merge: bool = False) -> None:
        """State these cells of one instance whole; with `merge` a layer given as None stays as it was (T5)."""
        ...

    def slice(self, level: int, instance: str) -> Slice:
        """The cells of one instance, as a view that must not be written to."""
        ...

    def instances(self, level: int) -> Iterable[str]:
        """The instances that have a cell at the level."""
        ...

    def pairs(self, level: int) -> set[tuple[str, str]]:
        """Every (option, dimension) seen at the level, the shared slot left out."""
        ...

    def column(self, level: int, option: str, dimension: str) -> Iterator[tuple[str, Value]]:
        """(instance, value) over the instances of a level that have a value there."""
        ...

    def __len__(self) -> int: ...


class DictStore:
    """Nested dicts: level → instance → option → dimension → layers, dimensions in code-point order.

    Right for small and sparse tensors.
    """

    def __init__(self, levels: int) -> None:
        self._levels: list[dict[str, dict[str, dict[str, Layers]]]] = [{} for _ in range(levels)]
        self._sizes = [0] * levels
        self.plain = [True] * levels
        """True if every option's cell ever put at the level was a scalar without a weight."""
        self.forms: dict[tuple[int, str], Any] = {}
        """(level, instance) → what was made of a slice to read it faster; dropped when a cell of it is written."""

    def __len__(self) -> int:
        return sum(self._sizes)

    def get(self, level: int, instance: str, option: str, dimension: str) -> Layers:
        """The layers at the coordinate; (None, None) where there is no cell."""
        return self._levels[level].get(instance, NO_SLICE).get(option, NO_ROW).get(dimension, NOTHING)

    def put(self, level: int, instance: str, option: str, dimension: str, layers: Layers) -> None:
        """State the whole cell; two unset layers remove it."""
        if layers == NOTHING:
            self.remove(level, instance, option, dimension)
            return
        if self.forms:
            self.forms.pop((level, instance), None)
        if option and (layers[1] is not None or not isinstance(layers[0], float)):
            self.plain[level] = False
        row = self._levels[level].setdefault(instance, {}).setdefault(option, {})
        if dimension not in row:
            self._sizes[level] += 1
            if row and dimension < next(reversed(row)):
                self._insert(row, dimension)
        row[dimension] = layers

    @staticmethod
    def _insert(row: dict[str, Layers], dimension: str) -> None:
        """Room for a dimension at its place in the order."""
        later = [(name, row.pop(name)) for name in [name for name in row if name > dimension]]
        row[dimension] = NOTHING
        row.update(later)

    def put_many(self, level: int, instance: str, cells: Cells, *, merge: bool = False) -> None:
        """State these cells of one instance whole; with `merge` a layer given as None stays as it was (T5)."""
        for (option, dimension), (value, weight) in cells.items():
            if merge and (value is None or weight is None):
                old = self.get(level, instance, option, dimension)
                value, weight = old[0] if value is None else value, old[1] if weight is None else weight
            self.put(level, instance, option, dimension, (value, weight))

    def merge(
        self, level: int, instance: str, option: str, dimension: str, value: Value | None, weight: float | None
    ) -> None:
        """Set the layers given, leave the others (T5)."""
        row = self._levels[level].get(instance, NO_SLICE).get(option)
        layers = None if row is None else row.get(dimension)
        if row is None or layers is None:
            self.put(level, instance, option, dimension, (value, weight))
        else:
            if self.forms:
                self.forms.pop((level, instance), None)
            if option and (weight is not None or not (value is None or isinstance(value, float))):
                self.plain[level] = False
            row[dimension] = (layers[0] if value is None else value, layers[1] if weight is None else weight)

    def remove(self, level: int, instance: str, option: str, dimension: str) -> bool:
        """Forget the cell, and the folders it leaves empty; False if there was none."""
        options = self._levels[level].get(instance, {})
        row = options.get(option, {})
        if row.pop(dimension, None) is None:
            return False
        self._sizes[level] -= 1
        self.forms.pop((level, instance), None)
        if not row:
            del options[option]
        if not options:
            del self._levels[level][instance]
        return True

    def clear(self, level: int, instance: str) -> int:
        """Forget one instance of a level; how many cells it had."""
        gone = sum(len(row) for row in self._levels[level].pop(instance, {}).values())
        self._sizes[level] -= gone
        self.forms.pop((level, instance), None)
        return gone

    def slice(self, level: int, instance: str) -> Slice:
        """The cells of one instance, as a view that must not be written to."""
        return self._levels[level].get(instance, NO_SLICE)

    def instances(self, level: int) -> Iterable[str]:
        """The instances that have a cell at the level."""
        return self._levels[level].keys()

    def pairs(self, level: int) -> set[tuple[str, str]]:
        """Every (option, dimension) seen at the level, the shared slot left out."""
        return {
            (option, dimension)
            for options in self._levels[level].values()
            for option, row in options.items()
            if option
            for dimension in row
        }

    def column(self, level: int, option: str, dimension: str) -> Iterator[tuple[str, Value]]:
        """(instance, value) over the instances of a level that have a value there."""
        for instance, options in self._levels[level].items():
            value = options.get(option, {}).get(dimension, NOTHING)[0]
            if value is not None:
                yield instance, value
