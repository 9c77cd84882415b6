"""Pools as data: the part `pools` of a config, checked and turned into whole minor units (P1)."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

from sporewright.errors import ConfigError
from sporewright.jsontext import listed, shown

__all__ = [
    "MOST",
    "TURNS",
    "UNITS",
    "Pool",
    "Turn",
    "Unit",
    "is_amount",
    "is_time",
    "measures",
    "minor",
    "nearest",
    "pools_from",
]

Unit = Literal["requests", "tokens", "usd", "seconds", "concurrent"]
Turn = Literal["hour", "day", "week", "month"]
TURNS: tuple[Turn, ...] = get_args(Turn)
UNITS: Mapping[Unit, int] = {"requests": 1, "tokens": 1, "usd": 10**9, "seconds": 10**6, "concurrent": 1}
"""Minor units in one: money is counted in billionths of a dollar, time in microseconds, all else in whole pieces."""
MOST = 2**50 - 1
"""The largest amount in minor units: the sum of eight is an integer that every reader of JSON keeps exactly."""
LATEST = 2**53 - 1
"""The largest time in microseconds."""
SHORTEST_S, LONGEST_S = 0.001, 366 * 86400.0
"""The limits of a window in seconds: the clock's resolution, and a year."""
KEYS = ("unit", "cap", "window", "options", "hard", "tz")


@dataclass(frozen=True, slots=True)
class Pool:
    """A cap that somebody owns; `cap` in minor units of `unit`.

    `window_us`: the time in which an empty rate fills up, in microseconds; `turn`: the calendar's step after which a
    quota is full again, in the zone `tz`. A pool of calls in flight has neither.
    """

    name: str
    unit: Unit
    cap: int
    options: tuple[str, ...]
    window_us: int = 0
    turn: Turn | None = None
    tz: str = "UTC"
    hard: bool = False

    @property
    def scale(self) -> int:
        """Minor units in one unit."""
        return UNITS[self.unit]


def minor(amount: float, unit: Unit) -> int:
    """An amount in whole minor units, the nearest, at most `MOST`; 0 for one that is negative or not a number."""
    scaled = amount * UNITS[unit] + 0.5
    return int(scaled) if 0 < scaled < MOST else MOST if scaled >= MOST else 0


def is_amount(x: object) -> bool:
    """True for a whole number of minor units."""
    return type(x) is int and 0 <= x <= MOST


def is_time(x: object) -> bool:
    """True for a whole number of microseconds."""
    return type(x) is int and 0 <= x <= LATEST


def measures(x: object) -> bool:
    """True for a finite number that is not negative."""
    return isinstance(x, int | float) and not isinstance(x, bool) and math.isfinite(x) and x >= 0


def pools_from(
    data: object,
    options: Collection[str] | None = None,
    *,
    is_zone: Callable[[str], bool] | None = None,
    place: str = "config.pools",
) -> dict[str, Pool]:
    """The pools by name, from JSON data; ConfigError names the place of what cannot work.

    `options`: the options that exist; `is_zone`: whether a time zone does. None: that is not known here.
    """
    if data is None:
        return {}
    return {name: _pool(name, body, f"{place}.{_key(name)}", options, is_zone) for name, body in _object(data, place)}


def nearest(word: object, known: Collection[str]) -> str:
    """`; did you mean 'window'?` for a word that is at most two letters off a known one, else nothing."""
    if not isinstance(word, str) or len(word) > 80:
        return ""
    near = min(
        ((_distance(word, each), each) for each in sorted(known) if abs(len(each) - len(word)) < 3), default=None
    )
    return f"; did you mean {shown(near[1])}?" if near is not None and near[0] <= min(2, len(word) // 2) else ""


def _distance(one: str, other: str) -> int:
    """Letters to change, add or leave out."""
    row = list(range(len(other) + 1))
    for at, letter in enumerate(one, 1):
        before, row[0] = row[0], at
        for column, each in enumerate(other, 1):
            before, row[column] = row[column], min(row[column] + 1, row[column - 1] + 1, before + (letter != each))
    return row[-1]


def _key(name: object) -> str:
    return shown(name)[1:-1] if isinstance(name, str) else shown(name)


def _object(data: object, place: str) -> Sequence[tuple[str, Any]]:
    if not isinstance(data, Mapping):
        raise ConfigError(f"{place}: {shown(data)} is not an object")
    for key in data:
        if not isinstance(key, str) or not key:
            raise ConfigError(f"{place}: {shown(key)} is not the name of a pool")
    return list(data.items())


def _pool(
    name: str, data: object, place: str, options: Collection[str] | None, is_zone: Callable[[str], bool] | None
) -> Pool:
    if not isinstance(data, Mapping):
        raise ConfigError(f"{place}: {shown(data)} is not an object")
    for key in data:
        if key not in KEYS:
            raise ConfigError(f"{place}: {shown(key)} is none of {listed(KEYS)}{nearest(key, KEYS)}")
    unit = _unit(data.get("unit"), f"{place}.unit")
    hard = data.get("hard", False)
    if not isinstance(hard, bool):
        raise ConfigError(f"{place}.hard: {shown(hard)} is neither true nor false")
    window_us, turn = _window(data, unit, f"{place}.window")
    return Pool(
        name,
        unit,
        _cap(data.get("cap"), unit, f"{place}.cap"),
        _options(data.get("options"), options, f"{place}.options"),
        window_us,
        turn,
        _zone(data, turn, is_zone, f"{place}.tz"),
        hard,
    )


def _unit(unit: object, place: str) -> Unit:
    for known in UNITS:
        if unit == known:
            return known
    raise ConfigError(f"{place}: {shown(unit)} is none of {listed(UNITS)}{nearest(unit, UNITS)}")


def _number(x: object, place: str) -> float:
    """A number above 0; `true` counts as none, nor does a word for infinity."""
    if isinstance(x, bool) or not isinstance(x, int | float):
        raise ConfigError(f"{place}: {shown(x)} is not a number")
    if not 0 < x < math.inf:
        raise ConfigError(f"{place}: {shown(x)} is not a finite number above 0")
    return x


def _cap(cap: object, unit: Unit, place: str) -> int:
    found = _number(cap, place)
    if UNITS[unit] == 1 and found != int(found):
        raise ConfigError(f"{place}: {shown(cap)}: {unit} are counted in whole ones")
    if found > MOST // UNITS[unit]:
        raise ConfigError(f"{place}: {shown(cap)} is more than {MOST // UNITS[unit]} {unit}")
    if minor(found, unit) == 0:
        raise ConfigError(f"{place}: {shown(cap)} is less than a {UNITS[unit]}th")
    return minor(found, unit)


def _window(data: Mapping[str, Any], unit: Unit, place: str) -> tuple[int, Turn | None]:
    window = data.get("window")
    if unit == "concurrent":
        if "window" in data:
            raise ConfigError(f"{place}: {shown(window)}: calls in flight have no window, they end")
        return 0, None
    if isinstance(window, str):
        for turn in TURNS:
            if window == turn:
                return 0, turn
        raise ConfigError(f"{place}: {shown(window)} is none of {listed(TURNS)}{nearest(window, TURNS)}")
    if window is None:
        raise ConfigError(f"{place}: a window that never turns: give seconds, or one of {listed(TURNS)}")
    seconds = _number(window, place)
    if not SHORTEST_S <= seconds <= LONGEST_S:
        raise ConfigError(f"{place}: {shown(window)} is not a number of seconds from {SHORTEST_S} to {LONGEST_S:.0f}")
    return int(seconds * 1e6 + 0.5), None


def _zone(data: Mapping[str, Any], turn: Turn | None, is_zone: Callable[[str], bool] | None, place: str) -> str:
    if "tz" not in data:
        return "UTC"
    zone = data["tz"]
    if turn is None:
        raise ConfigError(f"{place}: {shown(zone)}: only a window of {listed(TURNS)} has a time zone")
    if not isinstance(zone, str) or not zone or (is_zone is not None and zone != "UTC" and not is_zone(zone)):
        raise ConfigError(f"{place}: {shown(zone)} is not a time zone, as 'Europe/Vienna' is")
    return zone


def _options(found: object, known: Collection[str] | None, place: str) -> tuple[str, ...]:
    if not isinstance(found, Sequence) or isinstance(found, str) or not found:
        raise ConfigError(f"{place}: {shown(found)} is not a list of options")
    for at, option in enumerate(found):
        if not isinstance(option, str) or not option:
            raise ConfigError(f"{place}[{at}]: {shown(option)} is not the name of an option")
        if known is not None and option not in known:
            raise ConfigError(f"{place}[{at}]: there is no option {shown(option)}{nearest(option, known)}")
    return tuple(dict.fromkeys(found))
