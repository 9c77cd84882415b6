"""The tensor itself: levels, cursors, layers, listeners (T)."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sporewright.core.tensor import Cell, Tensor
from sporewright.errors import BadValueKindError, ConfigError, UnknownLevelError
from tests.strategies import LEVELS, Write, built, instances, values, writes


@pytest.mark.parametrize("levels", [[], [""], ["a", "a"], ["a", 1], "abc", b"abc", None, 5], ids=repr)
def test_levels_are_a_list_of_different_names(levels: Any) -> None:
    """T2: none, an empty one, a repeated one, a number or a bare string is a ConfigError that shows them."""
    with pytest.raises(ConfigError, match="levels must"):
        Tensor(levels)


def test_an_unknown_level_is_named_with_the_known_ones() -> None:
    """T3: every way in says which level it does not know."""
    tensor = Tensor(LEVELS)
    asks = [
        lambda: tensor.writer("galaxy"),
        lambda: tensor.resolve({"galaxy": ""}),
        lambda: tensor.explain({"galaxy": ""}),
        lambda: tensor.value({"galaxy": ""}, "o", "d"),
        lambda: tensor.options({"galaxy": ""}),
        lambda: tensor.watch({"galaxy": ""}),
        lambda: tensor.support("galaxy", "o", "d"),
        lambda: tensor.clear("galaxy", ""),
        lambda: tensor.roll_up("galaxy", "global", ""),
        lambda: tensor.roll_up("device", "galaxy", ""),
        lambda: tensor.corroborate("device", "galaxy", "", 1),
        lambda: tensor.reduce_sum("device", "galaxy", "", "o", "d"),
    ]
    for ask in asks:
        with pytest.raises(UnknownLevelError, match="'galaxy'; the levels are global, workspace, device"):
            ask()
    with pytest.raises(UnknownLevelError):
        tensor.level_index(["global"])  # type: ignore[arg-type]


@pytest.mark.parametrize("cursor", [None, "global", {"device": 1}, ["device"]], ids=repr)
def test_a_cursor_maps_strings_to_strings(cursor: Any) -> None:
    """T3: anything else is a BadValueKindError that shows it."""
    with pytest.raises(BadValueKindError, match="cursor"):
        Tensor(LEVELS).resolve(cursor)


def test_a_level_left_out_reads_the_shared_instance() -> None:
    """T3: `{}` reads the instance "" of each level."""
    tensor = Tensor(LEVELS)
    writer = tensor.writer("global")
    writer.set_value("device", "", "shared", "d", 1.0)
    writer.set_value("device", "A", "own", "d", 1.0)

    assert tensor.resolve({}) == tensor.resolve({"device": ""}) == ["shared"]
    assert tensor.resolve({"device": "A", "workspace": "acme"}) == ["own"]


@given(writes)
def test_a_layer_set_twice_keeps_the_later_and_leaves_the_other(moves: list[Write]) -> None:
    """T1, T5: the cells are exactly the last write of each layer."""
    last: dict[tuple[str, ...], dict[str, Any]] = {}
    for move in moves:
        last.setdefault(move.key[:4], {})[move.layer] = move.x
    wanted = [Cell(*at, layers.get("value"), layers.get("weight")) for at, layers in sorted(last.items())]

    assert repr(built(moves).cells()) == repr(wanted)


@pytest.mark.parametrize("x", [-1.5, 1e308, 5e-324, -0.0, math.inf, -math.inf, math.nan], ids=repr)
def test_numbers_are_kept_as_they_are(x: float) -> None:
    """T4: no clamping, no rounding, the sign of zero included."""
    tensor = Tensor(LEVELS)
    tensor.writer("global").set_value("global", "", "o", "d", x)
    tensor.writer("global").set_weight("global", "", "d", x)

    assert repr(tensor.value({}, "o", "d")) == repr(tensor.weight({}, "o", "d")) == repr(x)


def test_cells_are_sorted_by_four_names() -> None:
    """S1, T6: by the level's name, not its place, then instance, option and dimension by code point."""
    tensor = Tensor(["z", "a"])
    writer = tensor.writer("z")
    for level, instance, option, dimension in [
        ("z", "", "o", "d"),
        ("a", "\U00010000", "o", "d"),
        ("a", "\ue000", "p", "d"),
        ("a", "\ue000", "o", "e"),
        ("a", "\ue000", "o", "d"),
    ]:
        writer.set_value(level, instance, option, dimension, 1.0)

    assert [(c.level, c.instance, c.option, c.dimension) for c in tensor.cells()] == [
        ("a", "\ue000", "o", "d"),
        ("a", "\ue000", "o", "e"),
        ("a", "\ue000", "p", "d"),
        ("a", "\U00010000", "o", "d"),
        ("z", "", "o", "d"),
    ]


@given(writes, st.sampled_from(LEVELS), instances)
def test_clear_removes_one_instance_and_nothing_else(moves: list[Write], level: str, instance: str) -> None:
    """`clear` returns how many cells went; every other cell stays."""
    tensor = built(moves)
    before = tensor.cells()
    rest = [cell for cell in before if (cell.level, cell.instance) != (level, instance)]

    assert tensor.clear(level, instance) == len(before) - len(rest)
    assert repr(tensor.cells()) == repr(rest)
    assert len(tensor.store) == len(rest)
    assert tensor.clear(level, instance) == 0


def test_every_write_is_announced_once() -> None:
    """Contract 1: each way of writing tells the coordinate; removing nothing and writing after the end tell nothing."""
    tensor, heard = Tensor(LEVELS), []
    end = tensor.listen(lambda *at: heard.append(at))
    writer = tensor.writer("global")
    writer.set_value("device", "A", "a", "d", 1.0)
    writer.set_document("device", "A", "b", "d", b"")
    writer.set_weight("device", "A", "d", 1.0)
    writer.set_option_weight("device", "A", "a", "d", 1.0)
    tensor.apply_json('[{"level": "global", "inst": "", "option": "c", "dim": "d", "v": 1}]')
    tensor.roll_up("device", "workspace", "acme")
    writer.unset("device", "A", "b", "d")
    writer.unset("device", "A", "b", "d")
    tensor.clear("device", "A")
    end()
    end()
    writer.set_value("device", "A", "a", "d", 1.0)

    assert heard == [
        (2, "A", "a", "d"),
        (2, "A", "b", "d"),
        (2, "A", "", "d"),
        (2, "A", "a", "d"),
        (0, "", "c", "d"),
        (1, "acme", "a", "d"),
        (2, "A", "b", "d"),
        (2, "A", "a", "d"),
        (2, "A", "", "d"),
    ]


def test_a_listener_hears_the_levels_it_asked_for() -> None:
    """Contract 1: what is written at others does not concern it; a level that is none is refused."""
    tensor, heard = Tensor(LEVELS), []
    end = tensor.listen(lambda *at: heard.append(at), ["global", "device"])
    writer = tensor.writer("global")
    for level in LEVELS:
        writer.set_value(level, "A", "a", "d", 1.0)
    end()
    writer.set_value("device", "A", "a", "d", 2.0)

    assert heard == [(0, "A", "a", "d"), (2, "A", "a", "d")]
    with pytest.raises(UnknownLevelError):
        tensor.listen(print, ["nowhere"])
    with pytest.raises(BadValueKindError, match="listener: 3 cannot be called"):
        tensor.listen(3)  # type: ignore[arg-type]


def test_a_restored_cell_is_stated_whole_and_announced() -> None:
    """Contract 1: a layer that is not given is unset, and whoever listens at its level hears of it."""
    tensor, heard = Tensor(LEVELS), []
    tensor.writer("global").set_option_weight("device", "A", "a", "d", 2.0)
    tensor.put(1, "acme", "a", "d", 1.0, None)
    tensor.listen(lambda *at: heard.append(at))
    tensor.put(2, "A", "a", "d", 1.0, None)

    assert heard == [(2, "A", "a", "d")]
    assert (tensor.weight({"device": "A"}, "a", "d"), tensor.value({"device": "A"}, "a", "d")) == (None, 1.0)


@given(writes, values)
def test_a_value_in_the_shared_slot_decides_nothing(moves: list[Write], value: Any) -> None:
    """T2: it may be stored and read back, but no queue, listing, roll-up or corroboration ever sees it."""
    tensor, other = built(moves), built(moves)
    for level in LEVELS:
        Write(level, "A", "", "latency", "value", value).apply(tensor)
    cursor = dict.fromkeys(LEVELS, "A")
    for each in (tensor, other):
        each.roll_up("device", "workspace", "B")
        each.corroborate("device", "workspace", "B", 1)

    assert tensor.resolve(cursor) == other.resolve(cursor)
    assert repr(tensor.explain(cursor)) == repr(other.explain(cursor))
    assert tensor.options(cursor) == other.options(cursor)
    b = {"workspace": "B"}
    assert repr(tensor.value(b, "", "latency")) == repr(other.value(b, "", "latency"))


def test_many_cells_written_together_are_told_one_by_one() -> None:
    """T5, D4: listeners and watches hear of each; a stated value ends a prior, a weight merged beside it does not."""
    tensor, heard = Tensor(LEVELS), list[tuple[int, str, str, str]]()
    tensor.put_many(0, "", {("a", "d"): (3.0, None), ("b", "d"): (2.0, None), ("", "d"): (None, 1.0)})
    tensor.priors |= {("a", "d"), ("b", "d")}
    end = tensor.listen(lambda *at: heard.append(at))
    watch = tensor.watch({})
    assert watch.order() == ["b", "a"]

    tensor.put_many(0, "", {("a", "d"): (None, 0.5)}, merge=True)
    assert (tensor.priors, tensor.value({}, "a", "d"), watch.order()) == ({("a", "d"), ("b", "d")}, 3.0, ["a", "b"])
    tensor.put_many(0, "", {("a", "d"): (9.0, None), ("b", "d"): (None, None)})
    assert (tensor.priors, tensor.resolve({}), watch.order()) == (set(), ["a"], ["a"])
    assert heard == [(0, "", "a", "d"), (0, "", "a", "d"), (0, "", "b", "d")]

    end()
    watch.close()
    tensor.put_many(0, "", {("c", "d"): (0.0, None)})
    assert (len(heard), tensor.resolve({})) == (3, ["c", "a"])
