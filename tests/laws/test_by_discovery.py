"""Every operator and policy that is found is held to the laws of all: pure where it reads, whole where it writes."""

from __future__ import annotations

import copy
import inspect
import itertools
import json
import math
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, find, given, settings
from hypothesis import strategies as st

from sporewright import Device, Tensor
from sporewright.core.live import LiveQueue
from sporewright.core.writer import Writer
from sporewright.errors import SporewrightError
from sporewright.policy.field_writer import FieldWriter
from tests.hostile.calls import Call, calls, public, state_of
from tests.laws.worlds import OBJECTS, UNORDERED, WITHIN, WORLDS, arguments
from tests.strategies import LEVELS, Write, built, cursors, writes

CALLS = [call for call in calls() if call.owner not in WITHIN]
BY_NAME = pytest.mark.parametrize("call", CALLS, ids=lambda call: call.name)
SLOWLY = settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))

# A call made twice leaves what it left once; the others say why not.
AGAIN_IS_MORE = {
    "Budget.tick": "a price moves with each tick (B4)",
    "TokenBucket.admit": "a token is taken each time (B6)",
    "FieldWriter.observe": "two measurements are more evidence than one (L2)",
    "FieldWriter.discount": "a factor multiplies each time (L3)",
    "FieldWriter.compact": "what was folded is the parent's own, and folds with it next (L4)",
}


# Data whose order is what it says: by call or, for its state, by class.
ORDERED = {
    "TensorConfig.declared_order": "the order of first appearance",
    "TensorConfig": "seeds are made one after the other (C1)",
}
CODES = {"write-up", "unknown-level", "bad-value-kind", "decode", "config"}


def refusal(found: list[str]) -> str:
    """The code of the error an outcome begins with; "" if it is none."""
    code, colon, _ = found[0].partition(": ")
    return code if colon and code in CODES else ""


def outcome(call: Call, thing: Any, given_: dict[str, Any]) -> list[str]:
    """The result or the error, and the state of everything afterwards."""
    bound = getattr(thing, call.name.split(".")[1]) if call.owner else call.target
    positional = [given_[p.name] for p in call.parameters if p.kind is not p.KEYWORD_ONLY]
    named = {p.name: given_[p.name] for p in call.parameters if p.kind is p.KEYWORD_ONLY}
    try:
        found = bound(*positional, **named)
    except SporewrightError as why:
        answer = f"{why.code}: {why}"
    else:
        opaque = callable(found) or isinstance(found, Writer | FieldWriter | LiveQueue | Device)
        answer = f"a {type(found).__name__}" if opaque else state_of(found)
    after = [state_of(each) for name, each in given_.items() if name in OBJECTS]
    return [answer, state_of(thing), *after]


def whole(given_: dict[str, Any]) -> dict[str, Any]:
    """The arguments with their objects made from the facts, fresh each time."""
    return {n: WORLDS[OBJECTS[n]].build(x) if n in OBJECTS else copy.copy(x) for n, x in given_.items()}


def turned(given_: dict[str, Any]) -> dict[str, Any]:
    """The same arguments with the order turned round wherever it says nothing."""
    again = dict(given_)
    for name, x in given_.items():
        if type(x) is dict:  # a book of another kind is kept as it is
            again[name] = dict(reversed(x.items()))
        elif isinstance(x, list) and (name in UNORDERED or name in OBJECTS):
            again[name] = x[::-1]
    return again


def onto_itself(given_: dict[str, Any]) -> bool:
    """Up from a level to the same one: what was written votes the next time, so twice is not once."""
    return "from_level" in given_ and given_["from_level"] == given_["to_level"]


def facts_of(call: Call) -> st.SearchStrategy[list[Any]]:
    """The facts from which the object it is called on is made."""
    if call.owner and call.owner not in WORLDS:
        raise AssertionError(f"{call.owner}: a new class? say in tests/laws/worlds.py how it is made")
    return WORLDS[call.owner].facts if call.owner else st.just([])


def made(call: Call, facts: Sequence[Any]) -> Any:
    """The object, or None for a function."""
    return WORLDS[call.owner].build(facts) if call.owner else None


@BY_NAME
def test_the_same_again_and_nothing_handed_in_changes(call: Call) -> None:
    """R7: the same facts and arguments give the same answer and state; no argument is written to."""

    @SLOWLY
    @given(facts_of(call), arguments(call))
    def law(facts: list[Any], given_: dict[str, Any]) -> None:
        one, two = whole(given_), whole(given_)
        before = {name: repr(x) for name, x in one.items() if name not in OBJECTS}
        assert outcome(call, made(call, facts), one) == outcome(call, made(call, facts), two)
        assert {name: repr(x) for name, x in one.items() if name not in OBJECTS} == before

    law()


@BY_NAME
def test_no_order_of_insertion_shows(call: Call) -> None:
    """R7: facts told in the opposite order, mappings and sets turned round: the same answer, the same state."""

    @SLOWLY
    @given(facts_of(call), arguments(call))
    def law(facts: list[Any], given_: dict[str, Any]) -> None:
        backwards = facts if call.name in ORDERED else facts[::-1]
        forth = outcome(call, made(call, facts), whole(given_))
        back = outcome(call, made(call, backwards), whole(turned(given_)))
        if call.owner in ORDERED:
            forth, back = forth[:1], back[:1]
        assert refusal(forth) == refusal(back)  # which of several faults is named first is not promised
        assert forth[refusal(forth) != "" :] == back[refusal(back) != "" :]

    law()


# Several reports of everything, in numbers whose sums depend on the order: 1e16 swallows what comes after it alone.
DENSE = [
    Write("device", instance, option, dimension, layer, (0.1, 0.2, 0.3, 1e16, -1e16)[(at + turn) % 5])
    for at, (instance, option, dimension) in enumerate(itertools.product("ABC", "ab", ("cost", "latency", "quality")))
    for turn, layer in enumerate(("value", "weight"))
]
ON_DENSE = {"from_level": "device", "to_level": "workspace", "to_instance": "acme", "cursor": {"device": "A"}}
ON_DENSE |= {"option": "a", "dimension": "cost", "instances": None, "dimensions": None}
OF_TENSOR = [call for call in CALLS if call.owner == "Tensor" and set(ON_DENSE) & {p.name for p in call.parameters}]


@pytest.mark.parametrize("call", OF_TENSOR, ids=lambda call: call.name)
def test_no_order_of_insertion_shows_in_a_sum(call: Call) -> None:
    """R3, R7, U1–U3: every reading and every way up over many terms, whatever order they were told in."""

    @SLOWLY
    @given(st.permutations(DENSE), arguments(call))
    def law(shuffled: list[Any], given_: dict[str, Any]) -> None:
        wanted = given_ | {key: x for key, x in ON_DENSE.items() if key in given_}
        assert outcome(call, built(shuffled), wanted) == outcome(call, built(DENSE), wanted)

    law()


@BY_NAME
def test_a_refusal_or_a_reading_changes_nothing_and_a_write_twice_is_once(call: Call) -> None:
    """W1, T5, U3, S3: an error leaves all as it was; the same write again adds nothing, unless that is its meaning."""

    @SLOWLY
    @given(facts_of(call), arguments(call))
    def law(facts: list[Any], given_: dict[str, Any]) -> None:
        thing, ready = made(call, facts), whole(given_)
        before = [state_of(thing), *(state_of(each) for name, each in ready.items() if name in OBJECTS)]
        first = outcome(call, thing, ready)
        if refusal(first):
            assert first[1:] == before
        elif call.name not in AGAIN_IS_MORE and not onto_itself(given_):
            again = outcome(call, thing, ready)
            assert first[1:] == again[1:], "a second time changed more: if it is meant to, say so in AGAIN_IS_MORE"

    law()


# All that goes up from a level to another; two names for everything, so that reports and old results meet.
UP = [call for call in CALLS if {"from_level", "to_level"} <= {each.name for each in call.parameters}]
_reports = st.builds(
    Write, st.sampled_from(LEVELS[1:]), st.sampled_from(["A", "B", "acme"]), st.sampled_from(["a", "b"]),
    st.sampled_from(["latency", "budget:p"]), st.just("value"), st.floats(-4, 4),
)  # fmt: skip


@pytest.mark.parametrize("call", [call for call in UP if call.owner == "Tensor"], ids=lambda call: call.name)
def test_up_twice_is_up_once_over_old_results(call: Call) -> None:
    """U1–U3, U5: a result left at the target by an earlier tick does not count, in what is returned or written."""

    @settings(SLOWLY, max_examples=150)
    @given(st.lists(_reports, min_size=4, max_size=16), arguments(call))
    def law(moves: list[Any], given_: dict[str, Any]) -> None:
        there = {"from_level": "device", "to_level": "workspace", "to_instance": "acme", "option": "a"}
        wanted = given_ | {key: x for key, x in there.items() if key in given_}
        tensor, clean = built(moves), built([move for move in moves if move.level == "device"])
        first, second = outcome(call, tensor, wanted), outcome(call, tensor, wanted)
        assert first == second
        assert first[0] == outcome(call, clean, wanted)[0]
        made = {cell for cell in clean.cells() if cell.level == "workspace"}
        assert made <= set(tensor.cells())

    law()


TWO_WAY = sorted(name for name, kind in public().items() if hasattr(kind, "to_json") and hasattr(kind, "from_json"))


@pytest.mark.parametrize("name", TWO_WAY)
def test_json_there_and_back(name: str) -> None:
    """S3, L9: whatever can be written and read comes back the same, text and answers."""
    assert name in WORLDS, f"{name}: say in tests/laws/worlds.py how it is made"
    world, kind = WORLDS[name], public()[name]

    @settings(max_examples=60, deadline=None)
    @given(world.facts)
    def law(facts: list[Any]) -> None:
        first = world.build(facts)
        again = kind.from_json(first.to_json())
        assert again.to_json() == first.to_json()
        assert kind.from_json(first.to_json().encode()).to_json() == first.to_json()
        json.loads(first.to_json())
        for read in ("resolve", "explain", "decide"):
            if hasattr(first, read):
                assert repr(getattr(again, read)({})) == repr(getattr(first, read)({}))

    law()


# What a device holds in its hands: its own three writes, and a writer bound to its slice.
HANDS = [call for call in CALLS if call.owner in ("Device", "Writer")]


@pytest.mark.parametrize("call", HANDS, ids=lambda call: call.name)
def test_a_device_changes_nothing_outside_its_slice(call: Call) -> None:
    """W2, W3, A1: whatever a device calls, what others or coarser levels read stays, in cells and in queues."""

    @SLOWLY
    @given(writes, arguments(call), cursors.filter(lambda cursor: cursor.get("device") not in ("A", "A/x")))
    def law(moves: list[Any], given_: dict[str, Any], cursor: dict[str, str]) -> None:
        tensor = built(moves)
        for dimension in ("reach", given_.get("dimension", "priv:x")):  # cells of another writer where this call writes
            for level, instance in (("global", ""), ("workspace", "acme"), ("device", "B")):
                tensor.writer("global").set_value(level, instance, given_.get("option", "a"), dimension, math.inf)
        hand = Device(tensor, "device", "A") if call.owner == "Device" else tensor.writer("device", "A")
        outside = [cell for cell in tensor.cells() if (cell.level, cell.instance) != ("device", "A")]
        seen = repr(tensor.explain(cursor))
        outcome(call, hand, given_)
        assert repr([c for c in tensor.cells() if (c.level, c.instance) != ("device", "A")]) == repr(outside)
        assert repr(tensor.explain(cursor)) == seen

    law()


def test_the_way_up_is_the_only_one() -> None:
    """W3, U3: after roll-up, and not before, a coarser level reads what a device wrote."""
    tensor = Tensor(LEVELS)
    Device(tensor, "device", "A").observe("o", "latency", 2.0)

    assert tensor.resolve({"workspace": "acme"}) == []
    assert tensor.roll_up("device", "workspace", "acme") == 1
    assert tensor.resolve({"workspace": "acme"}) == ["o"]


def test_the_discovery_finds_operators_policies_and_laws() -> None:
    """Nothing is listed that is not there, and what there must be is found."""
    names = {call.name for call in CALLS}

    assert {"Tensor.roll_up", "Writer.unset", "Budget.tick", "update_pair_trust", "FieldWriter.compact"} <= names
    assert set(AGAIN_IS_MORE) <= names
    assert {"Tensor", "AddressedField", "Receipt"} <= set(TWO_WAY)
    assert len(HANDS) >= 10
    assert {"Tensor.reduce_median", "Tensor.reduce_sum", "Tensor.roll_up", "Tensor.corroborate"} <= {c.name for c in UP}


def test_a_newcomer_is_asked_for() -> None:
    """A call with a parameter, or of a class, that is not described here fails and says where to describe it."""

    class Newcomer:
        def polish(self, shine: float) -> None:
            """Not known to any of the tables."""

    parameter = tuple(inspect.signature(Newcomer.polish).parameters.values())[1:]
    stranger = Call("Newcomer.polish", "Newcomer", Newcomer.polish, parameter)
    with pytest.raises(AssertionError, match=r"Newcomer.polish\(shine\).*worlds.py"):
        find(arguments(stranger), lambda _: True)
    with pytest.raises(AssertionError, match=r"Newcomer: a new class.*worlds.py"):
        facts_of(stranger)
    with pytest.raises(AssertionError, match=r"Newcomer.*calls.py"):
        stranger.ready()
    with pytest.raises(AssertionError, match=r"shine.*calls.py"):
        stranger.good("shine")
