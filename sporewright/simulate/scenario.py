"""A scenario as data: which calls arrive, and which options change when and how (docs/explanation/simulate.md)."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, fields
from importlib import resources
from pathlib import Path
from typing import Any

from sporewright import jsontext
from sporewright.core import checks
from sporewright.errors import ConfigError, DecodeError, SporewrightError, StorageError
from sporewright.simulate.fields import table

__all__ = ["KINDS", "Change", "Fleet", "Made", "Scenario", "builtin_names", "load_scenario", "resolve_option"]

KINDS: dict[str, tuple[str, ...]] = {
    "rows": ("source",),
    "outage": (),
    "absent": (),
    "slow": ("factor",),
    "limit": ("share", "burst_s"),
    "concurrency": ("most",),
    "cold": ("idle_s", "extra_s"),
    "price": ("usd",),
}
"""Each kind of change, and the fields it needs besides `option`, `at` and `until`."""
SERIES = ("", "order", "time")


@dataclass(frozen=True, slots=True)
class Change:
    """A change to an option from `at` to `until`, shares of the run; one that lasts until 1 has no end.

    `option` is a name, `*` for every one, or `@n`: the n-th best by expected cost, `@-1` the worst. rows: it answers
    with the rows of `source`; outage: it refuses every call; absent: it does not exist; slow: it takes `factor` times
    as long; limit: it admits `share` of the mean load, in a bucket that holds `burst_s` seconds' worth; concurrency: it
    refuses a call beyond `most` in flight; cold: after `idle_s` without a call the next takes `extra_s` longer; price:
    a call costs `usd`.
    """

    kind: str
    option: str
    at: float = 0.0
    until: float = 1.0
    source: str = ""
    factor: float = 1.0
    share: float = 1.0
    burst_s: float = 0.0
    most: int = 0
    idle_s: float = 0.0
    extra_s: float = 0.0
    usd: float = 0.0

    @classmethod
    def from_dict(cls, data: object, place: str) -> Change:
        """A change from data; DecodeError or ConfigError names the field."""
        given = table(cls, data, place)
        kind = given.get("kind")
        if kind not in KINDS:
            raise DecodeError(f"{place}.kind: {jsontext.shown(kind)} is none of {', '.join(KINDS)}")
        for name in ("option", *KINDS[str(kind)]):
            if name not in given:
                raise DecodeError(f"{place}: a {kind} change needs {name}")
        for name in set(given) - {"kind", "option", "at", "until", *KINDS[str(kind)]}:
            raise DecodeError(f"{place}.{name}: a {kind} change has no such field")
        read = {name: _checked(cls, name, value, f"{place}.{name}") for name, value in given.items()}
        change = cls(**read)
        if not 0 <= change.at < change.until <= 1:
            raise ConfigError(f"{place}: from {change.at!r} until {change.until!r} is no part of the run, 0 to 1")
        return change


@dataclass(frozen=True, slots=True)
class Made:
    """An option by a formula: log-normal around a median of `seconds`, `spread` on the logarithmic scale.

    `stall_share` of its answers take `stall_s` seconds instead.
    """

    name: str
    seconds: float
    spread: float = 0.05
    stall_share: float = 0.0
    stall_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Fleet:
    """Many devices instead of one: each starts within `spread_s` and makes `calls_each`; the server ticks on.

    `liars` is the share of devices that report each option's latency as that of the mirrored rank.
    """

    devices: int
    calls_each: int
    spread_s: float
    tick_s: float
    liars: float = 0.0


@dataclass(frozen=True, slots=True)
class Scenario:
    """One world to route in. A run lasts `half_lives` half hours, or, if given, `gap_s` a call on average.

    `usd_s`: seconds that a dollar is worth, in the cost of a call. `series`: the measurements are replayed in the order
    in which they were made, spread evenly over the run ("order") or as they were spread in time ("time"), which then is
    the run's. `option`: options made by a formula, in place of measured ones.
    """

    name: str
    about: str
    trace: str = "conv"
    calls: int = 3000
    half_lives: float = 5.0
    gap_s: float = 0.0
    usd_s: float = 0.0
    series: str = ""
    change: tuple[Change, ...] = ()
    option: tuple[Made, ...] = ()
    fleet: Fleet | None = None

    @classmethod
    def from_dict(cls, data: object, place: str = "scenario") -> Scenario:
        """A scenario from data; the error names the place."""
        given = dict(table(cls, data, place))
        changes, made = (_list(given.pop(name, []), f"{place}.{name}") for name in ("change", "option"))
        fleet = given.pop("fleet", None)
        for name in ("name", "about"):
            if name not in given:
                raise DecodeError(f"{place}: a scenario needs {name}")
        read = {name: _checked(cls, name, value, f"{place}.{name}") for name, value in given.items()}
        if read.get("calls", 1) < 1:
            raise ConfigError(f"{place}.calls: {read['calls']!r} is less than 1")
        if not read.get("half_lives", 1.0) > 0:
            raise ConfigError(f"{place}.half_lives: a run of {read['half_lives']!r} half-lives has no time")
        if read.get("series", "") not in SERIES:
            raise ConfigError(
                f"{place}.series: {jsontext.shown(read['series'])} is none of {jsontext.listed(SERIES[1:])}"
            )
        return cls(
            **read,
            change=tuple(Change.from_dict(each, f"{place}.change[{at}]") for at, each in enumerate(changes)),
            option=tuple(_made(each, f"{place}.option[{at}]") for at, each in enumerate(made)),
            fleet=None if fleet is None else _fleet(fleet, f"{place}.fleet"),
        )


def builtin_names() -> list[str]:
    """The scenarios that come with the package."""
    folder = resources.files("sporewright.simulate") / "scenarios"
    return sorted(each.name.removesuffix(".toml") for each in folder.iterdir() if each.name.endswith(".toml"))


def load_scenario(name: str) -> Scenario:
    """A built-in scenario by its name, or one from a `.toml` or `.json` file; errors name the file."""
    if name in builtin_names():
        text = (resources.files("sporewright.simulate") / "scenarios" / f"{name}.toml").read_text("utf-8")
        return Scenario.from_dict(tomllib.loads(text), name)
    path = Path(name)
    if path.suffix not in (".toml", ".json"):
        known = ", ".join(builtin_names())
        raise ConfigError(f"scenario {jsontext.shown(name)} is neither built in ({known}) nor a .toml or .json file")
    try:
        text = path.read_text("utf-8")
        data = tomllib.loads(text) if path.suffix == ".toml" else jsontext.parse(text, str(path))
    except OSError as why:
        raise StorageError(f"{path}: {why.strerror}") from None
    except ValueError as why:  # no UTF-8, no TOML, or a number of too many digits
        raise DecodeError(f"{path}: {why}") from None
    except RecursionError:
        raise DecodeError(f"{path}: nested too deep") from None
    return Scenario.from_dict(data, str(path))


def resolve_option(word: str, ranked: Sequence[str], place: str) -> list[str]:
    """The options a change speaks of; `ranked`: all of them, the best first. ConfigError for one that is not there."""
    if word == "*":
        return list(ranked)
    if word in ranked:
        return [word]
    try:
        rank = int(word.removeprefix("@")) if word.startswith("@") else 0
        return [ranked[rank if rank < 0 else rank - 1]] if rank else [ranked[len(ranked)]]
    except (ValueError, IndexError):
        known = jsontext.listed(sorted(ranked))
        raise ConfigError(
            f"{place}: {jsontext.shown(word)} is no option, nor a rank like @1; there are {known}"
        ) from None


def _list(data: object, place: str) -> Sequence[object]:
    if not isinstance(data, Sequence) or isinstance(data, str):
        raise DecodeError(f"{place}: a list is wanted, not {jsontext.shown(data)}")
    return data


def _made(data: object, place: str) -> Made:
    made: Made = _part(Made, data, place, "name and seconds")
    if not made.seconds > 0 or made.stall_share > 1:
        raise ConfigError(f"{place}: {made!r} is no option")
    return made


def _fleet(data: object, place: str) -> Fleet:
    fleet: Fleet = _part(Fleet, data, place, "devices, calls_each, spread_s and tick_s")
    if fleet.devices < 1 or fleet.calls_each < 1 or not fleet.tick_s > 0 or not 0 <= fleet.liars <= 1:
        raise ConfigError(f"{place}: {fleet!r} cannot be simulated")
    return fleet


def _part(kind: type[Any], data: object, place: str, needed: str) -> Any:
    """A part of a scenario from its table."""
    given = table(kind, data, place)
    try:
        return kind(**{name: _checked(kind, name, value, f"{place}.{name}") for name, value in given.items()})
    except TypeError:
        raise DecodeError(f"{place}: {needed} are needed") from None


def _checked(kind: type[Any], name: str, value: object, place: str) -> Any:
    """A field's value by its declared type; numbers are finite and not negative."""
    wanted = {each.name: each.type for each in fields(kind)}[name]
    try:
        if wanted == "str":
            return checks.name(value, place)
        if wanted == "int":
            return checks.count(value, place)
        found = checks.finite(value, place)
    except SporewrightError as why:
        raise DecodeError(str(why)) from None
    if found < 0:
        raise ConfigError(f"{place}: {found!r} is negative")
    return found
