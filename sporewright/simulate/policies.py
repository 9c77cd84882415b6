"""The policies by name: ours, and what people use instead; a name may set parameters: `kalman:bound=1,drift=0.5`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from functools import lru_cache, partial
from typing import Any

from sporewright.errors import ConfigError
from sporewright.jsontext import listed, shown
from sporewright.learning.settings import LearningSettings
from sporewright.simulate import bandits, baselines, restless
from sporewright.simulate.ours import Ours
from sporewright.simulate.policy import Maker, Policy

__all__ = ["BASELINES", "ORACLE", "OURS", "POLICIES", "PUBLISHED", "RESTLESS", "checked", "maker", "name_of"]


OURS, ORACLE = "ours", "oracle"
PUBLISHED: dict[str, type[Policy]] = {
    "fixed": baselines.Fixed,
    "random": baselines.RandomOrder,
    "round-robin": baselines.RoundRobin,
    "lowest-latency": baselines.LowestLatency,
    "least-busy": baselines.LeastBusy,
    "p2c-peak-ewma": baselines.PeakEwma,
    "ucb1": bandits.Ucb1,
    "discounted-thompson": bandits.DiscountedThompson,
    "sliding-window-ucb": bandits.SlidingWindowUcb,
    "epsilon-greedy": bandits.EpsilonGreedy,
    ORACLE: baselines.Oracle,
}
"""With the parameters that they were published with."""
RESTLESS: dict[str, type[Policy]] = {
    "kalman": restless.Kalman,
    "cusum": restless.Cusum,
    "gaussian-thompson": restless.GaussianThompson,
    "discounted-ucb": restless.DiscountedUcb,
    "mean-of-ten": restless.MeanOfTen,
}
"""With parameters that are ours to choose, on the same terms as our own."""
BASELINES: dict[str, type[Policy]] = {**PUBLISHED, **RESTLESS}
POLICIES = (OURS, *PUBLISHED)


def maker(spec: str, settings: LearningSettings) -> Maker:
    """The function that makes that policy for a run; the settings are ours alone."""
    name, given = _read(spec)
    if name == OURS:
        return partial(Ours, settings=_settings(spec, settings, given))
    return _variant(spec) if given else BASELINES[name]


def checked(spec: str) -> str:
    """The policy as it was asked for; ConfigError names those there are, or the parameters that it has."""
    name, given = _read(spec)
    if name == OURS:
        _settings(spec, LearningSettings(), given)
    elif given:
        _variant(spec)
    return spec


def name_of(spec: str) -> str:
    """The policy's name without its parameters."""
    return spec.partition(":")[0]


def _read(spec: str) -> tuple[str, Mapping[str, float]]:
    name, colon, words = spec.partition(":")
    if name != OURS and name not in BASELINES:
        raise ConfigError(f"policy {shown(name)} is none of {', '.join((OURS, *BASELINES))}")
    given = {}
    for word in words.split(",") if colon else ():
        key, _, value = word.partition("=")
        try:
            given[key] = float(value)
        except ValueError:
            raise ConfigError(f"policy {shown(spec)}: {shown(word)} is no parameter=number") from None
    return name, given


@lru_cache(maxsize=1024)
def _variant(spec: str) -> type[Policy]:
    """A policy's class with other parameters."""
    name, given = _read(spec)
    kind = BASELINES[name]
    known = [each.lower() for each in dir(kind) if each.isupper()]
    for key in given:
        if key not in known:
            raise ConfigError(f"policy {shown(spec)}: {name} has no parameter {shown(key)}; it has {listed(known)}")
    return type(kind.__name__, (kind,), {key.upper(): value for key, value in given.items()})


def _settings(spec: str, settings: LearningSettings, given: Mapping[str, float]) -> LearningSettings:
    """Our settings with some changed: `temperature=0.2`, or of one dimension `latency.noise=0.1`."""
    for key, value in given.items():
        dimension, dot, field = key.rpartition(".")
        owner: Any = settings.dimensions.get(dimension) if dot else settings
        known = [] if owner is None else [each.name for each in fields(owner)]
        if field not in known:
            raise ConfigError(f"policy {shown(spec)}: learning has no setting {shown(key)}")
        kind = type(getattr(owner, field))
        changed = replace(owner, **{field: kind(value)})
        settings = replace(settings, dimensions={**settings.dimensions, dimension: changed}) if dot else changed
    return settings
