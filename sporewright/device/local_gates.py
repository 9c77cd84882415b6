"""Gates and set-asides of this device, as cells that only it reads, so that `explain` names the reason."""

from __future__ import annotations

import math

from sporewright.core.tensor import Tensor
from sporewright.learning.cells import LOCAL
from sporewright.routing.health import Health

__all__ = ["ASIDE_WEIGHT", "LocalGates"]

ASIDE_WEIGHT = 1e6
"""The cost of being set aside: above every other cost, so that such an option comes last, and is still there."""


class LocalGates:
    """Lays `reach:<reason>` = +∞, or `aside:<reason>` = 1 at `ASIDE_WEIGHT`, at each instance of level `local` in use.

    Taken away when its time is over. Never saved and never sent: it concerns this device alone.
    """

    def __init__(self, tensor: Tensor, health: Health) -> None:
        self._tensor, self._health = tensor, health
        self._at = tensor.level_index(LOCAL)
        self._read: set[str] = set()
        self._laid: set[tuple[str, str]] = set()
        self.due = math.inf
        """The time at which the next of them is over."""

    def look(self, now: float, instance: str) -> None:
        """An order at this instance is about to be read."""
        self._read.add(instance)
        for option, dimension in sorted(self._laid):
            self._put(instance, option, dimension)
        self.refresh(now)

    def refresh(self, now: float) -> None:
        """Lay what holds now, and nothing else."""
        blocks, asides = self._health.blocks, self._health.asides
        wanted = {(option, f"reach:{data['reason']}") for option, data in blocks.active(now).items()}
        wanted |= {(option, f"aside:{data['reason']}") for option, data in asides.active(now).items()}
        self.due = min(blocks.due(now), asides.due(now))
        if wanted == self._laid:
            return
        for option, dimension in sorted(self._laid - wanted):
            for instance in self._read:
                self._tensor.remove(self._at, instance, option, dimension)
        for option, dimension in sorted(wanted - self._laid):
            for instance in self._read:
                self._put(instance, option, dimension)
        self._laid = wanted

    def _put(self, instance: str, option: str, dimension: str) -> None:
        if self._tensor.store.get(self._at, instance, option, dimension)[0] is not None:
            return
        if dimension.startswith("aside:"):
            self._tensor.put(self._at, instance, option, dimension, 1.0, ASIDE_WEIGHT)
        else:
            self._tensor.put(self._at, instance, option, dimension, math.inf, None)
