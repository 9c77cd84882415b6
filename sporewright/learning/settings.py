"""The settings of a learner: each dimension's scale, prior and memory, and how curious it may be."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, Literal

from sporewright.errors import ConfigError, DecodeError
from sporewright.jsontext import listed, shown
from sporewright.policy.gates import is_reserved

__all__ = ["DEFAULTS", "DimensionSettings", "LearningSettings", "settings_from"]

Scale = Literal["log", "unit"]

DAY_S = 86_400.0
# Curiosity, attestations, prices, and what stands beside a value (D4, cells.py); ":" ends a prefix.
_TAKEN = ("explore", "can:", "price:", "count:", "support:", "own:")


@dataclass(frozen=True, slots=True)
class DimensionSettings:
    """The way a dimension is learned; spreads and noise in units of its scale (log: factors of e; unit: as is)."""

    scale: Scale
    prior: float
    """The value of an option of which nothing is known, in the cell's units."""
    spread: float
    """Standard deviation of such an option around the prior."""
    declared_spread: float
    """The same around a value that an operator declared."""
    device_spread: float
    """Standard deviation of a device from its fleet, and of a task kind from its device's others."""
    noise: float
    """Standard deviation of one measurement, until enough are in to estimate it."""
    half_life_s: float
    """Evidence counts half after this long."""
    drift: float
    """Standard deviation of what an option may do unseen, reached within a few half-lives."""
    suspicion_s: float
    """A change seen for the first time is believed for about this long before it is worth another look."""
    patience: float
    """A change that has held for a while is believed for about this share of that while longer."""
    memory: float = 1e6
    """So many measurements' worth of evidence is kept at most: what was measured before counts ever less."""
    curiosity: float = 1.0
    """Standard deviations of this dimension that one of the temperature's counts: more, where a look costs little
    beside what is to be had from it for long."""
    rated: bool = False
    """Learned as ratings (ratings.py): kinds of work are pooled as far as the ratings say, ratings age by further
    ones, and curiosity draws from the belief."""

    def __post_init__(self) -> None:
        if self.scale not in ("log", "unit"):
            raise ConfigError(f"learning: the scale {shown(self.scale)} is neither 'log' nor 'unit'")
        if not isinstance(self.rated, bool):
            raise ConfigError(f"learning.rated: {shown(self.rated)} is neither true nor false")
        for each in fields(self)[1:-1]:
            value = getattr(self, each.name)
            least = 0.0 if each.name in ("drift", "prior", "patience", "curiosity") else 1e-9
            if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value < 1e9:
                raise ConfigError(f"learning.{each.name}: {shown(value)} is not a number in [{least:g}, 1e9)")


_LATENCY = DimensionSettings(
    scale="log",
    prior=1.0,
    spread=2.0,
    declared_spread=0.5,
    device_spread=0.3,
    noise=0.2,
    half_life_s=7 * DAY_S,
    drift=0.25,
    suspicion_s=60.0,
    patience=1.0,
    memory=100.0,
)
_DIMENSIONS: dict[str, DimensionSettings] = {
    "latency": _LATENCY,
    "ttft": _LATENCY,
    "failure": DimensionSettings(
        scale="unit",
        prior=0.05,
        spread=0.2,
        declared_spread=0.1,
        device_spread=0.05,
        noise=0.2,
        half_life_s=7 * DAY_S,
        drift=0.02,
        suspicion_s=10.0,
        patience=0.1,
        memory=50.0,
    ),
    "financial": replace(_LATENCY, prior=0.001, noise=0.5, half_life_s=7 * DAY_S, drift=0.1, suspicion_s=3600.0),
    "quality": DimensionSettings(
        scale="unit",
        prior=0.3,
        spread=0.3,
        declared_spread=0.2,
        device_spread=0.2,
        noise=0.3,
        half_life_s=3 * DAY_S,
        drift=0.05,
        suspicion_s=3600.0,
        patience=1.0,
        curiosity=1.33,
        rated=True,
    ),
}


@dataclass(frozen=True, slots=True)
class LearningSettings:
    """The whole of it; ConfigError names what cannot work."""

    dimensions: Mapping[str, DimensionSettings] = field(default_factory=lambda: dict(_DIMENSIONS))
    temperature: float = 0.3
    """The strength of curiosity: standard deviations taken off an option's score; 0 is pure exploitation (L6, L10)."""
    explore_calls: float = 120.0
    """The number of calls in a window that may go first to another option than the best known."""
    explore_usd: float = math.inf
    """The extra cost of such calls over the best known option that a window allows."""
    window_s: float = 3600.0
    thompson: bool = False
    """Draw the score from the belief instead of taking standard deviations off it."""
    seed: int = 0
    """The seed of those draws, beside the names of device and option, the time, and the number of draws so far."""
    support: int = 5
    """The number of holders that must stand behind a value of the fleet's before it counts."""
    surprise: float = 6.0
    """Sum of standardized residuals, beyond `slack` each, that is a change and not noise (CUSUM)."""
    slack: float = 0.5
    clip: float = 4.0
    """One measurement's part in that sum at most: an outlier alone is no change."""
    pending_s: float = 120.0
    """An attempt that began and never ended is forgotten after this long."""
    options: int = 1000
    """Most options remembered; the one heard of longest ago goes first."""
    tasks: int = 32
    """Most task kinds remembered for an option."""

    def __post_init__(self) -> None:
        limits = ("temperature", "explore_calls", "explore_usd", "slack", "window_s", "surprise", "clip", "pending_s")
        for name in (*limits, "support", "options", "tasks"):
            value = getattr(self, name)
            least = 0.0 if name in limits[:4] else 1e-9
            if isinstance(value, bool) or not isinstance(value, int | float) or not value >= least:
                raise ConfigError(f"learning.{name}: {shown(value)} is not a number of at least {least:g}")
        if not math.isfinite(self.temperature):
            raise ConfigError(f"learning.temperature: {shown(self.temperature)} is not finite")
        if not isinstance(self.thompson, bool):
            raise ConfigError(f"learning.thompson: {shown(self.thompson)} is neither true nor false")
        if isinstance(self.seed, bool) or not isinstance(self.seed, int):
            raise ConfigError(f"learning.seed: {shown(self.seed)} is not a whole number")


DEFAULTS = LearningSettings()


def settings_from(data: object) -> LearningSettings:
    """Settings from the `learning` part of a config, over the defaults; DecodeError names an unknown key or bad value.

    `{"temperature": 0, "dimensions": {"latency": {"half_life_s": 600}}}`; a dimension that has no default is a new one
    and takes latency's, or failure's where its `scale` is `unit`.
    """
    if data is None:
        return DEFAULTS
    given = dict(_object(data, "config.learning", {each.name for each in fields(LearningSettings)}))
    dimensions = dict(_DIMENSIONS)
    if not isinstance(given.get("dimensions", {}), Mapping):
        raise DecodeError(f"config.learning.dimensions: {shown(given['dimensions'])} is not an object")
    names = {each.name for each in fields(DimensionSettings)}
    try:
        for name, changes in given.pop("dimensions", {}).items():
            place = f"config.learning.dimensions[{shown(name)}]"
            if not _is_learnable(name):
                raise DecodeError(f"{place}: that name has a meaning of its own (D4)")
            change = _object(changes, place, names)
            unit = change.get("scale") == "unit"
            base = dimensions.get(name, _DIMENSIONS["failure" if unit else "latency"])
            dimensions[name] = replace(base, **change)
        return LearningSettings(dimensions=dimensions, **given)
    except ConfigError as why:
        raise DecodeError(f"config.learning: {why}") from None


def _is_learnable(name: str) -> bool:
    taken = any(name.startswith(each) if each.endswith(":") else name == each for each in _TAKEN)
    return bool(name) and not taken and not is_reserved(name)


def _object(data: object, place: str, known: set[str]) -> dict[str, Any]:
    if not isinstance(data, Mapping):
        raise DecodeError(f"{place}: {shown(data)} is not an object")
    for key in data:
        if key not in known:
            raise DecodeError(f"{place}: {shown(key)} is none of {listed(sorted(known))}")
    return dict(data)
