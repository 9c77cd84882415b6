"""Prices of pools as cells that only this device reads: `budget:<pool>`, the expected draw and its price (D2, P7)."""

from __future__ import annotations

from collections.abc import Mapping

from sporewright.core.tensor import Tensor
from sporewright.learning.cells import LOCAL
from sporewright.policy.budget import dimension_of

__all__ = ["LocalPrices"]


class LocalPrices:
    """Lays each option's expected draw as a value, and the pool's price as the shared weight, at level `local`.

    Never saved and never sent: a draw is what this device expects, and the ledger of its pools keeps the price.
    """

    def __init__(self, tensor: Tensor) -> None:
        self._tensor, self._at = tensor, tensor.level_index(LOCAL)
        self._read: set[str] = set()
        self._laid: dict[tuple[str, str], tuple[float | None, float | None]] = {}
        """(option, dimension) → value and weight; the option "" carries the shared weight."""

    def look(self, instance: str) -> None:
        """An order at this instance is about to be read."""
        if instance not in self._read:
            self._read.add(instance)
            for coord in self._laid:
                self._put(instance, coord)

    def lay(self, prices: Mapping[str, float], draws: Mapping[str, Mapping[str, float]]) -> None:
        """These are the prices and the draws now; a pool that is not named has none any more."""
        wanted: dict[tuple[str, str], tuple[float | None, float | None]] = {
            ("", dimension_of(pool)): (None, price) for pool, price in prices.items()
        }
        wanted |= {
            (option, dimension_of(pool)): (draw, None)
            for option, each in draws.items()
            for pool, draw in each.items()
            if pool in prices
        }
        for option, dimension in self._laid.keys() - wanted.keys():
            for instance in self._read:
                self._tensor.remove(self._at, instance, option, dimension)
        before, self._laid = self._laid, wanted
        for coord in sorted(coord for coord, layers in wanted.items() if before.get(coord) != layers):
            for instance in self._read:
                self._put(instance, coord)

    def _put(self, instance: str, coord: tuple[str, str]) -> None:
        self._tensor.put(self._at, instance, *coord, *self._laid[coord])
