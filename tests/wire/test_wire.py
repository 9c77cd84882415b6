"""The wire: a golden table in both directions, and hostile text that never gets further than a named refusal."""

from __future__ import annotations

import json
import time

import pytest

from sporewright.errors import DecodeError, TooLargeError, VersionError
from sporewright.wire import (
    TYPES,
    Ack,
    Bye,
    Delta,
    ErrorMessage,
    Hello,
    Limits,
    Message,
    Ping,
    Pong,
    Push,
    Refusal,
    Resume,
    Snapshot,
    Welcome,
    decode,
    encode,
    entry_bytes,
)

CELL = {"level": "device", "inst": "A", "option": "groq", "dim": "latency", "v": 0.25, "w": "-inf"}
CELL_TEXT = '{"level":"device","inst":"A","option":"groq","dim":"latency","v":0.25,"w":"-inf"}'
GONE = {"level": "global", "inst": "", "option": "é😀", "dim": "financial"}
GONE_TEXT = '{"level":"global","inst":"","option":"é😀","dim":"financial"}'
DOCUMENT = {"level": "device", "inst": "A", "option": "groq", "dim": "note", "v": {"b64": "AAE="}}

GOLDEN: list[tuple[Message, str]] = [
    (Hello(token="h.p.s", client="c1"), '{"t":"hello","token":"h.p.s","client":"c1","resume":null,"v":1}'),
    (
        Hello(token="h.p.s", client="c1", resume=Resume("e", 7)),
        '{"t":"hello","token":"h.p.s","client":"c1","resume":{"epoch":"e","revision":7},"v":1}',
    ),
    (
        Welcome("s", "e", "acme", "A", ("global", "workspace", "device"), 7, 3, 60.0, Limits(1000, 10)),
        '{"t":"welcome","session":"s","epoch":"e","workspace":"acme","device":"A",'
        '"levels":["global","workspace","device"],"revision":7,"seq":3,"lease_s":60.0,'
        '"limits":{"message_bytes":1000,"cells":10},"v":1}',
    ),
    (Push(1, (CELL,)), '{"t":"push","seq":1,"cells":[' + CELL_TEXT + "]}"),
    (
        Ack(1, 2, (Refusal(0, "write-up", "no"),)),
        '{"t":"ack","seq":1,"accepted":2,"refused":[{"index":0,"code":"write-up","message":"no"}]}',
    ),
    (Snapshot(5, 1, 2, (CELL,)), '{"t":"snapshot","revision":5,"part":1,"parts":2,"cells":[' + CELL_TEXT + "]}"),
    (Delta(5, 6, (GONE,)), '{"t":"delta","base":5,"revision":6,"cells":[' + GONE_TEXT + "]}"),
    (Ping(0), '{"t":"ping","n":0}'),
    (Pong(2**53 - 1), '{"t":"pong","n":9007199254740991}'),
    (ErrorMessage("token", "expired", True), '{"t":"error","code":"token","message":"expired","fatal":true}'),
    (Bye("closing"), '{"t":"bye","reason":"closing"}'),
]


@pytest.mark.parametrize(("message", "text"), GOLDEN, ids=lambda value: getattr(value, "t", ""))
def test_golden_in_both_directions(message: Message, text: str) -> None:
    """Every message has one text, and the text (as str or as UTF-8) reads back as the message."""
    assert encode(message) == text
    assert decode(text) == message
    assert decode(text.encode()) == message


def test_golden_covers_every_type() -> None:
    """The golden table leaves no message type out."""
    assert {message.t for message, _ in GOLDEN} == set(TYPES)


@pytest.mark.parametrize(("message", "text"), GOLDEN, ids=lambda value: getattr(value, "t", ""))
def test_truncated_at_each_byte(message: Message, text: str) -> None:
    """A message cut anywhere is a DecodeError, also in the middle of a character."""
    data = text.encode()
    for end in range(len(data)):
        with pytest.raises(DecodeError):
            decode(data[:end])
    assert decode(data) == message


def test_every_missing_field_is_named() -> None:
    """Each field of each message is needed, and the error says which one is missing."""
    for _, text in GOLDEN:
        body = json.loads(text)
        for name in body.keys() - {"t"}:
            part = {key: value for key, value in body.items() if key != name}
            with pytest.raises(DecodeError, match=rf"{body['t']}\.{name}: missing"):
                decode(json.dumps(part))


@pytest.mark.parametrize("junk", [None, True, -1, 1.5, "x" * 3, [], {}, [None], {"b64": 3}, 2**53, "\ud800"])
def test_a_wrong_value_in_any_field_is_refused_or_equal(junk: object) -> None:
    """Junk in any one field is a DecodeError naming the field, or a value that field may have."""
    for _, text in GOLDEN:
        body = json.loads(text)
        for name in body.keys() - {"t"}:
            said = ""
            try:
                message = decode(json.dumps(body | {name: junk}))
            except (DecodeError, VersionError) as why:
                said = str(why)
            assert f"{body['t']}.{name}" in said if said else decode(encode(message)) == message


@pytest.mark.parametrize(
    ("entry", "place"),
    [
        ({"level": 3}, ".level"),
        ({"dim": "\udc00"}, ".dim"),
        ({"v": True}, ".v"),
        ({"v": None}, ".v"),
        ({"v": "infinity"}, ".v"),
        ({"v": {"b64": "%%"}}, ".v.b64"),
        ({"v": {"b64": "AA==", "x": 1}}, ".v"),
        ({"v": {"b64": "AA=="}, "w": {"b64": "AA=="}}, ".w"),
        ({"w": [1]}, ".w"),
    ],
)
def test_a_malformed_entry_is_named(entry: dict[str, object], place: str) -> None:
    """S2, S3: a malformed cell entry is refused with its index and field."""
    with pytest.raises(DecodeError, match=r"push\.cells\[1\]" + place.replace(".", r"\.")):
        decode(json.dumps({"t": "push", "seq": 1, "cells": [CELL, CELL | entry]}))


@pytest.mark.parametrize(
    "text",
    [
        "", "null", "[]", "3", '"push"', "{}", '{"t":"nope"}', '{"t":["push"]}', "{'t':'ping'}", '{"t":"ping","n":1}x',
        '{"t":"ping","n":1,"n":1}', '{"t":"ping","n":NaN}', '{"t":"ping","n":1,"x":Infinity}', '{"t":"ping","n":1e999}',
        '{"t":"ping","n":' + "9" * 5000 + "}", '{"t":"ping","n":1,"x":' + "[" * 20000 + "]" * 20000 + "}",
        '{"t":"ping","n":1,"x":' + '{"a":' * 20000, '{"t":"ping","n":1,"x":"' + '\\"' * 200_000, "\ufeff{}",
        b"\xff\xfe", b'{"t":"bye","reason":"\xed\xa0\x80"}', '{"t":"bye","reason":"\\ud83d"}', "[" * 500_000,
        '{"t":"bye","reason":"a\x00b"}', "{" + ",".join(f'"{n}":0' for n in range(90_000)) + ',"89999":0}',
    ],
)  # fmt: skip
def test_hostile_text_is_a_decode_error_in_bounded_time(text: str | bytes) -> None:
    """Whatever arrives is a DecodeError within seconds of work: never a recursion, a memory or a value error."""
    started = time.process_time()
    with pytest.raises(DecodeError):
        decode(text)
    assert time.process_time() - started < 5.0


def test_long_numbers_are_bounded() -> None:
    """A number of nearly a mebibyte neither hangs nor passes for an integer."""
    for literal in ("9" * 1_000_000, "0." + "1" * 1_000_000, "1" + "0" * 300 + "." + "0" * 900_000 + "1"):
        started = time.process_time()
        with pytest.raises(DecodeError):
            decode('{"t":"ping","n":' + literal + "}")
        assert time.process_time() - started < 5.0


def test_too_large_is_told_before_parsing() -> None:
    """Ten megabytes of anything are TooLargeError; the limit counts UTF-8 bytes, not characters."""
    for text in ("x" * 10_000_000, b"\xff" * 10_000_000):
        with pytest.raises(TooLargeError, match="10000000 bytes"):
            decode(text)
    with pytest.raises(TooLargeError):
        decode('{"t":"bye","reason":"éé"}', Limits(message_bytes=26))
    assert decode('{"t":"bye","reason":"éé"}', Limits(message_bytes=27)) == Bye("éé")


def test_cell_count_is_limited_both_ways() -> None:
    """More entries than the limit are TooLargeError when said and when heard."""
    push = Push(1, (CELL, CELL))
    with pytest.raises(TooLargeError, match="2 entries"):
        encode(push, Limits(cells=1))
    with pytest.raises(TooLargeError, match="2 entries"):
        decode(encode(push), Limits(cells=1))


def test_another_version_is_a_version_error_first() -> None:
    """A peer of another version is told so, whatever else its message holds."""
    with pytest.raises(VersionError, match="version 1, the peer version 2"):
        decode('{"t":"hello","v":2}')
    with pytest.raises(VersionError):
        decode('{"t":"welcome","v":0}')


def test_unknown_fields_are_ignored() -> None:
    """A later minor may add fields to messages and entries."""
    assert decode('{"t":"ping","n":3,"later":[1,{"x":null}]}') == Ping(3)
    assert decode(json.dumps({"t": "push", "seq": 1, "cells": [CELL | {"later": 1}]})) == Push(1, (CELL,))


def test_a_token_is_never_repeated() -> None:
    """Neither repr nor a decode error shows a token."""
    assert "h.p.s" not in repr(Hello(token="h.p.s", client="c"))
    with pytest.raises(DecodeError) as caught:
        decode('{"t":"hello","v":1,"token":"geheim-é","client":"c","resume":null}')
    assert "geheim" not in str(caught.value)


def test_encode_checks_like_decode() -> None:
    """This end cannot say what the other end would refuse."""
    with pytest.raises(DecodeError, match=r"push\.cells\[0\]\.v"):
        encode(Push(1, ({**CELL, "v": float("inf")},)))
    with pytest.raises(DecodeError, match=r"ping\.n"):
        encode(Ping(-1))


def test_entry_bytes_add_up() -> None:
    """A message of entries is as long as its frame and its entries, so that it can be cut to a limit exactly."""
    frame = len(encode(Push(1, ())))
    both = (CELL, GONE, DOCUMENT)
    assert len(encode(Push(1, both)).encode()) == frame + sum(entry_bytes(entry) for entry in both) - 1
