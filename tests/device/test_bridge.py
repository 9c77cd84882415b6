"""The bridge: any text in, a valid envelope out; and the same events give the same bytes in any process."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from sporewright.device.bridge import Bridge
from sporewright.device.calls import CALLS, EFFECTS, EVENTS, PUSHES
from sporewright.device.shapes import check
from sporewright.errors import CODES
from tests.device.fleet import LEVELS, URL, entry, start_body

ROOT = Path(__file__).resolve().parents[2]
SHAPES = dict(
    zip(("reply", "connect", "send", "disconnect", "wake", "save", "push", "load", "tell"), EFFECTS, strict=True)
)

NAMES = st.sampled_from(["", "alpha", "beta", "\U0001f344", "e\u0301", "\ud800", "a\nb", "device", "latency", "reach"])
NUMBERS = st.one_of(st.floats(-10, 10), st.sampled_from(["inf", "-inf", "nan"]), st.integers(-5, 5))
CALL_BODIES: dict[str, Any] = {
    "start": st.just(start_body() | {"orchestrator": URL, "token": "t", "device": "A"}),
    "resolve": st.fixed_dictionaries({}, optional={"cursor": st.dictionaries(NAMES, NAMES, max_size=2)}),
    "explain": st.fixed_dictionaries(
        {}, optional={"preferences": st.dictionaries(st.sampled_from(["only", "order"]), st.lists(NAMES, max_size=2))}
    ),
    "figures": st.fixed_dictionaries({"options": st.lists(NAMES, max_size=2)}),
    "observe": st.fixed_dictionaries({"option": NAMES, "dimension": NAMES, "value": NUMBERS}),
    "gate": st.fixed_dictionaries({"option": NAMES, "reachable": st.booleans()}),
    "attest": st.fixed_dictionaries({"option": NAMES, "capability": NAMES, "can": st.booleans()}),
    "outcome": st.fixed_dictionaries(
        {"option": NAMES, "outcome": st.sampled_from(["ok", "refused", "rate_limited", "timed_out", "aborted", "odd"])},
        optional={"latency_s": st.floats(-1, 10), "retry_after_s": st.floats(-1, 1e9)},
    ),
    "watch": st.fixed_dictionaries({"watch": NAMES, "limit": st.integers(-1, 3)}, optional={"figures": st.booleans()}),
    "unwatch": st.fixed_dictionaries({"watch": NAMES}),
    "token": st.fixed_dictionaries({"token": NAMES}),
    "close": st.just({}),
}
CELL = entry("workspace", "acme", "alpha", "latency", v=3)
WORDS = [
    {"t": "welcome", "v": 1, "session": "s", "epoch": "db", "workspace": "acme", "device": "B", "levels": list(LEVELS),
     "revision": 3, "seq": 0, "lease_s": 30, "limits": {"message_bytes": 4000, "cells": 8}},
    {"t": "ack", "seq": 1, "accepted": 1, "refused": [{"index": 0, "code": "write-up", "message": "no"}]},
    {"t": "ack", "seq": 1, "accepted": 1, "refused": [{"index": 99, "code": "write-up", "message": "no"}]},
    {"t": "snapshot", "revision": 3, "part": 1, "parts": 1, "cells": [CELL]},
    {"t": "delta", "base": 3, "revision": 4, "cells": [CELL]},
    {"t": "pong", "n": 1},
    {"t": "error", "code": "token", "message": "no", "fatal": True},
    {"t": "bye", "reason": "x"},
]  # fmt: skip
calls = st.one_of(
    *(st.fixed_dictionaries({"type": st.just("call"), "call": st.just(c), "body": b}) for c, b in CALL_BODIES.items())
)
EVENT = st.one_of(
    calls,
    st.sampled_from([{"type": "opened"}, {"type": "closed"}, {"type": "woken"}]),
    st.sampled_from(WORDS).map(lambda word: {"type": "message", "text": json.dumps(word)}),
    st.builds(lambda k, t: {"type": "stored", "key": k, "text": t}, NAMES, NAMES),
    st.builds(lambda k: {"type": "save_failed", "keys": [k], "message": "full"}, NAMES),
)
SCRIPT = st.lists(st.tuples(st.floats(-1, 40), EVENT), max_size=25)


def requests_of(script: list[tuple[float, dict[str, Any]]]) -> list[str]:
    """The script as texts, started first, on a clock that sometimes runs backwards."""
    now, texts = 1000.0, []
    start = {"type": "call", "call": "start", "body": start_body() | {"orchestrator": URL, "token": "t"}}
    for delay, event in [(0.0, start), *script]:
        now += delay
        texts.append(json.dumps({"now": now, "event": event}))
    return texts


def assert_envelope(text: str) -> None:
    """The text is one of the two envelopes, every effect and every body of the declared shape."""
    answer = json.loads(text, parse_constant=lambda token: f"not JSON: {token}")
    if answer["ok"] is not True:
        assert set(answer) == {"ok", "error"}
        assert answer["error"]["code"] in CODES
        assert isinstance(answer["error"]["message"], str)
        return
    for effect in answer["effects"]:
        check("effect", SHAPES[effect["type"]], effect)
        if effect["type"] == "push":
            check(effect["push"], PUSHES[effect["push"]], effect["body"])
        if effect["type"] == "reply":
            assert ("body" in effect) != ("error" in effect)
            assert effect.get("error", {}).get("code") != "internal", effect


@given(st.text())
def test_any_text_gets_an_envelope(text: str) -> None:
    """Whatever text comes in, the answer is a valid envelope with a stable code, not a defect of ours."""
    answer = Bridge().handle(text)

    assert_envelope(answer)
    assert "internal" not in answer


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(), lambda x: st.lists(x) | st.dictionaries(st.text(), x)
    )
)
def test_any_json_gets_an_envelope(value: Any) -> None:
    """Whatever JSON comes as an event, the answer is a valid envelope."""
    answer = Bridge().handle(json.dumps({"now": 1, "event": value}))

    assert_envelope(answer)
    assert "internal" not in answer


@given(SCRIPT)
def test_any_sequence_of_events_keeps_the_shapes(script: list[tuple[float, dict[str, Any]]]) -> None:
    """Calls, socket words and storage in any order: declared shapes only, and never an internal error."""
    bridge = Bridge()
    for text in requests_of(script):
        answer = bridge.handle(text)
        assert_envelope(answer)
        assert '"code":"internal"' not in answer.replace(" ", "")
        event = json.loads(text)["event"]
        for effect in json.loads(answer).get("effects", []):
            if effect["type"] == "reply" and "body" in effect:
                check("reply", CALLS[event["call"]][1], effect["body"])


@given(SCRIPT)
def test_the_same_events_give_the_same_effects(script: list[tuple[float, dict[str, Any]]]) -> None:
    """Two engines fed the same events answer with the same bytes."""
    one, two = Bridge(), Bridge()

    for text in requests_of(script):
        assert one.handle(text) == two.handle(text)


REPLAY = """
import json, sys
from sporewright.device.bridge import Bridge
bridge = Bridge()
for text in json.load(sys.stdin):
    print(bridge.handle(text))
"""


def test_a_replay_in_another_process_gives_the_same_bytes() -> None:
    """The hash seed changes nothing: three processes with three seeds answer alike (R7)."""
    script: list[tuple[float, dict[str, Any]]] = [
        (0.1, {"type": "opened"}),
        (0.1, {"type": "message", "text": json.dumps(WORDS[0])}),
    ]
    for n in range(30):
        body = {"option": f"option-{n * 7 % 13}", "dimension": f"d{n % 5}", "value": n / 3}
        script.append((0.1, {"type": "call", "call": "observe", "body": body}))
        script.append(
            (0.1, {"type": "call", "call": "outcome", "body": {"option": f"o{n % 4}", "outcome": "rate_limited"}})
        )
    script += [(0.1, {"type": "message", "text": json.dumps(word)}) for word in WORDS[3:5]]
    script += [
        (0.1, {"type": "call", "call": "explain", "body": {}}),
        (31.0, {"type": "woken"}),
        (5.0, {"type": "closed"}),
    ]
    texts = json.dumps(requests_of(script))

    outputs = {
        subprocess.run(
            [sys.executable, "-c", REPLAY],
            input=texts,
            capture_output=True,
            text=True,
            check=True,
            cwd=ROOT,
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT)},
        ).stdout
        for seed in ("0", "1", "4242")
    }

    assert len(outputs) == 1
    assert outputs.pop().count("\n") == len(script) + 1


def test_the_hot_path_decides_like_the_calls() -> None:
    """`observe` and `head` beside JSON: the head is current at once, the effects come with the next step."""
    bridge = Bridge()
    assert bridge.head() == "[]"
    assert json.loads(bridge.observe("alpha", "latency", 9.0))["code"] == "engine"
    bridge.handle(requests_of([])[0])

    assert bridge.observe("alpha", "latency", 9) == ""
    assert json.loads(bridge.head()) == ["beta", "gamma", "alpha"]
    answer = json.loads(bridge.handle(json.dumps({"now": 1001, "event": {"type": "woken"}})))

    assert [effect["type"] for effect in answer["effects"]][:2] == ["save", "push"]
    assert json.loads(bridge.observe("alpha", "reach", 0.0))["code"] == "write-up"
    assert json.loads(bridge.observe("alpha", "latency", "9"))["code"] == "decode"  # type: ignore[arg-type]
    assert json.loads(bridge.observe(3, "latency", 1.0))["code"] == "decode"  # type: ignore[arg-type]
    assert bridge.observe("alpha", "latency", math.inf) == ""
    assert json.loads(bridge.head()) == ["beta", "gamma"]


def test_every_event_has_a_shape_and_a_handler() -> None:
    """The events declared are the events taken."""
    for kind in EVENTS:
        answer = Bridge().handle(json.dumps({"now": 0, "event": {"type": kind.__name__}}))
        assert json.loads(answer)["error"]["code"] == "decode"
