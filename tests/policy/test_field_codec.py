"""A field as JSON: the same field back, and a DecodeError that says where for anything else (S3, L)."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sporewright.errors import DecodeError
from sporewright.policy.field import AddressedField


def example() -> AddressedField:
    """A field with something of every kind in it."""
    made = AddressedField(["workspace", "device"], {"device": 0.5}, root_variance=2.0)
    writer = made.root_writer()
    writer.set_prior({}, "é\U0001f642", "cost", 0.1)
    writer.set_weight({"workspace": "acme"}, "cost", 2.0)
    writer.set_option_weight({"workspace": "acme"}, "x", "cost", 0.5)
    writer.set_gate({"workspace": "acme"}, "x", "reach", is_open=False)
    for at in range(3):
        writer.observe({"workspace": "acme", "device": "A"}, "x", "cost", 0.1 * at, 0.3)
    return made


def test_a_round_trip_is_the_same_field() -> None:
    """S3: the same text again, the same decisions, and the same after more of the same measurements."""
    one = example()
    two = AddressedField.from_json(one.to_json())
    address = {"workspace": "acme", "device": "A"}

    assert two.to_json() == one.to_json()
    for each in (one, two):
        each.root_writer().observe(address, "x", "cost", 0.7, 0.1)
    assert two.decide(address, 1.0) == one.decide(address, 1.0)


CELL: dict[str, Any] = {"address": {}, "option": "x", "dim": "cost"}
EVIDENCE: dict[str, Any] = {"precision": [1.0], "information": [1.0], "observations": 1}


@pytest.mark.parametrize(
    ("body", "where"),
    [
        ([], "field: expected an object"),
        ({"layers": "ab"}, "field.layers"),
        ({"layers": ["a", 3]}, "field.layers"),
        ({"layers": ["a", "a"], "cells": []}, "field: layers"),
        ({"layers": ["a"], "process_variance": {"a": "wide"}}, "field.process_variance.a"),
        ({"layers": ["a"], "process_variance": {"b": 1}}, "unknown layer 'b'"),
        ({"layers": ["a"], "process_variance": [1]}, "field.process_variance"),
        ({"layers": ["a"], "root_variance": -1}, "the root"),
        ({"layers": ["a"], "root_variance": True}, "field.root_variance"),
        ({"layers": ["a"]}, "field.cells"),
        ({"cells": [3]}, r"field.cells\[0\]"),
        ({"cells": [CELL | {"option": 3}]}, r"cells\[0\].option"),
        ({"cells": [CELL | {"dim": None}]}, r"cells\[0\].dim"),
        ({"cells": [CELL | {"address": None}]}, r"cells\[0\].address"),
        ({"cells": [CELL | {"address": {"c": "x"}}]}, r"cells\[0\].address"),
        ({"cells": [CELL, CELL]}, r"cells\[1\]: the same"),
        ({"cells": [CELL | {"prior": "inf"}]}, r"cells\[0\]: "),
        ({"cells": [CELL | {"prior": []}]}, r"cells\[0\].prior"),
        ({"cells": [CELL | {"option": "", "prior": 1}]}, "shared slot"),
        ({"cells": [CELL | {"w": False}]}, r"cells\[0\].w"),
        ({"cells": [CELL | {"closed": 1}]}, r"cells\[0\].closed"),
        ({"cells": [CELL | {"declared": 1}]}, r"cells\[0\].declared"),
        ({"cells": [CELL | {"prior": 1.0, "declared": False}]}, r"cells\[0\].declared"),
        ({"cells": [CELL | {"option": "", "w": 1.0, "declared": True}]}, r"cells\[0\].declared: True .* declares none"),
        ({"cells": [CELL | {"evidence": 1}]}, r"cells\[0\].evidence"),
        ({"cells": [CELL | {"evidence": EVIDENCE | {"precision": 1}}]}, "evidence.precision"),
        ({"cells": [CELL | {"evidence": EVIDENCE | {"precision": [1.0] * 65}}]}, "evidence.precision"),
        ({"cells": [CELL | {"evidence": EVIDENCE | {"precision": ["nan"]}}]}, "evidence.precision"),
        ({"cells": [CELL | {"evidence": EVIDENCE | {"precision": [-1.0]}}]}, "evidence.precision"),
        ({"cells": [CELL | {"evidence": EVIDENCE | {"precision": []}}]}, "evidence.precision"),
        ({"cells": [CELL | {"evidence": EVIDENCE | {"information": [1e201]}}]}, "evidence.information"),
        ({"cells": [CELL | {"evidence": EVIDENCE | {"information": [1.7e308, 1.7e308]}}]}, "evidence.information"),
        ({"cells": [CELL | {"evidence": EVIDENCE | {"precision": [1e200, 1e200]}}]}, "evidence.precision: the sum 2e"),
        ({"cells": [CELL | {"evidence": EVIDENCE | {"observations": 0}}]}, "observations"),
        ({"cells": [CELL | {"evidence": EVIDENCE | {"observations": True}}]}, "observations"),
        ({"cells": [CELL | {"evidence": EVIDENCE | {"observations": 2**53 + 1}}]}, "observations"),
    ],
)
def test_what_is_malformed_is_named(body: Any, where: str) -> None:
    """S3: reading is strict, and the message says where."""
    whole = {"layers": ["a", "b"], **body} if isinstance(body, dict) else body
    with pytest.raises(DecodeError, match=where):
        AddressedField.from_json(json.dumps(whole))


def test_an_open_gate_and_an_empty_cell_hold_nothing() -> None:
    """Reading what says nothing gives the empty field; a missing variance is 1."""
    told = [CELL, CELL | {"dim": "reach", "closed": False}, CELL | {"option": "", "declared": False}]
    text = json.dumps({"layers": ["a"], "cells": told})

    assert AddressedField.from_json(text).to_json() == AddressedField(["a"]).to_json()


GRAINS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.sampled_from(["inf", "nan", "x", "", "\ud800"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["a", "b", "precision", "information", "observations"]), inner, max_size=3)
    ),
    max_leaves=8,
)
CELLS = st.lists(
    st.fixed_dictionaries(
        {"address": st.just({}) | st.just({"a": "x"}) | GRAINS, "option": st.sampled_from(["", "x", "\ud800"])},
        optional={
            "dim": GRAINS | st.just("d"),
            "prior": GRAINS,
            "w": GRAINS,
            "closed": GRAINS,
            "declared": GRAINS,
            "evidence": GRAINS,
        },
    ),
    max_size=4,
)


@settings(max_examples=300, deadline=None)
@given(
    st.one_of(
        st.binary(max_size=60),
        st.text(max_size=60),
        st.builds(lambda cells: json.dumps({"layers": ["a", "b"], "cells": cells}), CELLS | GRAINS),
        st.builds(lambda depth: "[" * depth + "]" * depth, st.integers(0, 5000)),
    )
)
def test_a_snapshot_may_be_anything(text: str | bytes) -> None:
    """S3: whatever comes in, reading gives a DecodeError or a field that decides and is written again."""
    with contextlib.suppress(DecodeError):
        made = AddressedField.from_json(text)
        made.decide({"a": "x"} if made.layers else {}, 1.0)
        assert AddressedField.from_json(made.to_json()).to_json() == made.to_json()
