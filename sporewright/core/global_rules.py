"""Rules of what may become global: the part `global` of a config, closed by default (U7)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from sporewright.errors import ConfigError
from sporewright.jsontext import listed, shown

__all__ = ["GlobalRules", "global_rules_from", "stays_below"]

# U7, and what only backs a value or steers one device; ":" ends a prefix.
STAYS = ("reach", "explore", "priv:", "budget:", "count:", "support:", "own:")
KEYS = ("dimensions", "options")


def stays_below(dimension: str) -> bool:
    """True for a dimension that never rolls up: a gate, a price, curiosity, or what stands behind another value."""
    return any(dimension.startswith(each) if each.endswith(":") else dimension == each for each in STAYS)


@dataclass(frozen=True, slots=True)
class GlobalRules:
    """The dimensions that cross from workspace to workspace, and of which options; ConfigError for what cannot."""

    dimensions: frozenset[str] = frozenset()
    options: Literal["declared"] = "declared"
    """Of those options alone that the operator declares at the global level."""

    def __post_init__(self) -> None:
        for dimension in self.dimensions:
            _check(dimension, "global.dimensions")
        if self.options != "declared":
            raise ConfigError(f"global.options: {shown(self.options)} is not 'declared'")


def global_rules_from(data: object, place: str = "config.global") -> GlobalRules:
    """The rules from JSON data; ConfigError names the place of what is wrong.

    `{"dimensions": ["latency", "can:vision"], "options": "declared"}`; both keys may be left out.
    """
    given = _object(data, place)
    dimensions = given.get("dimensions", [])
    if not isinstance(dimensions, Sequence) or isinstance(dimensions, str):
        raise ConfigError(f"{place}.dimensions: {shown(dimensions)} is not a list of names")
    for at, dimension in enumerate(dimensions):
        _check(dimension, f"{place}.dimensions[{at}]")
    options = given.get("options", "declared")
    if options != "declared":
        raise ConfigError(f"{place}.options: {shown(options)} is not 'declared'")
    return GlobalRules(frozenset(dimensions), "declared")


def _object(data: object, place: str) -> Mapping[Any, Any]:
    if not isinstance(data, Mapping):
        raise ConfigError(f"{place}: {shown(data)} is not an object")
    for key in data:
        if key not in KEYS:
            raise ConfigError(f"{place}: {shown(key)} is none of {listed(KEYS)}")
    return data


def _check(dimension: object, place: str) -> None:
    if not isinstance(dimension, str) or not dimension:
        raise ConfigError(f"{place}: {shown(dimension)} is not the name of a dimension")
    if stays_below(dimension):
        raise ConfigError(f"{place}: {shown(dimension)} never rolls up: it stays on each device (U7)")
    if dimension.endswith("*"):
        raise ConfigError(f"{place}: {shown(dimension)} is a pattern; name each dimension by itself")
