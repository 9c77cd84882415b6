"""The device's own slice: what was written to it since the last look, and its moving to another name."""

from __future__ import annotations

from collections.abc import Iterable
from typing import cast

from sporewright.core import codec
from sporewright.core.store import Layers
from sporewright.core.tensor import Tensor
from sporewright.device.device_records import Coord
from sporewright.learning.cells import LOCAL
from sporewright.wire import CellEntry

__all__ = ["DeviceSlice"]


class DeviceSlice:
    """The cells of `device` at `level` and of `device/…` at finer levels (W2); every write to them is noted once."""

    def __init__(self, tensor: Tensor, level: str, device: str) -> None:
        self.level, self.device = level, device
        self._tensor = tensor
        self._at = tensor.level_index(level)
        self._local = tensor.levels.index(LOCAL) if LOCAL in tensor.levels else -1
        self._touched: dict[Coord, None] = {}
        tensor.listen(self._written, (each for each in tensor.levels[self._at :] if each != LOCAL))

    def owns(self, level: int, instance: str) -> bool:
        """True if a cell there belongs to this device."""
        if level == self._at:
            return instance == self.device
        return level > self._at and level != self._local and instance.startswith(self.device + "/")

    def touched(self) -> list[Coord]:
        """The cells written since the last call, in the order of the first writes."""
        found, self._touched = list(self._touched), {}
        return found

    def layers(self, coord: Coord) -> Layers:
        """The cell as it is now; (None, None) once it is removed."""
        level, instance, option, dimension = coord
        return self._tensor.store.get(self._tensor.level_index(level), instance, option, dimension)

    def entry(self, coord: Coord) -> CellEntry:
        """The whole cell for the wire; a removed one is a tombstone."""
        return cast(CellEntry, codec.encode_cell(*coord, *self.layers(coord)))

    def coords(self) -> list[Coord]:
        """Every own cell, sorted."""
        return [
            (cell.level, cell.instance, cell.option, cell.dimension)
            for cell in self._tensor.cells()
            if self.owns(self._tensor.level_index(cell.level), cell.instance)
        ]

    def restore(self, cells: Iterable[tuple[Coord, Layers]], before: str) -> list[Coord]:
        """Put back what storage held, renamed if the device had the name `before`; foreign cells are passed over."""
        noted, coords = dict(self._touched), []
        for (level, instance, option, dimension), layers in cells:
            coord = (level, self._renamed(instance, before), option, dimension)
            if level not in self._tensor.levels or not self.owns(self._tensor.level_index(level), coord[1]):
                continue
            self._tensor.put(self._tensor.level_index(level), *coord[1:], *layers)
            coords.append(coord)
        self._touched = noted
        return coords

    def move(self, device: str) -> tuple[list[Coord], list[Coord]]:
        """The device is called otherwise: its cells go along; the old coordinates and the new ones."""
        before, old = self.device, self.coords()
        cells = [(coord, self.layers(coord)) for coord in old]
        for level, instance, option, dimension in old:
            self._tensor.remove(self._tensor.level_index(level), instance, option, dimension)
        self._touched = {}
        self.device = device
        return old, self.restore(cells, before)

    def _renamed(self, instance: str, before: str) -> str:
        if instance == before:
            return self.device
        return self.device + instance[len(before) :] if instance.startswith(before + "/") else instance

    def _written(self, level: int, instance: str, option: str, dimension: str) -> None:
        if self.owns(level, instance):
            self._touched[self._tensor.levels[level], instance, option, dimension] = None
