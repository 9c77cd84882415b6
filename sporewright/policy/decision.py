"""Decisions of a field: alternatives with the trace of every dimension (L6, L9)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sporewright.core.codec import encode_number
from sporewright.errors import ConfigError
from sporewright.jsontext import shown

__all__ = ["Alternative", "Decision", "DimensionTrace", "NodeTrace"]


@dataclass(frozen=True, slots=True)
class NodeTrace:
    """One place's part: the mean and variance of the sum down to it, what it adds to the mean, and its own data."""

    depth: int
    mean: float
    variance: float
    residual: float
    prior: float | None
    observations: int

    def to_dict(self) -> dict[str, Any]:
        """The place as JSON data; depth 0 is the root."""
        return {
            "depth": self.depth,
            "mean": encode_number(self.mean),
            "variance": encode_number(self.variance),
            "residual": encode_number(self.residual),
            "prior": self.prior,
            "observations": self.observations,
        }


@dataclass(frozen=True, slots=True)
class DimensionTrace:
    """One dimension's belief at the address, its weight along the path, and `product` = mean · weight."""

    dimension: str
    mean: float
    variance: float
    weight: float
    product: float
    nodes: tuple[NodeTrace, ...]

    def to_dict(self) -> dict[str, Any]:
        """The dimension as JSON data."""
        return {
            "dimension": self.dimension,
            "mean": encode_number(self.mean),
            "variance": encode_number(self.variance),
            "weight": encode_number(self.weight),
            "product": encode_number(self.product),
            "nodes": [node.to_dict() for node in self.nodes],
        }


@dataclass(frozen=True, slots=True)
class Alternative:
    """An option at the address; `score` = `expected` − temperature · √`variance`, lower is better (L6).

    `gate` is the (dimension, depth) of the first closed gate, and None where the option is viable.
    """

    option: str
    score: float
    expected: float
    variance: float
    dimensions: tuple[DimensionTrace, ...]
    gate: tuple[str, int] | None = None

    @property
    def viable(self) -> bool:
        """True if no gate is closed anywhere on the path (L5)."""
        return self.gate is None

    def trace(self, dimension: str) -> DimensionTrace:
        """The trace of one dimension; ConfigError names one the option does not have."""
        for each in self.dimensions:
            if each.dimension == dimension:
                return each
        raise ConfigError(f"trace: {self.option!r} has no dimension {shown(dimension)}")

    def to_dict(self) -> dict[str, Any]:
        """The alternative as JSON data."""
        return {
            "option": self.option,
            "viable": self.viable,
            "score": encode_number(self.score),
            "expected": encode_number(self.expected),
            "variance": encode_number(self.variance),
            "gate": None if self.gate is None else list(self.gate),
            "dimensions": [each.to_dict() for each in self.dimensions],
        }


@dataclass(frozen=True, slots=True)
class Decision:
    """Alternatives by ascending score, the gated ones after them; `visited` counts the cells looked at (L7)."""

    address: Mapping[str, str]
    temperature: float
    alternatives: tuple[Alternative, ...]
    visited: int

    @property
    def order(self) -> list[str]:
        """The queue: viable options, best first."""
        return [each.option for each in self.alternatives if each.viable]

    def alternative(self, option: str) -> Alternative:
        """One alternative, gated or not; ConfigError names an option that is none here."""
        for each in self.alternatives:
            if each.option == option:
                return each
        raise ConfigError(f"alternative: {shown(option)} is not an option of this decision")

    def to_dict(self) -> dict[str, Any]:
        """The decision as JSON data."""
        return {
            "address": dict(self.address),
            "temperature": self.temperature,
            "alternatives": [each.to_dict() for each in self.alternatives],
        }
