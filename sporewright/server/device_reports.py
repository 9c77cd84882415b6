"""The devices' reports in memory: a tensor a workspace, so that a tick reads columns, a push one device's cells."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from sporewright.core.tensor import Tensor
from sporewright.server.cells import Coordinate, Layers

__all__ = ["DeviceReports", "Extent"]


@dataclass
class Extent:
    """The extent of a workspace's reports: its cells, and how many of them each option and each pair has."""

    cells: int = 0
    options: Counter[str] = field(default_factory=Counter)
    pairs: Counter[tuple[str, str]] = field(default_factory=Counter)

    def add(self, option: str, dimension: str, cells: int) -> None:
        """Count a cell more, or one less."""
        self.cells += cells
        _count(self.options, option, cells)
        _count(self.pairs, (option, dimension), cells)


def _count(counter: Counter[Any], name: object, more: int) -> None:
    counter[name] += more
    if not counter[name]:
        del counter[name]


class DeviceReports:
    """The cells of every workspace's devices; tenants never mix (U7)."""

    def __init__(self, levels: Sequence[str]) -> None:
        self._levels = tuple(levels)
        self._tensors: dict[str, Tensor] = {}
        self._counts: dict[str, Counter[str]] = {}
        self._touched: dict[str, set[str]] = {}
        self._extents: dict[str, Extent] = {}

    @property
    def workspaces(self) -> Iterable[str]:
        """Workspaces whose devices have said something since the start."""
        return self._tensors.keys()

    def tensor(self, workspace: str) -> Tensor:
        """The workspace's own tensor; devices' cells, and whatever the tick derives from them at coarser levels."""
        if workspace not in self._tensors:
            self._tensors[workspace] = Tensor(self._levels)
            self._counts[workspace] = Counter()
        return self._tensors[workspace]

    def state(self, workspace: str, cells: Iterable[tuple[Coordinate, Layers]]) -> None:
        """State cells whole; empty layers remove one."""
        slices: dict[tuple[str, str], dict[tuple[str, str], Layers]] = {}
        for (level, instance, option, dimension), layers in cells:
            slices.setdefault((level, instance), {})[option, dimension] = layers
        tensor = self.tensor(workspace)
        counts, touched = self._counts[workspace], self._touched.setdefault(workspace, set())
        extent = self._extents.setdefault(workspace, Extent())
        for (level, instance), row in slices.items():
            index, grown = tensor.level_index(level), 0
            for pair, layers in row.items():
                more = (layers != Layers()) - (tensor.store.get(index, instance, *pair) != (None, None))
                if more:
                    extent.add(*pair, more)
                    grown += more
            tensor.put_many(index, instance, row)
            # Its device, at any level: '/' parts a device from its finer instances (W2).
            counts[instance.partition("/")[0]] += grown
            touched.add(instance)

    def touched(self, workspace: str) -> Collection[str]:
        """The instances that said something since this was last asked."""
        return self._touched.pop(workspace, ())

    def holds(self, workspace: str, at: Coordinate) -> bool:
        """True if there is such a cell."""
        tensor = self._tensors.get(workspace)
        return tensor is not None and tensor.store.get(tensor.level_index(at[0]), *at[1:]) != (None, None)

    def extent(self, workspace: str) -> Extent:
        """The extent of what the workspace's devices say."""
        return self._extents.get(workspace) or Extent()

    def count(self, workspace: str, device: str) -> int:
        """The number of cells that the device keeps here, those of its finer instances included."""
        return self._counts[workspace][device] if workspace in self._counts else 0
