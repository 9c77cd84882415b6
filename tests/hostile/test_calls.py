"""Every public call with every wrong argument: an error of ours or a clean answer, and nothing half done."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest

from sporewright.errors import SporewrightError
from tests.hostile.calls import GOOD, INSIDE, MADE, Call, calls, public, state_of

DEEP: Any = []
for _ in range(5000):
    DEEP = [DEEP]

HOSTILE = {
    "None": None, "5": 5, "1.5": 1.5, "-1": -1, "text": "x", "bytes": b"x", "list": [], "dict": {}, "nan": math.nan,
    "inf": math.inf, "-inf": -math.inf, "True": True, "object": object(), "surrogate": "\ud800", "huge": 10**400,
    "many digits": 10**5000, "nested": DEEP, "list of None": [None], "dict of None": {"a": None}, "number key": {1: 1},
    "complex": 1j, "set of lists": [[]], "big float": 1e308, "tiny": 5e-324,
}  # fmt: skip
CALLS = list(calls())


def arguments(call: Call, spoiled: str, wrong: Any) -> tuple[list[Any], dict[str, Any]]:
    """Good arguments for all parameters but one."""
    positional: list[Any] = []
    named: dict[str, Any] = {}
    for each in call.parameters:
        given = wrong if each.name == spoiled else call.good(each.name)
        if each.kind is each.KEYWORD_ONLY:
            named[each.name] = given
        else:
            positional.append(given)
    return positional, named


def refused(bound: Callable[..., Any], positional: list[Any], named: dict[str, Any], place: str) -> bool:
    """True if it ended in an error of ours, whose message can be written down; any other error is a failure."""
    try:
        bound(*positional, **named)
    except SporewrightError as why:
        return bool(str(why).encode("utf-8"))
    except Exception as why:
        raise AssertionError(f"{place} raised {type(why).__name__}: {why!s:.200}") from why
    return False


@pytest.mark.parametrize("call", CALLS, ids=lambda call: call.name)
def test_good_arguments_work(call: Call) -> None:
    """The arguments that the discovery calls good are good, or the test below would spoil what fails anyway."""
    _, bound = call.ready()
    positional, named = arguments(call, "", None)
    bound(*positional, **named)


@pytest.mark.parametrize("call", CALLS, ids=lambda call: call.name)
def test_a_wrong_argument_is_refused_or_harmless(call: Call) -> None:
    """Each argument in turn is anything at all: SporewrightError or a clean answer, and an error changes nothing."""
    for parameter in call.parameters:
        for label, wrong in HOSTILE.items():
            thing, bound = call.ready()
            before = state_of(thing)
            positional, named = arguments(call, parameter.name, wrong)
            watched = [(each, state_of(each)) for each in positional if hasattr(each, "to_json") and each is not wrong]
            place = f"{call.name}({parameter.name}={label})"
            if refused(bound, positional, named, place):
                assert state_of(thing) == before, f"{place}: refused, yet something changed"
                assert all(state_of(each) == then for each, then in watched), f"{place}: an argument changed"


def test_the_discovery_finds_what_is_there() -> None:
    """Enough is found, and nothing is excused that does not exist."""
    names = {call.name for call in CALLS}
    known = public()

    assert len(names) >= 90
    assert {"Tensor.watch", "Device.gate", "freshness", "FieldWriter.observe", "TokenBucket"} <= names
    for excused in INSIDE:
        owner, _, method = excused.partition(".")
        assert owner in known, excused
        assert not method or hasattr(known[owner], method), excused
    used = {each.name for call in CALLS for each in call.parameters}
    qualified = {f"{call.name}.{each.name}" for call in CALLS for each in call.parameters}
    assert {key for key in {*GOOD, *MADE} if key not in used | qualified} == set()
