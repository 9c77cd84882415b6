"""Gates and set-asides of this device, as cells that only it reads, so that `explain` names the reason."""

from __future__ import annotations

import math

from sporewright.core.store import Layers
from sporewright.core.tensor import Tensor
from sporewright.device.local_cells import LocalCells
from sporewright.routing.health import Health

__all__ = ["ASIDE_WEIGHT", "LocalGates"]

ASIDE_WEIGHT = 1e6
"""The cost of being set aside: above every other cost, so that such an option comes last, and is still there."""
GATE: Layers = (math.inf, None)
ASIDE: Layers = (1.0, ASIDE_WEIGHT)


class LocalGates:
    """Lays `reach:<reason>` = +∞, or `aside:<reason>` = 1 at `ASIDE_WEIGHT`, at each instance of level `local` in use.

    Taken away when its time is over. Never saved and never sent: it concerns this device alone.
    """

    def __init__(self, tensor: Tensor, health: Health) -> None:
        self._cells, self._health = LocalCells(tensor), health
        self.due = math.inf
        """The time at which the next of them is over."""

    def look(self, now: float, instance: str) -> None:
        """An order at this instance is about to be read."""
        self._cells.look(instance)
        self.refresh(now)

    def refresh(self, now: float) -> None:
        """Lay what holds now, and nothing else."""
        blocks, asides = self._health.blocks, self._health.asides
        gates = {(option, f"reach:{data['reason']}"): GATE for option, data in blocks.active(now).items()}
        held = {(option, f"aside:{data['reason']}"): ASIDE for option, data in asides.active(now).items()}
        self.due = min(blocks.due(now), asides.due(now))
        self._cells.lay(gates | held)
