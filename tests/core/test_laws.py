"""Laws of the core on random tensors (T, F, R, W, S)."""

from __future__ import annotations

import contextlib
import json
import math
import os
import struct
import subprocess
import sys
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sporewright.core.tensor import Tensor
from sporewright.errors import DecodeError, UnknownLevelError, WriteUpError
from tests.strategies import (
    LEVELS,
    Write,
    built,
    cursors,
    dimensions,
    distinct_writes,
    instances,
    options,
    values,
    writes,
)


def bits(x: float) -> bytes:
    """The float's eight bytes: −0.0 is not 0.0 and a NaN equals itself."""
    return struct.pack("<d", x)


@given(distinct_writes, cursors, st.randoms(use_true_random=False))
def test_order_of_writes_never_changes_a_decision(moves: list[Write], cursor: dict[str, str], chance: Any) -> None:
    """R7: the same cells written in any order give the same queue, scores and drops."""
    shuffled = list(moves)
    chance.shuffle(shuffled)
    one, two = built(moves), built(shuffled)

    assert one.resolve(cursor) == two.resolve(cursor)
    assert repr(one.explain(cursor)) == repr(two.explain(cursor))
    assert one.to_json() == two.to_json()


@given(writes, cursors)
def test_explain_adds_up_to_the_score(moves: list[Write], cursor: dict[str, str]) -> None:
    """R8: adding the terms in order gives the score bit for bit, in the order of `resolve`."""
    tensor = built(moves)
    resolution = tensor.explain(cursor)

    assert [ranked.option for ranked in resolution.ranked] == tensor.resolve(cursor)
    for ranked in resolution.ranked:
        total = 0.0
        for term in ranked.terms:
            total += term.product
        assert bits(total) == bits(ranked.score)
        names = [term.dimension for term in ranked.terms]
        assert names == sorted(names)
    for dropped in resolution.dropped:
        assert not math.isfinite(dropped.value)
        assert dropped.option not in tensor.resolve(cursor)


@given(writes, cursors)
def test_json_round_trip_keeps_decisions(moves: list[Write], cursor: dict[str, str]) -> None:
    """S1–S3: reading back what was written gives the same text, queue and explanation."""
    tensor = built(moves)
    again = Tensor.from_json(tensor.to_json())

    assert again.to_json() == tensor.to_json()
    assert repr(again.explain(cursor)) == repr(tensor.explain(cursor))
    report = again.apply_json(tensor.to_json())
    assert (report.applied, report.skipped) == (len(tensor.cells()), [])
    assert again.to_json() == tensor.to_json()


@given(writes, st.sampled_from(LEVELS), instances, st.sampled_from(LEVELS), instances, options, dimensions, values)
def test_a_refused_write_changes_nothing(
    moves: list[Write], floor: str, bound: str, level: str, instance: str, option: str, dimension: str, value: Any
) -> None:
    """W1, W2: a bound writer writes its own slice or finer, else WriteUpError and no change."""
    tensor = built(moves)
    before = tensor.to_json()
    writer = tensor.writer(floor, bound)
    finer = LEVELS.index(level) > LEVELS.index(floor)
    allowed = (level == floor and instance == bound) or (finer and instance.startswith(bound + "/"))
    write = writer.set_document if isinstance(value, bytes) else writer.set_value

    if allowed:
        write(level, instance, option, dimension, value)
        assert any(
            (c.level, c.instance, c.option, c.dimension) == (level, instance, option, dimension) for c in tensor.cells()
        )
    else:
        with pytest.raises(WriteUpError, match=level):
            write(level, instance, option, dimension, value)
        assert tensor.to_json() == before


@given(
    writes, st.sampled_from(LEVELS), instances, st.sampled_from(LEVELS), instances, st.sampled_from(LEVELS), instances
)
def test_attenuation_only_loses_reach(
    moves: list[Write], floor: str, bound: str, level: str, narrower: str, to_level: str, to: str
) -> None:
    """W2: whatever an attenuated writer may write, the writer it came from may write too."""
    tensor = built(moves)
    parent = tensor.writer(floor, bound)
    try:
        child = parent.attenuate(level, narrower)
        child.set_value(to_level, to, "o", "d", 1.0)
    except WriteUpError:
        return
    parent.set_value(to_level, to, "o", "d", 1.0)


@settings(max_examples=300)
@given(
    st.one_of(st.binary(max_size=60), st.text(max_size=60), st.text('[]{}",:0123456789.eE-+truefalsnNI ', max_size=80))
)
def test_decoders_take_anything(text: str | bytes) -> None:
    """S3: whatever comes in, reading gives a DecodeError or a clean result, never another exception."""
    tensor = Tensor(LEVELS)
    for read in (Tensor.from_json, tensor.apply_json):
        with contextlib.suppress(DecodeError):
            read(text)


json_values = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.floats(),
        st.text(max_size=4),
        st.sampled_from(["inf", "global", "A"]),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(["b64", "x"]), inner, max_size=2)
    ),
    max_leaves=6,
)


@given(
    st.lists(
        st.fixed_dictionaries(
            {
                "level": st.sampled_from([*LEVELS, "galaxy"]),
                "inst": json_values | instances,
                "option": options,
                "dim": dimensions,
            },
            optional={"v": json_values, "w": json_values},
        ),
        max_size=6,
    )
)
def test_a_malformed_cell_is_skipped_whole(cells: list[dict[str, Any]]) -> None:
    """S3: every cell is either merged in all its layers or skipped in all of them, and each skip is reported once."""
    tensor = Tensor(LEVELS)
    report = tensor.apply_json(json.dumps({"cells": cells}))

    assert report.applied + len(report.skipped) == len(cells)
    skipped = {index for index, _ in report.skipped}
    kept = Tensor(LEVELS)
    good = [cell for at, cell in enumerate(cells) if at not in skipped]
    assert kept.apply_json(json.dumps({"cells": good})).skipped == []
    assert kept.to_json() == tensor.to_json()


PROGRAM = """
import sys
from sporewright.core.tensor import Tensor
tensor = Tensor.from_json(sys.stdin.read())
print(ascii(tensor.resolve({"workspace": "acme", "device": "A"})), ascii(tensor.explain({"device": "A"})))
tensor.roll_up("device", "workspace", "acme")
tensor.corroborate("device", "global", "", 1)
print(tensor.to_json())
"""


def test_hash_seed_never_changes_a_decision() -> None:
    """R7: the same cells give the same bytes under different hash seeds."""
    tensor = Tensor(LEVELS)
    writer = tensor.writer("global")
    for at in range(40):
        writer.set_value(LEVELS[at % 3], ["", "acme", "A"][at % 3], f"o{at % 7}", f"d{at % 5}", at * 0.1)
        writer.set_weight("global", "", f"d{at % 5}", 0.1 * at)
    outputs = set()
    for hash_seed in ("0", "1", "4242"):
        env = {**os.environ, "PYTHONHASHSEED": hash_seed}
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM], input=tensor.to_json(), env=env, capture_output=True, text=True, check=True
        )
        outputs.add(done.stdout)

    assert len(outputs) == 1


@given(writes)
def test_a_closed_queue_is_empty_and_deaf(moves: list[Write]) -> None:
    """`close` gives the memory back and stops following."""
    tensor = built(moves)
    queue = tensor.watch({})
    queue.close()
    tensor.writer("global").set_value("global", "", "z", "latency", 1.0)

    assert queue.order() == []


@given(st.dictionaries(st.text(max_size=5), st.text(max_size=5), max_size=2))
def test_any_cursor_answers_or_says_which_level(cursor: dict[str, str]) -> None:
    """T3: a level the tensor lacks is an UnknownLevelError that names it."""
    strangers = [level for level in cursor if level not in LEVELS]
    if strangers:
        with pytest.raises(UnknownLevelError, match="unknown level"):
            Tensor(LEVELS).resolve(cursor)
    else:
        assert Tensor(LEVELS).resolve(cursor) == []
