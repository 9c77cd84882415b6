"""Writing down: floors, slices, kinds of payload (W)."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sporewright.core.tensor import Tensor
from sporewright.core.writer import Writer
from sporewright.errors import BadValueKindError, UnknownLevelError, WriteUpError
from tests.strategies import LEVELS, instances, refusal


def reach(tensor: Tensor, writer: Writer) -> set[tuple[str, str]]:
    """Every (level, instance) of a small world that the writer may write at."""
    found = set()
    for level in LEVELS:
        for instance in ("", "/x", "A", "A/", "A/x", "A/x/y", "AB", "B", "B/x"):
            try:
                writer.set_value(level, instance, "o", "d", 1.0)
            except WriteUpError:
                continue
            found.add((level, instance))
    assert {(cell.level, cell.instance) for cell in tensor.cells()} == found
    return found


def reach_of(*steps: tuple[str, str | None]) -> set[tuple[str, str]]:
    """The reach of a writer minted at the first step and attenuated by the others."""
    tensor = Tensor(LEVELS)
    writer = tensor.writer(*steps[0])
    for step in steps[1:]:
        writer = writer.attenuate(*step)
    return reach(tensor, writer)


def test_a_floor_admits_itself_and_finer() -> None:
    """W1: nothing coarser, any instance."""
    assert {level for level, _ in reach_of(("global", None))} == set(LEVELS)
    assert {level for level, _ in reach_of(("workspace", None))} == {"workspace", "device"}
    assert {level for level, _ in reach_of(("device", None))} == {"device"}
    assert ("device", "B/x") in reach_of(("device", None))


def test_a_slice_admits_its_instance_and_names_below_it() -> None:
    """W2: at its level only that instance, at finer ones only `<instance>/…`: "AB" and "A" itself are outside."""
    assert reach_of(("workspace", "A")) == {
        ("workspace", "A"),
        ("device", "A/"),
        ("device", "A/x"),
        ("device", "A/x/y"),
    }
    assert reach_of(("device", "A")) == {("device", "A")}
    assert reach_of(("workspace", "")) == {("workspace", ""), ("device", "/x")}


def test_attenuating_takes_the_finer_floor_and_the_narrower_slice() -> None:
    """W2: in either order; naming something wider changes nothing."""
    assert reach_of(("global", None), ("device", "A")) == {("device", "A")}
    assert reach_of(("device", None), ("global", None)) == reach_of(("device", None))
    assert reach_of(("workspace", "A"), ("device", None)) == {("device", "A/"), ("device", "A/x"), ("device", "A/x/y")}
    assert reach_of(("workspace", "A"), ("device", "A/x")) == {("device", "A/x")}
    assert reach_of(("device", "A/x"), ("workspace", "A")) == {("device", "A/x")}
    assert reach_of(("device", None), ("workspace", "B")) == {("device", "B/x")}


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (("workspace", "A"), ("workspace", "B")),
        (("workspace", "A"), ("device", "B/x")),
        (("workspace", "A"), ("device", "A")),
        (("device", "A"), ("device", "A/x")),
        (("device", "A/x"), ("workspace", "B")),
    ],
    ids=repr,
)
def test_a_slice_outside_is_refused(first: tuple[str, str], second: tuple[str, str]) -> None:
    """W2: attenuating to a slice the writer does not contain is a WriteUpError that names both."""
    with pytest.raises(WriteUpError, match=r"outside this writer's slice \('"):
        Tensor(LEVELS).writer(*first).attenuate(*second)


steps = st.lists(st.tuples(st.sampled_from(LEVELS), st.none() | instances), min_size=2, max_size=4)


@given(steps)
def test_no_chain_of_attenuations_gains_reach(chain: list[tuple[str, str | None]]) -> None:
    """W2: whatever is asked for, each handle reaches no more than the one it came from."""
    try:
        narrow = reach_of(*chain)
    except WriteUpError:
        return

    assert narrow <= reach_of(*chain[:-1])


def test_a_refusal_names_the_coordinate() -> None:
    """W1: the message says where and what the writer may do; an unknown level is told apart from a write-up."""
    tensor = Tensor(LEVELS)
    with pytest.raises(WriteUpError, match=r"'o', 'd'\): level 'global' is coarser than this writer's floor 'device'"):
        tensor.writer("device").set_value("global", "", "o", "d", 1.0)
    with pytest.raises(WriteUpError, match=r"'B', '', 'd'\): outside this writer's slice \('device', 'A'\)"):
        tensor.writer("device", "A").set_weight("device", "B", "d", 1.0)
    with pytest.raises(UnknownLevelError, match="galaxy"):
        tensor.writer("global").set_value("galaxy", "", "o", "d", 1.0)
    with pytest.raises(UnknownLevelError, match="galaxy"):
        tensor.writer("global").attenuate("galaxy")


@pytest.mark.parametrize("bad", [None, True, "1", b"1", [1], 1j, 10**400], ids=lambda x: type(x).__name__)
def test_a_scalar_is_a_number(bad: Any) -> None:
    """C2, W1: anything else, an integer beyond float64 included, is a BadValueKindError and changes nothing."""
    tensor = Tensor(LEVELS)
    writer = tensor.writer("global")
    for write in (writer.set_value, writer.set_option_weight):
        with pytest.raises(BadValueKindError, match=r"\('global', '', 'o', 'd'\)"):
            write("global", "", "o", "d", bad)
    with pytest.raises(BadValueKindError):
        writer.set_weight("global", "", "d", bad)

    assert tensor.cells() == []


def test_integers_become_floats() -> None:
    """T1: an integer is rounded to the nearest float64."""
    tensor = Tensor(LEVELS)
    tensor.writer("global").set_value("global", "", "o", "d", 2**53 + 1)

    assert repr(tensor.value({}, "o", "d")) == "9007199254740992.0"


def test_a_document_is_bytes() -> None:
    """T1: any bytes-like thing is copied; text is a BadValueKindError that names the coordinate."""
    tensor = Tensor(LEVELS)
    writer, data = tensor.writer("global"), bytearray(b"ab")
    writer.set_document("global", "", "o", "d", data)
    writer.set_document("global", "", "o", "e", memoryview(b"cd"))
    data[0] = 0
    with pytest.raises(BadValueKindError, match=r"\('global', '', 'o', 'd'\): 'text' is not bytes"):
        writer.set_document("global", "", "o", "d", "text")  # type: ignore[arg-type]

    assert (tensor.document({}, "o", "d"), tensor.document({}, "o", "e")) == (b"ab", b"cd")


@pytest.mark.parametrize("at", range(4))
def test_a_coordinate_is_made_of_strings(at: int) -> None:
    """T1: anything else is a BadValueKindError, also in a slice."""
    coordinate: list[Any] = ["global", "", "o", "d"]
    coordinate[at] = 7
    writer = Tensor(LEVELS).writer("global")
    with pytest.raises(BadValueKindError, match="7"):
        writer.set_value(*coordinate, 1.0)
    with pytest.raises(BadValueKindError, match="7"):
        writer.unset(*coordinate)
    with pytest.raises(BadValueKindError, match="slice"):
        Tensor(LEVELS).writer("global", 7)  # type: ignore[arg-type]


def test_unset_removes_both_layers() -> None:
    """W4: the cell is gone, a second time there is nothing to remove, and coarser cells show again."""
    tensor = Tensor(LEVELS)
    writer = tensor.writer("global")
    writer.set_value("global", "", "o", "d", 1.0)
    writer.set_value("device", "A", "o", "d", 2.0)
    writer.set_option_weight("device", "A", "o", "d", 3.0)

    assert writer.unset("device", "A", "o", "d") is True
    assert writer.unset("device", "A", "o", "d") is False
    assert tensor.value({"device": "A"}, "o", "d") == 1.0
    assert tensor.weight({"device": "A"}, "o", "d") is None
    with pytest.raises(WriteUpError):
        tensor.writer("device").unset("global", "", "o", "d")
    assert tensor.value({}, "o", "d") == 1.0


def test_a_writer_admits_json_cell_by_cell() -> None:
    """W4: its own cells are merged, each refused one is reported with its code and coordinate and changes nothing."""
    tensor = Tensor(LEVELS)
    cells = [
        {"level": "device", "inst": "A", "option": "o", "dim": "d", "v": "inf", "w": 2},
        {"level": "device", "inst": "B", "option": "o", "dim": "d", "v": 1},
        {"level": "global", "inst": "", "option": "o", "dim": "d", "w": 1},
        {"level": "galaxy", "inst": "", "option": "o", "dim": "d", "v": 1},
    ]
    report = tensor.writer("device", "A").apply_json(json.dumps({"cells": cells}))

    assert report.applied == 1
    assert [index for index, _ in report.skipped] == [1, 2, 3]
    assert report.skipped[0][1].startswith("write-up: ('device', 'B', 'o', 'd')")
    assert report.skipped[1][1].startswith("write-up: ('global', '', 'o', 'd')")
    assert "galaxy" in report.skipped[2][1]
    assert [(c.instance, c.value, c.weight) for c in tensor.cells()] == [("A", math.inf, 2.0)]


@given(st.sampled_from(LEVELS), instances, st.sampled_from(LEVELS), instances, st.booleans())
def test_json_and_calls_meet_the_same_refusals(floor: str, bound: str, level: str, instance: str, w: bool) -> None:
    """W1, W4: a cell through `apply_json` is refused exactly where the call is, with the same code."""
    by_call, by_json = Tensor(LEVELS), Tensor(LEVELS)
    layer = {"w": 1.0} if w else {"v": 1.0}
    report = by_json.writer(floor, bound).apply_json(
        json.dumps([{"level": level, "inst": instance, "option": "o", "dim": "d", **layer}])
    )
    writer = by_call.writer(floor, bound)
    said = refusal(writer.set_option_weight if w else writer.set_value, level, instance, "o", "d", 1.0)

    assert report.skipped == ([(0, said)] if said else [])
    assert by_call.to_json() == by_json.to_json()
