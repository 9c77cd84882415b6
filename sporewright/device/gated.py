"""Gates of what this device may not reach now, as cells that only this device reads: `explain` names the reason."""

from __future__ import annotations

import math

from sporewright.core.tensor import Tensor
from sporewright.learning.cells import LOCAL
from sporewright.routing.blocks import Blocks

__all__ = ["Gated"]


class Gated:
    """Lays `reach:<reason>` = +∞ wherever somebody reads at level `local`, and takes it away when the gate is over.

    Never saved and never sent: what one page may not reach is nothing that others should hear of.
    """

    def __init__(self, tensor: Tensor, blocks: Blocks) -> None:
        self._tensor, self._blocks = tensor, blocks
        self._at = tensor.level_index(LOCAL)
        self._read: set[str] = set()
        self._laid: dict[str, str] = {}
        self.due = math.inf
        """When the next gate is over."""

    def look(self, now: float, instance: str) -> None:
        """Somebody reads at this instance."""
        self._read.add(instance)
        for option, reason in self._laid.items():
            self._put(instance, option, reason)
        self.refresh(now)

    def refresh(self, now: float) -> None:
        """Lay what is gated now, and nothing else."""
        gates = {option: f"reach:{data['reason']}" for option, data in self._blocks.active(now).items()}
        self.due = self._blocks.due(now)
        if gates == self._laid:
            return
        for option, dimension in self._laid.items():
            if gates.get(option) != dimension:
                for instance in self._read:
                    self._tensor.remove(self._at, instance, option, dimension)
        for option, dimension in gates.items():
            for instance in self._read:
                self._put(instance, option, dimension)
        self._laid = gates

    def _put(self, instance: str, option: str, dimension: str) -> None:
        if self._tensor.store.get(self._at, instance, option, dimension)[0] is None:
            self._tensor.put(self._at, instance, option, dimension, math.inf, None)
