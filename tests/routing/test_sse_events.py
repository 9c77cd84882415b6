"""The recorded streams, through Python's reader; the page runs the same file through its own."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sporewright.routing.dialects.chat_events import ChatEvents
from sporewright.routing.dialects.providers import DIALECTS
from sporewright.routing.dialects.sse_events import Events, Heard
from sporewright.routing.dialects.sse_frames import Frame, Frames
from sporewright.routing.plan import plan_with

STREAMS = json.loads((Path(__file__).parent / "streams.json").read_text(encoding="utf-8"))


def shown(heard: Heard) -> dict[str, Any]:
    """The events that were heard, in the shape of the file."""
    seen = {
        "tokens": heard.tokens,
        "others": heard.others,
        "malformed": heard.is_malformed,
        "finished": heard.is_finished,
        "done": heard.is_done,
    }
    told = {"error": heard.error, "usage": heard.usage}
    return seen | {name: value for name, value in told.items() if value is not None}


@pytest.mark.parametrize("stream", STREAMS, ids=lambda stream: stream["name"])
def test_stream(stream: dict[str, Any]) -> None:
    """Each piece brings what is recorded, and the end is whole or is not, and an answer or none."""
    events = Events()

    assert [shown(events.feed(piece.encode())) for piece in stream["pieces"]] == stream["expect"]
    assert events.is_whole is stream["whole"]
    assert events.has_said_anything is stream["said"]


@given(st.sampled_from(STREAMS), st.lists(st.integers(0, 400), max_size=20))
def test_where_a_stream_is_cut_says_nothing(stream: dict[str, Any], cuts: list[int]) -> None:
    """The same bytes in any pieces bring the same tokens, faults and end; cut within a character, too."""
    whole = "".join(stream["pieces"]).encode()
    edges = sorted({0, len(whole), *(cut for cut in cuts if cut < len(whole))})
    at_once, in_pieces = Events(), Events()
    one = at_once.feed(whole)

    heard = [in_pieces.feed(whole[low:high]) for low, high in pairwise(edges)]

    assert sum(piece.tokens for piece in heard) == one.tokens
    assert any(piece.is_malformed for piece in heard) is one.is_malformed
    assert in_pieces.is_whole is at_once.is_whole


@pytest.mark.parametrize(
    ("said", "is_malformed"),
    [(b"caf\xc3\xa9", False), (b"caf\xe9", True), (b"caf\xc3", True), (b"\xef\xbf\xbd", False)],
)
def test_what_is_no_utf_8_is_no_json(said: bytes, is_malformed: bool) -> None:
    """In an event, in a chat's event and in a whole answer; a replacement that the provider wrote is text."""
    json_text = b'{"choices": [{"index": 0, "delta": {"content": "' + said + b'"}, "finish_reason": "stop"}]}'
    chats = [ChatEvents(DIALECTS["openai"], most=1 << 20) for _ in range(2)]

    assert Events().feed(b"data: " + json_text + b"\n\n").is_malformed is is_malformed
    chats[0].feed(b"data: " + json_text + b"\n\n")
    chats[1].feed(json_text.replace(b"delta", b"message"))
    chats[1].end()
    assert [chat.ending for chat in chats] == (["malformed", "truncated"] if is_malformed else ["complete"] * 2)


@given(st.lists(st.binary(max_size=40)))
def test_no_bytes_break_the_reader(pieces: list[bytes]) -> None:
    """Whatever arrives is heard."""
    events = Events()

    assert all(events.feed(piece).tokens >= 0 for piece in pieces)


EVENT = b"data: " + b"x" * 100 + b"\n"


@given(st.sampled_from([EVENT, b": " + b"x" * 300, b"data:\n" * 60]), st.integers(1, 50))
def test_an_event_without_an_end_fills_no_memory(stream: bytes, size: int) -> None:
    """A line, or an event of many lines, that is too long is malformed wherever it is cut, and is let go."""
    events = Events(plan_with({"event_bytes": 250}))
    stream = b"data: 1\n\n" + stream * (2 + 250 // len(stream))

    heard = [events.feed(stream[low : low + size]) for low in range(0, len(stream), size)]

    assert heard[-1].is_malformed
    assert sum(piece.others for piece in heard) == 1
    assert events.feed(b"\n\ndata: 1\n\n").others == 0


def test_events_up_to_the_limit_are_heard() -> None:
    """The limit is for one event, not for the stream; an event of just that length is heard."""
    frames = Frames(len(EVENT) - 1)

    assert [frames.feed(EVENT + b"\n") for _ in range(9)] == [[Frame("x" * 100)]] * 9
    assert not frames.is_too_long
