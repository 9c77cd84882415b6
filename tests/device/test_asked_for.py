"""What a request asks for at the top level of its body; the cases are the page's, too (web/tests/asked-for.test.ts)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from sporewright.device.asked_for import LOOK_BYTES, asked_for
from sporewright.server.demo.faults import Step
from tests.device.faulty import fleet_of

CASES = json.loads((Path(__file__).parents[1] / "routing" / "asked-for.json").read_text())


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_a_case(case: dict[str, Any]) -> None:
    """What stands deeper in the body is content, and asks for nothing."""
    headers = {} if case["accept"] is None else {"accept": case["accept"]}
    request = httpx.Request("POST", f"http://a.invalid{case['path']}", headers=headers)

    assert asked_for(request, case["body"].encode()) == (case["stream"], case["model"])


def test_a_body_that_is_not_looked_into_may_ask_for_anything() -> None:
    """Too long, too deep, or no JSON at all: an answer in either form is one."""
    request = httpx.Request("POST", "http://a.invalid/")
    long = b'{"stream": true, "x": "%s"}' % (b"x" * LOOK_BYTES)
    deep = b'{"stream": true, "x": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"

    assert asked_for(request, long) == (None, None)
    assert asked_for(request, deep) == (None, None)


async def test_a_word_in_the_history_refuses_no_answer() -> None:
    """A tool's input that says `stream` costs no whole answer its place."""
    said = {"messages": [{"role": "user", "content": "x"}], "metadata": {"stream": True}}
    async with fleet_of({"a": [Step()], "b": [Step()]}) as fleet:
        answer = await fleet.chat(stream=False, body=said)
        assert answer.extensions["sporewright"].option == "a"
        assert len(fleet.attempts("a")) == 1


async def test_a_listener_that_raises_costs_no_call_its_answer() -> None:
    """`on_attention` is the operator's code; its mistake goes where asyncio reports such, and the call goes on."""

    def listener(_: object) -> None:
        raise RuntimeError("a listener's bug")

    async with fleet_of({"a": [Step("status", status=402)], "b": [Step()]}, on_attention=listener) as fleet:
        answer = await fleet.chat(stream=False)
        assert answer.extensions["sporewright"].option == "b"
