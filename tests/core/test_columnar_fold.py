"""Folding arrays is folding cells: the same queue and the same bits, wherever the cells are (F, R)."""

from __future__ import annotations

import math
import sys
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sporewright.core import resolve, small
from sporewright.core.columnar import fold
from sporewright.core.columnar import store as column_store
from sporewright.core.columnar.panel import Rows
from sporewright.core.columnar.scores import smallest
from sporewright.core.tensor import Tensor
from tests.core.dice import Dice
from tests.core.sizes import narrow as without_numpy
from tests.core.sizes import tiny
from tests.strategies import LEVELS, Write, built, cursors, dimensions, instances, options, scalars, writes

levels = st.sampled_from(LEVELS)
plain_writes = st.lists(
    st.one_of(
        st.builds(Write, levels, instances, options.filter(bool), dimensions, st.just("value"), scalars),
        st.builds(Write, levels, instances, st.just(""), dimensions, st.just("weight"), scalars),
    ),
    max_size=24,
)


def plain(tensor: Tensor, cursor: dict[str, str]) -> list[tuple[str, str]]:
    """(option, its score to the bit) of the plain definition, in its order."""
    slices = tensor.slices(cursor)
    scores = dict(resolve.scores(slices, resolve.options_at(slices)))
    return [(option, repr(scores[option])) for option in resolve.resolve(slices)]


def folded(tensor: Tensor, cursor: dict[str, str]) -> list[tuple[str, str]] | None:
    """The same of the arrays; None where nothing is wide."""
    found = fold.fold(tensor.store, tensor.path(cursor))
    if found is None:
        return None
    scores, ranked = fold.score(found)
    names = fold.queue(found.rows, scores, ranked)
    return [(name, repr(scores.item(found.rows.ids[name]))) for name in names]


@settings(max_examples=500)
@given(writes, writes, cursors)
def test_arrays_give_the_same_bits(moves: list[Write], more: list[Write], cursor: dict[str, str]) -> None:
    """At sizes at which cells move: order and scores of the fold are those of the plain definition over the dicts."""
    with without_numpy():
        wanted = plain(built([*moves, *more]), cursor)
    with tiny():
        tensor = built(moves)
        tensor.resolve(cursor)
        for move in more:
            move.apply(tensor)
        assert plain(tensor, cursor) == wanted
        assert folded(tensor, cursor) in (None, wanted)
        assert tensor.resolve(cursor) == [option for option, _ in wanted]


def test_a_seeded_walk_over_every_fold() -> None:
    """Cells of every kind from fixed seeds, the same on every run: the fold is the plain definition at each step."""
    for seed in range(30):
        dice, cursor = Dice(seed), {"device": "A"}
        with tiny():
            tensor = Tensor(LEVELS)
            for _ in range(40):
                if dice.chance(0.2):
                    tensor.remove(*dice.place())
                elif dice.chance(0.3):
                    tensor.put_many(2, "A", dice.cells())
                else:
                    tensor.put(*dice.place(), *dice.layers())
                assert folded(tensor, cursor) in (None, plain(tensor, cursor))
                assert tensor.resolve(cursor) == [option for option, _ in plain(tensor, cursor)]


@settings(max_examples=500)
@given(writes, writes, cursors, cursors)
def test_the_short_way_is_the_plain_one(
    moves: list[Write], more: list[Write], cursor: dict[str, str], other: dict[str, str]
) -> None:
    """A queue of lists or of merged rows is the definition's: documents, gates, own weights, NaN; after every write."""
    tensor = Tensor(LEVELS)
    for move in [*moves, *more]:
        move.apply(tensor)
        for where in (cursor, other):
            assert tensor.resolve(where) == resolve.resolve(tensor.slices(where))


@settings(max_examples=300)
@given(plain_writes, cursors, st.integers(0, 3))
def test_lists_are_dropped_when_they_are_old(moves: list[Write], cursor: dict[str, str], most: int) -> None:
    """Plain cells written, removed and cleared, with room for few lists: the queue is the definition's each time."""
    tensor = Tensor(LEVELS)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(small, "KEPT", 2)
        patch.setattr(small, "MOST", most + 2)
        for at, move in enumerate(moves):
            move.apply(tensor)
            assert tensor.resolve(cursor) == resolve.resolve(tensor.slices(cursor))
            if at % 3 == 2:
                tensor.remove(tensor.level_index(move.level), move.instance, move.option, move.dimension)
            elif at % 7 == 6:
                tensor.clear(move.level, move.instance)
            assert tensor.resolve(cursor) == resolve.resolve(tensor.slices(cursor))


def test_no_more_lists_are_kept_than_there_is_room_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """A narrow tensor read at more places than are kept begins anew, and its queues stay the definition's."""
    monkeypatch.setattr(small, "KEPT", 2)
    tensor, kept = Tensor(LEVELS), []
    for device in "ABCDEF":
        tensor.put(2, device, "a", "latency", float(ord(device)), None)
        tensor.put(2, device, "b", "latency", 67.0, None)
    tensor.put(0, "", "", "latency", None, 1.0)
    for device in "ABCDEF":
        assert tensor.resolve({"device": device}) == sorted("ab", key=lambda o: ({"a": ord(device), "b": 67}[o], o))
        kept.append(len(tensor.store.forms))
    assert max(kept) <= 2 + len(LEVELS)


def wide(options: int = 300) -> Tensor:
    """A tensor as wide as W(300)."""
    tensor = Tensor(LEVELS)
    for at in range(options):
        cells: Any = {(f"o{at:03}", name): (math.sin(at * len(name)), None) for name in ("cost", "latency", "quality")}
        tensor.put_many(0, "", cells)
        tensor.put_many(2, "A", {(f"o{at:03}", "latency"): (math.cos(at), None)})
    for name in ("cost", "latency", "quality"):
        tensor.writer("global").set_weight("global", "", name, 1.0 + len(name))
    return tensor


def test_a_wide_tensor_lies_in_columns() -> None:
    """Hundreds of options are panels along the options, at every level of the cursor."""
    store = wide().store

    assert [panel is not None for panel in (store.along(0, ""), store.along(1, ""), store.along(2, "A"))] == [
        True,
        False,
        True,
    ]
    assert store.loose(0) == {"": {"": store.slice(0, "")[""]}}


@pytest.mark.parametrize(
    "moved", ["document", "gate", "own weight", "weight that is none", "new dimension", "new option"]
)
def test_one_cell_changes_what_it_should(moved: str) -> None:
    """Every kind of cell over a wide tensor, in a panel or beside it, moves the queue as the definition says."""
    tensor = wide()
    writer = tensor.writer("global")
    {
        "document": lambda: writer.set_document("device", "A", "o007", "latency", b"x"),
        "gate": lambda: writer.set_value("workspace", "", "o007", "reach", math.inf),
        "own weight": lambda: writer.set_option_weight("global", "", "o007", "latency", -50.0),
        "weight that is none": lambda: writer.set_option_weight("device", "A", "o007", "latency", math.nan),
        "new dimension": lambda: writer.set_value("global", "", "o007", "aaa", 1e9),
        "new option": lambda: writer.set_value("device", "A", "\U00010000", "latency", -9.0),
    }[moved]()

    assert folded(tensor, {"device": "A"}) == plain(tensor, {"device": "A"})
    assert len(plain(tensor, {"device": "A"})) == {"gate": 299, "new option": 301}.get(moved, 300)


@pytest.mark.parametrize("options", [1, 2, 3, 8, 9, 127, 128, 1000])
@pytest.mark.parametrize("dimensions", [1, 2, 7, 8, 9, 40, 129])
def test_terms_are_added_one_by_one(options: int, dimensions: int) -> None:
    """R3: from 0.0, dimension by dimension, not in pairs nor in blocks, however many there are."""
    dice = np.random.default_rng(options * dimensions)
    shape = dimensions, options
    values = dice.standard_normal(shape) * 10.0 ** dice.integers(-20, 20, shape)
    weights = dice.standard_normal((dimensions, 1))
    names = tuple(f"d{at:03}" for at in range(dimensions))
    found, ranked = fold.score(fold.Folded(Rows(lambda *_: ()), names, values, np.isfinite(values), weights))

    wanted = [0.0] * options
    for line, weight in zip(values.tolist(), weights[:, 0].tolist(), strict=True):
        wanted = [score + x * weight for score, x in zip(wanted, line, strict=True)]
    assert (found.tolist(), ranked) == (wanted, None)


def test_scores_that_overflow_come_last() -> None:
    """R5: ∞ − ∞ is NaN; such options stand last, by name, without a warning."""
    tensor = wide()
    for option in ("o100", "o050"):
        tensor.put_many(0, "", {(option, "cost"): (1.7e308, None), (option, "quality"): (-1.7e308, None)})

    assert folded(tensor, {}) == plain(tensor, {})
    assert tensor.resolve({})[-2:] == ["o050", "o100"]


def test_numpy_that_comes_late_is_taken_up() -> None:
    """A tensor grown without numpy waits in dicts, and moves when it is there; the queue is the same."""
    with without_numpy():
        tensor = wide()
        assert (tensor.store.is_waiting, tensor.store.options) == (True, None)
        before = tensor.resolve({"device": "A"})
    assert tensor.resolve({"device": "A"}) == before
    assert tensor.store.along(0, "") is not None
    assert not tensor.store.is_waiting


def test_lines_stand_in_order_whenever_they_came() -> None:
    """Dimensions that come out of order, with documents and own weights in their lines, fold as they should."""
    tensor = wide()
    for name in ("zeal", "aim"):
        tensor.put_many(0, "", {(f"o{at:03}", name): (float(at % 7), None) for at in range(300)})
        tensor.put(0, "", "o005", name, b"opaque", None)
        tensor.put(0, "", "o006", name, 2.0, -30.0)
    store = tensor.store
    before = tensor.to_json()

    assert folded(tensor, {"device": "A"}) == plain(tensor, {"device": "A"})
    panel = store.along(0, "")
    assert panel is not None
    assert list(panel.arrange()) == sorted(panel.lines) == ["aim", "cost", "latency", "quality", "zeal"]
    assert [panel.lines[name] for name in panel.arrange()] == [0, 1, 2, 3, 4]
    assert tensor.to_json() == before


def test_lines_without_weights_stand_in_order_too() -> None:
    """A panel that has no weight to move along is put in order all the same."""
    tensor = Tensor(LEVELS)
    for name in "bca":
        tensor.put_many(0, "", {(f"o{at:03}", name): (float(at % 7), None) for at in range(600)})
    panel = tensor.store.along(0, "")
    assert panel is not None
    assert (panel.weights, panel.arrange()) == (None, ("a", "b", "c"))
    assert folded(tensor, {}) == plain(tensor, {})


def test_a_value_comes_to_a_cell_that_had_a_weight_alone() -> None:
    """T5: in a panel as in dicts, the weight stays and the cell is counted once."""
    tensor = Tensor(LEVELS)
    tensor.put_many(0, "", {(f"o{at:03}", name): (float(at % 7), None) for name in "ab" for at in range(600)})
    tensor.put(0, "", "o005", "b", None, 3.0)
    size = len(tensor.store)
    tensor.writer("global").set_value("global", "", "o005", "b", 2.0)

    panel = tensor.store.along(0, "")
    assert panel is not None
    assert (len(tensor.store), tensor.store.get(0, "", "o005", "b")) == (size, (2.0, 3.0))
    assert folded(tensor, {}) == plain(tensor, {})


def test_the_smallest_of_many_that_are_no_number() -> None:
    """R5: where the head reaches into NaN, the numbers come first and NaN by its place."""
    scores = [math.nan, 2.0, math.nan, 1.0, math.nan]
    names = ["a", "b", "c", "d", "e"]
    for in_order in (True, False):
        assert smallest(scores, names, None, 3, in_order) == [3, 1, 0]
        assert smallest(scores, names, None, 1, in_order) == [3]


def test_a_slice_of_columns_is_a_mapping() -> None:
    """Length, membership and a missing option, along options and along instances."""
    along = wide().slices({})[0]
    fleet = Tensor(LEVELS)
    for at in range(200):
        cells: Any = {(f"o{n}", name): (float(at), None) for n in range(4) for name in ("b", "a")}
        fleet.put_many(2, f"dev{at}", cells)
    across = fleet.slices({"device": "dev7"})[2]
    assert fleet.store.across(2) is not None

    for cells, option, count in ((along, "o007", 301), (across, "o2", 4)):
        assert (len(cells), option in cells, "nobody" in cells, cells.get("nobody")) == (count, True, False, None)
        assert list(cells[option]) == sorted(cells[option])
    assert across["o2"] == {"a": (7.0, None), "b": (7.0, None)}


def test_where_numpy_counts_as_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """In a page once it is imported, elsewhere if it can be; where it cannot, nothing breaks."""
    assert column_store.available()
    monkeypatch.setattr(sys, "platform", "emscripten")
    assert column_store.available()
    monkeypatch.delitem(sys.modules, "numpy")
    assert not column_store.available()
    monkeypatch.undo()
    monkeypatch.setitem(sys.modules, "numpy", None)
    assert not column_store.available()
    assert wide().store.is_waiting


def test_many_cells_of_a_new_instance_fill_its_lines() -> None:
    """Thousands of options written together are in panels, not in dicts, however few were there before."""
    tensor = Tensor(LEVELS)
    tensor.put_many(0, "", {(f"o{at:05}", name): (float(at), None) for at in range(5000) for name in "abc"})
    panel = tensor.store.along(0, "")

    assert panel is not None
    assert (panel.size, len(tensor.store)) == (15000, 15000)
    assert tensor.clear("global", "") == 15000
    assert (len(tensor.store), tensor.store.along(0, ""), tensor.resolve({})) == (0, None, [])
