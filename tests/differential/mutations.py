"""Recorded bytes and JSON with something wrong in them: spans lost, doubled or exchanged, values of another kind."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from tests.differential.dice import Dice

__all__ = ["cut", "mutated", "twist", "twisted"]

ODD = (
    b"\n", b"\r", b"\r\n", b"\n\n", b"data: ", b"data:", b": ", b"event: error\n", b"[DONE]", b'"', b"\\", b"{", b"}",
    b"[", b"]", b"\xef\xbb\xbf", b"\xff", b"\xc3", b"\xe2\x82", b"\xf0\x9f\x98\x80", b"\xed\xa0\x80", b"\x00", b"\x1c",
    b"\x85", b"\xc2\x85", b"\xc2\xa0", b"\xe2\x80\xa8", b"\t", b"\x0b", b" ", b"data: [DONE]\n\n", b"data: {}\n\n",
    b"data: 1\n\n", b"null", b"NaN", b"1e400", b"\\ud83d", b"\\u0000", b"-0", b"1.0", b",", b"data: x\n\n",
    b"9" * 500, b"[" * 101 + b"]" * 101,
    b"[" * 97 + b"]" * 97, b'{"x":[' * 50 + b"]}" * 50,
)  # fmt: skip
VALUES: Sequence[Any] = (
    None, "", "x", 0, 1, True, False, [], {}, [{}], {"x": 1}, -1, 1.0, 0.5, "stop", "é", "\ud83d", "1", 2, 1e16, 10**20,
    1e-7, {"__proto__": {"x": 1}}, [[1.0, {"b": 2, "1": 3}]], {"a": {"b": [1, "\x7f\u2028", None]}}, "tool_calls",
)  # fmt: skip
KEYS = (
    "index",
    "finish_reason",
    "content",
    "error",
    "type",
    "text",
    "usage",
    "__proto__",
    "constructor",
    "length",
    "0",
)


def mutated(dice: Dice, data: bytes, others: Sequence[bytes]) -> bytes:
    """Up to three changes of the bytes."""
    for _ in range(dice.below(4)):
        low = dice.below(len(data) + 1) if dice.byte() & 7 else 0
        high = min(len(data), low + dice.below(1 + min(60, len(data))))
        kind = dice.below(4)
        if kind == 0:
            data = data[:low] + data[high:]
        elif kind == 1:
            data = data[:low] + dice.one(ODD) + data[low:]
        elif kind == 2:
            data = data[:low] + data[low:high] * 2 + data[high:]
        else:
            other = dice.one(others)
            at = dice.below(len(other) + 1)
            data = data[:low] + other[at : at + 80] + data[high:]
    return data


def cut(dice: Dice, data: bytes) -> list[bytes]:
    """In up to seven pieces, empty ones among them; some within a character, or between CR and LF."""
    edges = sorted(dice.below(len(data) + 1) for _ in range(dice.below(7)))
    return [data[low:high] for low, high in zip([0, *edges], [*edges, len(data)], strict=True)]


def twisted(dice: Dice, data: bytes) -> bytes:
    """Each event, or the whole, with some of its JSON changed; what is no JSON stays as it is."""
    lines = data.split(b"\n")
    for _ in range(dice.below(3)):
        at = dice.below(len(lines))
        head, body = (b"data: ", lines[at][6:]) if lines[at].startswith(b"data: ") else (b"", lines[at])
        try:
            said = json.loads(body)
        except ValueError:
            continue
        lines[at] = head + json.dumps(twist(dice, said)).encode()
    return b"\n".join(lines)


def twist(dice: Dice, said: Any) -> Any:
    """A value within it is another one, or is not there, or has another name."""
    places = list(_places(said))
    if not places:
        return dice.one(VALUES)
    inside, key = dice.one(places)
    kind = dice.below(4)
    if kind == 0:
        inside[key] = dice.one(VALUES)
    elif kind == 1:
        del inside[key]
    elif kind == 2 and isinstance(inside, dict):
        inside[dice.one(KEYS)] = inside.pop(key)
    else:
        inside[key] = [inside[key], inside[key]] if isinstance(inside, dict) else {"x": inside[key]}
    return said


def _places(said: Any) -> list[tuple[Any, Any]]:
    keys = list(said) if isinstance(said, dict) else list(range(len(said))) if isinstance(said, list) else []
    return [(said, key) for key in keys] + [place for key in keys for place in _places(said[key])]
