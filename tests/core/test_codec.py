"""Cells as JSON: shapes, strictness, hostile input (S)."""

from __future__ import annotations

import json
import math
import time
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sporewright import jsontext
from sporewright.core.codec import decode_number, decode_value, encode_number, encode_value
from sporewright.core.tensor import Tensor
from sporewright.errors import DecodeError
from tests.strategies import LEVELS, Write, built, refusal, values, writes

CELL = {"level": "global", "inst": "", "option": "o", "dim": "d", "v": 1.0}


def tensor_text(*cells: object) -> str:
    """S1 text with those cells."""
    return json.dumps({"levels": list(LEVELS), "cells": cells})


def test_the_text_is_levels_and_sorted_cells() -> None:
    """S1, S2: exactly the documented shape; unset layers are left out."""
    tensor = Tensor(["b", "a"])
    writer = tensor.writer("b")
    writer.set_document("b", "x", "o", "d", b"\xff\x00")
    writer.set_value("a", "", "o", "e", -math.inf)
    writer.set_option_weight("a", "", "o", "e", math.nan)
    writer.set_weight("a", "", "d", math.inf)
    writer.set_value("b", "", "é", "d", 0.0)
    writer.set_option_weight("b", "", "é", "d", 0.0)

    assert json.loads(tensor.to_json()) == {
        "levels": ["b", "a"],
        "cells": [
            {"level": "a", "inst": "", "option": "", "dim": "d", "w": "inf"},
            {"level": "a", "inst": "", "option": "o", "dim": "e", "v": "-inf", "w": "nan"},
            {"level": "b", "inst": "", "option": "é", "dim": "d", "v": 0.0, "w": 0.0},
            {"level": "b", "inst": "x", "option": "o", "dim": "d", "v": {"b64": "/wA="}},
        ],
    }


@given(values)
@example(-0.0)
@example(5e-324)
def test_a_value_survives_the_trip(value: Any) -> None:
    """S2: every float64 and every document comes back bit for bit."""
    text = json.dumps(encode_value(value), allow_nan=False)
    again = decode_value(jsontext.parse(text, "value"), "value")

    assert repr(again) == repr(value)
    if isinstance(value, float):
        assert repr(decode_number(json.loads(json.dumps(encode_number(value))), "value")) == repr(value)


@given(st.text(st.characters(), max_size=6), st.text(st.characters(), max_size=6))
def test_any_name_survives_the_trip(option: str, dimension: str) -> None:
    """S3, T6: astral, combining and control characters come back, and so does the order they give."""
    tensor = Tensor(LEVELS)
    Write("global", option, option, dimension, "value", 1.0).apply(tensor)

    assert Tensor.from_json(tensor.to_json().encode()).cells() == tensor.cells()


@pytest.mark.parametrize(
    ("cell", "where"),
    [
        ({**CELL, "level": "galaxy"}, "level: unknown level 'galaxy'"),
        ({**CELL, "level": 1}, "level: 1 is not a string"),
        ({**CELL, "inst": None}, "inst: None is not a string"),
        ({**CELL, "option": ["o"]}, "option: ['o'] is not a string"),
        ({k: v for k, v in CELL.items() if k != "dim"}, "dim: None is not a string"),
        ({**CELL, "v": True}, "v: True is not a number"),
        ({**CELL, "v": None}, "v: None is not a number"),
        ({**CELL, "v": "Infinity"}, "v: 'Infinity' is not a number"),
        ({**CELL, "v": [1]}, "v: [1] is not a number"),
        ({**CELL, "v": {}}, 'v: a document is {"b64": text}, not {}'),
        ({**CELL, "v": {"b64": "aa==", "x": 1}}, "v: a document is"),
        ({**CELL, "v": {"b64": 5}}, "v: a document is"),
        ({**CELL, "v": {"b64": "a"}}, "v.b64: 'a' is not base64"),
        ({**CELL, "v": {"b64": "é==="}}, "v.b64: '\\xe9===' is not base64"),
        ({**CELL, "v": {"b64": "YQ==\n"}}, "v.b64: 'YQ==\\n' is not base64"),
        ({**CELL, "w": {"b64": "aa=="}}, "w: {'b64': 'aa=='} is not a number"),
        ({**CELL, "w": False}, "w: False is not a number"),
        (7, ": a cell is an object, not 7"),
        (None, ": a cell is an object, not None"),
    ],
    ids=str,
)
def test_a_malformed_cell_is_refused_or_skipped_with_its_place(cell: Any, where: str) -> None:
    """S3: strictly a DecodeError that says where; forgivingly the cell is skipped whole and its neighbours apply."""
    dot = "" if where.startswith(":") else "."
    with pytest.raises(DecodeError) as why:
        Tensor.from_json(tensor_text(CELL, cell))
    assert str(why.value).startswith(f"tensor.cells[1]{dot}{where}")

    tensor = Tensor(LEVELS)
    report = tensor.apply_json(tensor_text(CELL, cell, {**CELL, "option": "p"}))
    assert report.applied == 2
    assert [index for index, _ in report.skipped] == [1]
    assert report.skipped[0][1].startswith(f"cells[1]{dot}{where}")
    assert tensor.options({}) == ["o", "p"]


RAW = '{"level":"global","inst":"","option":"o","dim":"d",'


@pytest.mark.parametrize(
    ("raw", "where", "reason"),
    [
        (RAW + '"v":NaN}', ".v", "NaN is not JSON"),
        (RAW + '"v":-Infinity}', ".v", "-Infinity is not JSON"),
        (RAW + '"w":1e400}', ".w", "the number '1e400' overflows"),
        (RAW + '"v":-' + "9" * 5000 + "}", ".v", "overflows"),
        (RAW + '"v":{"b64":"aa==","b64":"aa=="}}', ".v", "duplicate key 'b64'"),
        (RAW + '"v":{"b64":1e999}}', ".v.b64", "the number '1e999' overflows"),
        (RAW + '"v":1,"v":2}', "", "duplicate key 'v'"),
        ('{"level":NaN,"inst":"","option":"o","dim":"d"}', ".level", "NaN is not JSON"),
    ],
    ids=lambda x: x[-24:],
)
def test_what_json_does_not_have_is_located(raw: str, where: str, reason: str) -> None:
    """S3: such a token or object costs its own cell only, and strictly the error says where it stands."""
    text = f'{{"levels":["global"],"cells":[{json.dumps(CELL)},{raw}]}}'
    with pytest.raises(DecodeError) as why:
        Tensor.from_json(text)
    assert str(why.value).startswith(f"tensor.cells[1]{where}: ")
    assert reason in str(why.value)

    report = Tensor(LEVELS).apply_json(text)
    assert report.applied == 1
    ((index, said),) = report.skipped
    assert index == 1
    assert said.startswith(f"cells[1]{where}: ")
    assert reason in said


@pytest.mark.parametrize(
    "text",
    [
        "",
        "nul",
        "[1,]",
        '{"levels":',
        b"\xff",
        b"\xef\xbb\xbf{}",
        "\x00",
        "[] []",
        '{"cells":{}}',
        "5",
        '"cells"',
        "NaN",
    ],
    ids=repr,
)
def test_text_that_holds_no_cells_changes_nothing(text: str | bytes) -> None:
    """S3: no JSON, or no list of cells, is a DecodeError in both readings."""
    tensor = built([Write("global", "", "o", "d", "value", 1.0)])
    before = tensor.to_json()
    for read in (Tensor.from_json, tensor.apply_json):
        with pytest.raises(DecodeError):
            read(text)
    assert tensor.to_json() == before


@pytest.mark.parametrize(
    ("data", "where"),
    [
        ([], "tensor: expected an object"),
        ({"cells": []}, "tensor.levels: None is not a list of names"),
        ({"levels": ["a", 1], "cells": []}, "tensor.levels: ['a', 1]"),
        ({"levels": [], "cells": []}, "tensor.levels: levels must"),
        ({"levels": ["a", "a"], "cells": []}, "tensor.levels: levels must differ"),
        ({"levels": ["a"]}, "tensor.cells: None is not a list"),
    ],
    ids=str,
)
def test_strict_reading_wants_levels_and_cells(data: Any, where: str) -> None:
    """S3: what is missing or of a wrong shape is named."""
    with pytest.raises(DecodeError) as why:
        Tensor.from_json(json.dumps(data))
    assert str(why.value).startswith(where)


def test_merging_takes_a_bare_list_and_keeps_the_other_layer() -> None:
    """S3, T5: `apply_json` merges; a cell with no layer at all is applied and changes nothing."""
    tensor = built([Write("global", "", "o", "d", "weight", 2.0)])
    report = tensor.apply_json(json.dumps([CELL, {k: v for k, v in CELL.items() if k != "v"} | {"option": "p"}]))

    assert (report.applied, report.skipped) == (2, [])
    assert (tensor.value({}, "o", "d"), tensor.weight({}, "o", "d")) == (1.0, 2.0)
    assert tensor.options({}) == ["o"]


@given(writes, writes)
def test_applying_twice_is_applying_once(here: list[Write], there: list[Write]) -> None:
    """S3: merging the same cells again changes nothing."""
    tensor, text = built(here), built(there).to_json()
    tensor.apply_json(text)
    once = tensor.to_json()
    tensor.apply_json(text)

    assert tensor.to_json() == once


def test_text_may_nest_as_deep_as_cells_do_and_not_much_deeper() -> None:
    """S3: sixteen deep is read, far deeper is refused before anything recurses."""
    for depth, fits in ((jsontext.MAX_NESTING, True), (2 * jsontext.MAX_NESTING + 1, False)):
        text = tensor_text({**CELL, "more": 0}).replace('"more": 0', f'"more": {"[" * (depth - 3)}{"]" * (depth - 3)}')
        if fits:
            assert len(Tensor.from_json(text).cells()) == 1
        else:
            with pytest.raises(DecodeError, match="nested deeper"):
                Tensor.from_json(text)


MANY = 200_000


@pytest.mark.parametrize(
    "text",
    [
        "[" * MANY,
        "[" * MANY + "]" * MANY,
        '{"a":' * MANY,
        '{"a":[' * MANY + "]}" * MANY,
        "[}" * MANY,
        '"' + "\\" * MANY,
        '"\\' * MANY,
        '["' * MANY,
        "9" * MANY,
        "-" * MANY,
        "1e" + "9" * MANY,
        "[" + "1e999," * MANY + "1]",
        "[" + "{}," * MANY + "{}]",
        '{"cells":[' + '{"a":1,"a":2},' * MANY + "0]}",
        " " * MANY,
    ],
    ids=lambda text: text[:14],
)
def test_large_hostile_text_is_answered_quickly(text: str) -> None:
    """S3: deep nesting, endless numbers, unclosed strings: a DecodeError or a report, in time linear in the text."""
    start = time.process_time()
    with pytest.raises(DecodeError):
        Tensor.from_json(text)
    tensor = Tensor(LEVELS)

    assert len(refusal(tensor.apply_json, text)) < 300
    assert tensor.cells() == []
    assert time.process_time() - start < 20


def test_a_lone_surrogate_is_a_name_like_any_other() -> None:
    """S3: an escaped half of a pair is kept, comes back, and its message can always be printed."""
    text = tensor_text({**CELL, "option": "\ud800"})
    tensor = Tensor.from_json(text)

    assert tensor.resolve({}) == ["\ud800"]
    assert Tensor.from_json(tensor.to_json()).resolve({}) == ["\ud800"]
    assert tensor.apply_json(tensor_text({**CELL, "level": "\ud800"})).skipped[0][1].encode()


PIECES = """[ ] { } , : " "levels" "cells" ["global"] NaN 1e999 1e-999 -0 true null "b64" "v" \\u \\ud800 é \ufeff"""
fragments = st.lists(st.sampled_from([*PIECES.split(), json.dumps(CELL), "\ud800", "9" * 30]), max_size=14)


@given(fragments)
def test_any_mixture_of_fragments_is_answered(parts: list[str]) -> None:
    """S3: a DecodeError with a printable message or a clean tensor, never another exception."""
    text = "".join(parts)
    tensor = Tensor(LEVELS)
    for read in (Tensor.from_json, tensor.apply_json):
        said = refusal(read, text)
        assert said.encode()[:8] in (b"", b"decode: ")
    assert Tensor.from_json(tensor.to_json()).to_json() == tensor.to_json()
