"""Prices of pools as cells that only this device reads: `budget:<pool>`, the expected draw and its price (D2, P7)."""

from __future__ import annotations

from collections.abc import Mapping

from sporewright.core.store import Cells
from sporewright.core.tensor import Tensor
from sporewright.device.local_cells import LocalCells
from sporewright.policy.budget import dimension_of

__all__ = ["LocalPrices"]


class LocalPrices:
    """Lays each option's expected draw as a value, and the pool's price as the shared weight, at level `local`.

    A draw is what this device expects; the ledger of its pools keeps the price.
    """

    def __init__(self, tensor: Tensor) -> None:
        self._cells = LocalCells(tensor)

    def look(self, instance: str) -> None:
        """An order at this instance is about to be read."""
        if not self._cells.is_read(instance):
            self._cells.look(instance)

    def lay(self, prices: Mapping[str, float], draws: Mapping[str, Mapping[str, float]]) -> None:
        """These are the prices and the draws now; a pool that is not named has none any more."""
        weights: Cells = {("", dimension_of(pool)): (None, price) for pool, price in prices.items()}
        values: Cells = {
            (option, dimension_of(pool)): (draw, None)
            for option, each in draws.items()
            for pool, draw in each.items()
            if pool in prices
        }
        self._cells.lay({**weights, **values})
