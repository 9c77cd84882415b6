"""The public `Budget`: prices moved by hand (B1–B5, D2). Pools of a config have ledgers of their own (room `pools`)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from sporewright.core.checks import instance_of, mapping, name, number
from sporewright.core.tensor import Tensor
from sporewright.core.writer import Writer
from sporewright.errors import ConfigError

__all__ = ["MAX_PRICE", "MIN_STEP", "Budget", "dimension_of"]

MAX_PRICE = 1e300
"""The ceiling of a price: finite, so that a saturated pool sinks an option without gating it (B4)."""

MIN_STEP = 1e-6
"""The least step; below it a price would never come back (B4)."""


def dimension_of(pool: str) -> str:
    """The dimension a pool's draws and its price live on (D2)."""
    return f"budget:{name(pool, 'pool')}"


@dataclass(slots=True)
class _Pool:
    cap: float
    price: float = 0.0


class Budget:
    """Pools with a cap and a price, and which option draws from which pool.

    `step` is α of B4, constant; one that is not finite or below 1e-6 counts as 1e-6.
    """

    def __init__(self, step: float = 0.1) -> None:
        wanted = number(step, "step")
        self._step = max(MIN_STEP, wanted) if math.isfinite(wanted) else MIN_STEP
        self._pools: dict[str, _Pool] = {}
        self._pool_of: dict[str, str] = {}

    def __repr__(self) -> str:
        pools = [f"{pool!r} cap {found.cap:g} price {found.price:g}" for pool, found in sorted(self._pools.items())]
        return f"<Budget {', '.join(pools) or 'without pools'}>"

    def add_pool(self, pool: str, cap: float) -> None:
        """Declare a pool, or change its cap and keep its price; a negative or non-finite cap counts as 0 (B1)."""
        asked = number(cap, "cap")
        usable = asked if math.isfinite(asked) and asked >= 0 else 0.0
        self._pools.setdefault(name(pool, "pool"), _Pool(usable)).cap = usable

    def map_option(self, option: str, pool: str) -> None:
        """Say which pool the option draws from; ConfigError for a pool that was not added (B1)."""
        name(option, "option")
        if name(pool, "pool") not in self._pools:
            raise ConfigError(f"map_option({option!r}, {pool!r}): there is no such pool")
        self._pool_of[option] = pool

    def price(self, pool: str) -> float:
        """λ of the pool; 0.0 for a pool that was not added."""
        found = self._pools.get(name(pool, "pool"))
        return found.price if found else 0.0

    def write_usage(self, writer: Writer, level: str, instance: str, option: str, usage: float) -> bool:
        """Write an option's draw on its pool's dimension; False and no write without a pool or a finite draw (B2)."""
        instance_of(Writer, writer, "writer")
        pool, draw = self._pool_of.get(name(option, "option")), number(usage, "usage")
        if pool is None or not math.isfinite(draw):
            return False
        writer.set_value(level, instance, option, dimension_of(pool), draw)
        return True

    def aggregate_usage(self, tensor: Tensor, from_level: str, to_level: str, to_instance: str) -> dict[str, float]:
        """The measured draw of each pool: U2 per option over the instances, then added by code-point order (B3)."""
        instance_of(Tensor, tensor, "tensor")
        measured: dict[str, float] = {}
        for option in sorted(self._pool_of):
            pool = self._pool_of[option]
            total = tensor.reduce_sum(from_level, to_level, to_instance, option, dimension_of(pool))
            if total is not None:
                measured[pool] = measured.get(pool, 0.0) + total
        return measured

    def tick(self, measured: Mapping[str, float]) -> None:
        """λ ← min(1e300, max(0, λ + α·(usage − cap))); unmeasured is idle, a non-finite measurement holds (B4)."""
        known = mapping(measured, "measured")
        usages = [(pool, number(known.get(key, 0.0), f"measured[{key!r}]")) for key, pool in self._pools.items()]
        for pool, usage in usages:
            if math.isfinite(usage):
                pool.price = min(MAX_PRICE, max(0.0, pool.price + self._step * (usage - pool.cap)))

    def publish_prices(self, writer: Writer, level: str) -> None:
        """Write each λ as the shared weight of its dimension, at the level's shared instance (B5)."""
        instance_of(Writer, writer, "writer")
        for pool in sorted(self._pools):
            writer.set_weight(level, "", dimension_of(pool), self._pools[pool].price)
