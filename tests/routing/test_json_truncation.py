"""JSON that was cut: seen where only the answer itself can show it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sporewright.routing.json_truncation import Brackets

VALUES = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


def is_cut(*pieces: bytes) -> bool:
    """True if an end after these pieces leaves anything open."""
    brackets = Brackets()
    for piece in pieces:
        brackets.feed(piece)
    return brackets.is_open


@given(st.lists(VALUES) | st.dictionaries(st.text(), VALUES), st.booleans(), st.data())
def test_json_that_ends_in_the_middle_is_seen(value: Any, ascii_only: bool, data: st.DataObject) -> None:
    """Any beginning of an object or a list is cut, the whole of it is not."""
    text = json.dumps(value, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass")
    end = data.draw(st.integers(1, len(text) - 1))

    assert not is_cut(text)
    assert is_cut(text[:end])
    assert not is_cut(text[:end], text[end:])


@pytest.mark.parametrize(
    "text", [b"", b"  ", b'"text', b"12", b")]}'\n{", b"nul", b"\0{", b'{"a": 1}\n{"b": 2}\n', b"\n[1]\n"]
)
def test_what_is_no_object_or_several_is_not_judged(text: bytes) -> None:
    """Text, numbers, a guarded answer, lines of objects: whole as far as can be told."""
    assert not is_cut(text)


def test_a_mark_of_the_byte_order_is_no_text() -> None:
    """As blanks, it may stand before JSON; the page judges alike."""
    assert is_cut(b"\xef", b'\xbb\xbf\r\n{"a": 1')
    assert not is_cut(b'\xef\xbb\xbf{"a": 1}')
