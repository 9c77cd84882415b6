"""Pools as data: what is read, and what is refused with the place and the value (P1, point 7)."""

from __future__ import annotations

from typing import Any

import pytest

from sporewright import TensorConfig
from sporewright.errors import ConfigError, DecodeError
from sporewright.pools import pools_from
from sporewright.pools.declared import Pool, minor

GOOD = {"unit": "requests", "cap": 30, "window": 60, "options": ["groq"]}


def refused(body: Any, **more: Any) -> str:
    """The message of the error that the pool "p" with this body is."""
    with pytest.raises(ConfigError) as found:
        pools_from({"p": body}, **more)
    return str(found.value)


def test_pools_of_the_three_kinds() -> None:
    """A rate, a quota and calls in flight; amounts in minor units."""
    pools = pools_from(
        {
            "rate": GOOD,
            "day": {"unit": "usd", "cap": 5, "window": "day", "tz": "Europe/Vienna", "options": ["a"], "hard": True},
            "flight": {"unit": "concurrent", "cap": 4, "options": ["a", "a"]},
        },
        is_zone=lambda name: name == "Europe/Vienna",
    )

    assert pools["rate"] == Pool("rate", "requests", 30, ("groq",), 60_000_000)
    assert pools["day"] == Pool("day", "usd", 5 * 10**9, ("a",), 0, "day", "Europe/Vienna", hard=True)
    assert pools["flight"] == Pool("flight", "concurrent", 4, ("a",))
    assert pools_from(None) == {}
    assert pools["day"].scale == 10**9


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"cap": 0}, "config.pools.p.cap: 0 is not a finite number above 0"),
        ({"cap": -1}, "config.pools.p.cap: -1 is not a finite number above 0"),
        ({"cap": float("inf")}, "config.pools.p.cap: inf is not a finite number above 0"),
        ({"cap": float("nan")}, "config.pools.p.cap: nan is not a finite number above 0"),
        ({"cap": True}, "config.pools.p.cap: True is not a number"),
        ({"cap": "inf"}, "config.pools.p.cap: 'inf' is not a number"),
        ({"cap": None}, "config.pools.p.cap: None is not a number"),
        ({"cap": 2.5}, "config.pools.p.cap: 2.5: requests are counted in whole ones"),
        ({"cap": 1e300}, "config.pools.p.cap: 1e+300 is more than 1125899906842623 requests"),
        ({"unit": "usd", "cap": 1e-12}, "config.pools.p.cap: 1e-12 is less than a 1000000000th"),
        ({"unit": "request"}, "config.pools.p.unit: 'request' is none of requests, tokens, usd, seconds, concurrent; "
         "did you mean 'requests'?"),
        ({"unit": None}, "config.pools.p.unit: None is none of requests, tokens, usd, seconds, concurrent"),
        ({"window": "days"}, "config.pools.p.window: 'days' is none of hour, day, week, month; did you mean 'day'?"),
        ({"window": "fortnight"}, "config.pools.p.window: 'fortnight' is none of hour, day, week, month"),
        ({"window": None}, "config.pools.p.window: a window that never turns: give seconds, or one of hour, day, week, "
         "month"),
        ({"window": 0}, "config.pools.p.window: 0 is not a finite number above 0"),
        ({"window": float("inf")}, "config.pools.p.window: inf is not a finite number above 0"),
        ({"window": True}, "config.pools.p.window: True is not a number"),
        ({"window": 1e9}, "config.pools.p.window: 1000000000.0 is not a number of seconds from 0.001 to 31622400"),
        ({"unit": "concurrent"}, "config.pools.p.window: 60: calls in flight have no window, they end"),
        ({"tz": "UTC"}, "config.pools.p.tz: 'UTC': only a window of hour, day, week, month has a time zone"),
        ({"window": "day", "tz": "Mars/Base"}, "config.pools.p.tz: 'Mars/Base' is not a time zone, as 'Europe/Vienna' "
         "is"),
        ({"window": "day", "tz": 1}, "config.pools.p.tz: 1 is not a time zone, as 'Europe/Vienna' is"),
        ({"hard": 1}, "config.pools.p.hard: 1 is neither true nor false"),
        ({"options": []}, "config.pools.p.options: [] is not a list of options"),
        ({"options": "groq"}, "config.pools.p.options: 'groq' is not a list of options"),
        ({"options": [""]}, "config.pools.p.options[0]: '' is not the name of an option"),
        ({"options": ["grok"]}, "config.pools.p.options[0]: there is no option 'grok'; did you mean 'groq'?"),
        ({"options": ["zzz"]}, "config.pools.p.options[0]: there is no option 'zzz'"),
        ({"windows": 3}, "config.pools.p: 'windows' is none of unit, cap, window, options, hard, tz; did you mean "
         "'window'?"),
        ({3: 3}, "config.pools.p: 3 is none of unit, cap, window, options, hard, tz"),
    ],
)  # fmt: skip
def test_what_cannot_work_is_refused_by_name(change: dict[Any, Any], said: str) -> None:
    """The message names the place and the value, and a word that was meant."""
    assert refused({**GOOD, **change}, options=["groq"], is_zone=lambda name: name == "Europe/Vienna") == said


def test_what_is_no_pool_is_refused() -> None:
    """The part itself, a pool, its name."""
    with pytest.raises(ConfigError, match=r"config\.pools: 3 is not an object"):
        pools_from(3)
    with pytest.raises(ConfigError, match=r"config\.pools: '' is not the name of a pool"):
        pools_from({"": GOOD})
    with pytest.raises(ConfigError, match=r"config\.pools: 1 is not the name of a pool"):
        pools_from({1: GOOD})
    assert refused(3) == "config.pools.p: 3 is not an object"


def test_two_pools_of_one_name_are_refused() -> None:
    """JSON with a key twice is no config: the second would silently win."""
    text = '{"levels": ["global"], "pools": {"p": {"cap": 1}, "p": {"cap": 2}}}'

    with pytest.raises(DecodeError, match=r"config\.pools: duplicate key 'p'"):
        TensorConfig.from_json(text)


def test_a_config_carries_pools() -> None:
    """The tensor is built as without."""
    assert TensorConfig.from_dict({"levels": ["global"], "pools": {"p": GOOD}}).build().cells() == []


def test_zones_are_taken_on_trust_where_none_are_known() -> None:
    """A pure room has no database of them; neither has it a list of options, unless it is given one."""
    pools = pools_from({"p": {**GOOD, "window": "week", "tz": "Europe/Wien"}})

    assert pools["p"].tz == "Europe/Wien"


@pytest.mark.parametrize(("amount", "unit", "found"), [
    (1.4, "requests", 1), (0.25, "usd", 250_000_000), (-3.0, "tokens", 0), (float("nan"), "tokens", 0),
    (1e30, "tokens", 2**50 - 1), (float("inf"), "usd", 2**50 - 1), (0.0000004, "seconds", 0),
])  # fmt: skip
def test_amounts_become_whole_minor_units(amount: float, unit: Any, found: int) -> None:
    """The nearest; what is none counts as none, what is too large as the largest."""
    assert minor(amount, unit) == found
