"""The evidence that an ended attempt gives, before it changes a belief."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from sporewright.errors import BadValueKindError, ConfigError
from sporewright.jsontext import shown

__all__ = ["Evidence", "Measured"]


class Measured(NamedTuple):
    """One value of one dimension, in the cell's units; `bound`: it is at least this, the rest was not seen."""

    dimension: str
    value: float
    bound: bool = False


@dataclass(frozen=True, slots=True)
class Evidence:
    """The evidence of one attempt; a field that is None says nothing.

    `latency_s` and `ttft_s` are seconds until the whole answer and its first token; with `timed_out` they are how long
    was waited in vain, a lower bound. `failed`: whether the attempt failed. `cost_usd`: what it was charged.
    `limited`: it was refused for the rate, which says how fast the option admits calls and nothing of how good it is.
    `quality` in [0, 1], 1 is best: its deficit is learned (D1). `more` names any further dimension in its cell's units.
    """

    latency_s: float | None = None
    ttft_s: float | None = None
    timed_out: bool = False
    failed: bool | None = None
    cost_usd: float | None = None
    quality: float | None = None
    limited: bool = False
    more: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.latency_s is not None:
            self._check("latency_s", self.latency_s)
        if self.ttft_s is not None:
            self._check("ttft_s", self.ttft_s)
        if self.cost_usd is not None:
            self._check("cost_usd", self.cost_usd)
        if self.quality is not None:
            self._check("quality", self.quality)
            if self.quality > 1.0:
                raise ConfigError(f"quality: {shown(self.quality)} is above 1")
        for name, value in self.more.items():
            self._check(name, value)

    def measured(self) -> Iterator[Measured]:
        """The dimensions it speaks of."""
        if self.latency_s is not None:
            yield Measured("latency", self.latency_s, self.timed_out)
        if self.ttft_s is not None:
            yield Measured("ttft", self.ttft_s, self.timed_out and self.latency_s is None)
        if self.failed is not None:
            yield Measured("failure", float(self.failed))
        if self.cost_usd is not None:
            yield Measured("financial", self.cost_usd)
        if self.quality is not None:
            yield Measured("quality", 1.0 - self.quality)
        for name, value in self.more.items():
            yield Measured(name, value)

    @staticmethod
    def _check(name: str, value: float) -> None:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise BadValueKindError(f"{name}: {shown(value)} is not a number")
        if not (math.isfinite(value) and value >= 0):
            raise ConfigError(f"{name}: {shown(value)} is not finite or below 0")
