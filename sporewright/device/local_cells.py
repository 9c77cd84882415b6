"""Cells at level `local`, which only this device reads, laid at each instance that is in use."""

from __future__ import annotations

from sporewright.core.store import Cells
from sporewright.core.tensor import Tensor
from sporewright.learning.cells import LOCAL

__all__ = ["LocalCells"]


class LocalCells:
    """Never saved and never sent. One owner lays all the cells of its dimensions at once."""

    def __init__(self, tensor: Tensor) -> None:
        self._tensor, self._at = tensor, tensor.level_index(LOCAL)
        self._read: set[str] = set()
        self._laid: Cells = {}

    def is_read(self, instance: str) -> bool:
        """True if an order at this instance has been read."""
        return instance in self._read

    def look(self, instance: str) -> None:
        """An order at this instance is about to be read."""
        self._read.add(instance)
        for coord in sorted(self._laid):
            self._put(instance, coord)

    def lay(self, wanted: Cells) -> None:
        """These hold now, and nothing else."""
        before, self._laid = self._laid, wanted
        for coord in sorted(before.keys() - wanted.keys()):
            for instance in self._read:
                self._tensor.remove(self._at, instance, *coord)
        for coord in sorted(coord for coord, layers in wanted.items() if before.get(coord) != layers):
            for instance in self._read:
                self._put(instance, coord)

    def _put(self, instance: str, coord: tuple[str, str]) -> None:
        if self._tensor.store.get(self._at, instance, *coord) != self._laid[coord]:
            self._tensor.put(self._at, instance, *coord, *self._laid[coord])
