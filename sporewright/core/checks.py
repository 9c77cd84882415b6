"""Checks of arguments: each gives the argument back, or raises an error that names the place and the value.

`BadValueKindError` is for what is of another kind, `ConfigError` for what is of the kind and cannot work.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

from sporewright.errors import BadValueKindError, ConfigError
from sporewright.jsontext import shown

__all__ = ["count", "finite", "flag", "instance_of", "mapping", "name", "names", "number"]

Kind = TypeVar("Kind")


def name(x: object, place: str) -> str:
    """A string."""
    if isinstance(x, str):
        return x
    raise BadValueKindError(f"{place}: {shown(x)} is not a string")


def names(x: object, place: str) -> tuple[str, ...]:
    """A collection of strings; a bare string would be read letter by letter and is none."""
    if isinstance(x, str | bytes) or not isinstance(x, Iterable):
        raise BadValueKindError(f"{place}: expected a collection of names, got {shown(x)}")
    return tuple(name(each, f"{place}[{at}]") for at, each in enumerate(x))


def number(x: object, place: str) -> float:
    """A float64, ±∞ and NaN included; no boolean, no string, no integer beyond float64."""
    if type(x) is float:
        return x
    if isinstance(x, bool) or not isinstance(x, int | float):
        raise BadValueKindError(f"{place}: {shown(x)} is not a number")
    try:
        return float(x)
    except OverflowError:
        raise BadValueKindError(f"{place}: {shown(x)} overflows a float64") from None


def finite(x: object, place: str) -> float:
    """A finite float64."""
    found = number(x, place)
    if not math.isfinite(found):
        raise ConfigError(f"{place}: {found!r} is not finite")
    return found


def unit(x: object, fallback: float, place: str) -> float:
    """A number clamped to [0, 1]; `fallback` if it is not finite."""
    found = number(x, place)
    return min(1.0, max(0.0, found)) if math.isfinite(found) else fallback


def count(x: object, place: str, least: int = 0) -> int:
    """An integer from `least`; no boolean. Always a ConfigError."""
    if isinstance(x, bool) or not isinstance(x, int) or x < least:
        raise ConfigError(f"{place} must be a whole number, at least {least}, not {shown(x)}")
    return x


def flag(x: object, place: str) -> bool:
    """True or False itself: "no" and 1 say nothing."""
    if isinstance(x, bool):
        return x
    raise BadValueKindError(f"{place}: {shown(x)} is neither True nor False")


def mapping(x: object, place: str) -> Mapping[Any, Any]:
    """A mapping whose keys are strings."""
    if not isinstance(x, Mapping):
        raise BadValueKindError(f"{place}: expected a mapping, got {shown(x)}")
    for key in x:
        name(key, f"{place}: the key")
    return x


def instance_of(kind: type[Kind], x: object, place: str) -> Kind:
    """An object of that class."""
    if isinstance(x, kind):
        return x
    raise BadValueKindError(f"{place}: expected a {kind.__name__}, got {shown(x)}")
