"""The recorded exchanges with every provider's dialect, through Python's interpreter; the page runs the same file."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sporewright.errors import ConfigError
from sporewright.routing.dialects.chat_events import ChatEvents
from sporewright.routing.dialects.chat_request import chat_body, chat_path, key_headers
from sporewright.routing.dialects.providers import DIALECTS

EXCHANGES = json.loads((Path(__file__).parent / "chats.json").read_text(encoding="utf-8"))
ASKED = [each for each in EXCHANGES if "ask" in each]
ANSWERED = [each for each in EXCHANGES if "answer" in each]
MOST = 1 << 20


def sent(exchange: dict[str, Any]) -> dict[str, Any]:
    """The request that the option of this exchange is sent."""
    dialect, ask = DIALECTS[exchange["dialect"]], exchange["ask"]
    request, option = ask["request"], ask["option"]
    model = option.get("model", request.get("model"))
    is_streaming = request.get("stream") is True
    path = chat_path(dialect, option.get("base", ""), model=model, is_streaming=is_streaming, path=option.get("path"))
    headers = key_headers(dialect, option.get("key"))
    return {"path": path, "headers": headers, "body": chat_body(dialect, request, model=model)}


def read(exchange: dict[str, Any], pieces: list[bytes]) -> tuple[ChatEvents, list[dict[str, Any]]]:
    """The reader at the end of the answer, and all that was said."""
    events = ChatEvents(DIALECTS[exchange["dialect"]], most=MOST, choices=exchange["answer"]["choices"])
    said = [event for piece in pieces for event in events.feed(piece)]
    return events, said + events.end()


def told(events: ChatEvents, said: list[dict[str, Any]], pieces: list[str]) -> dict[str, Any]:
    """In the shape of the file."""
    parts = [{name: value for name, value in event.items() if name != "data"} for event in said]
    finish = {str(choice): reason for choice, reason in events.finish_reasons.items()}
    ending = {"ending": events.ending, "finish": finish, "usage": events.usage, "said": events.has_said_anything}
    return {"pieces": pieces, "choices": events._choices, "parts": parts, **ending}


def is_told_once(exchange: dict[str, Any]) -> bool:
    """A whole answer that gives its reason at its end, and no sooner."""
    return exchange["answer"]["ending"] == "complete" and "in each piece" not in exchange["name"]


@pytest.mark.parametrize("exchange", ASKED, ids=lambda exchange: exchange["name"])
def test_request(exchange: dict[str, Any]) -> None:
    """Each option is asked in its own dialect, or it is said what that has no words for."""
    ask = exchange["ask"]
    if "refused" in ask:
        with pytest.raises(ConfigError) as why:
            sent(exchange)
        assert ask["refused"] in str(why.value)
    else:
        assert sent(exchange) == ask["sent"]


@pytest.mark.parametrize("exchange", ANSWERED, ids=lambda exchange: exchange["name"])
def test_answer(exchange: dict[str, Any]) -> None:
    """Each answer says what is recorded, and its end is whole or is not."""
    pieces = exchange["answer"]["pieces"]

    assert told(*read(exchange, [piece.encode() for piece in pieces]), pieces) == exchange["answer"]


@given(st.sampled_from(ANSWERED), st.lists(st.integers(1, 900), max_size=30))
def test_where_an_answer_is_cut_says_nothing(exchange: dict[str, Any], cuts: list[int]) -> None:
    """The same bytes in any pieces are the same events with the same data, cut within a character, too."""
    pieces = exchange["answer"]["pieces"]
    whole = "".join(pieces).encode()
    edges = sorted({0, len(whole), *(cut for cut in cuts if cut < len(whole))})

    events, said = read(exchange, [whole[low:high] for low, high in pairwise(edges)])

    assert said == read(exchange, [whole])[1]
    assert told(events, said, pieces) == exchange["answer"]


@given(st.sampled_from([each for each in ANSWERED if is_told_once(each)]), st.data())
def test_no_beginning_of_an_answer_is_a_whole_one(exchange: dict[str, Any], data: st.DataObject) -> None:
    """Cut before its reason, an answer is never complete."""
    whole = "".join(exchange["answer"]["pieces"]).encode()
    cut = data.draw(st.integers(0, len(whole)))

    events, said = read(exchange, [whole[:cut]])

    parts = [{name: value for name, value in event.items() if name != "data"} for event in said]
    told = [part for part in exchange["answer"]["parts"] if part["type"] != "other"]
    assert events.ending != "complete" or [part for part in parts if part["type"] != "other"] == told


@given(st.sampled_from(sorted(DIALECTS)), st.lists(st.binary(max_size=40)))
def test_no_bytes_break_the_reader(dialect: Any, pieces: list[bytes]) -> None:
    """Whatever arrives is heard, and random bytes are no success."""
    events = ChatEvents(DIALECTS[dialect], most=MOST)
    for piece in pieces:
        events.feed(piece)
    events.end()

    assert events.ending != "complete"


def test_a_line_without_an_end_fills_no_memory() -> None:
    """A stream that never ends its line, and a whole answer without an end, are malformed at the limit, and let go."""
    endless = ChatEvents(DIALECTS["openai"], most=1000)
    whole = ChatEvents(DIALECTS["openai"], most=1000)
    blank = ChatEvents(DIALECTS["openai"], most=1000)

    said = [
        reader.feed(begin + 20 * b" ")
        for reader, begin in ((endless, b"data: {"), (whole, b"{"), (blank, b""))
        for _ in range(60)
    ]

    assert not any(said)
    assert [reader.ending for reader in (endless, whole, blank)] == ["malformed"] * 3
