"""The wishes at the top level of a request's body; the page's, too (`web/tests/call/asked-for.test.ts`)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from sporewright.device.asked_for import LOOK_BYTES, asked_for
from sporewright.device.outgoing import Upstream
from sporewright.device.transport import NOWHERE, RoutingTransport
from sporewright.routing.plan import PLAN
from sporewright.server.demo.faults import Step
from tests.device.echo_server import EchoServer
from tests.device.faulty import fleet_of

FIELDS = PLAN["repeatable"]["fields"]
CASES = json.loads((Path(__file__).parents[1] / "routing" / "asked-for.json").read_text())


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_a_case(case: dict[str, Any]) -> None:
    """A field deeper in the body is content, and asks for nothing."""
    given = {"accept": case["accept"], "content-type": case.get("type")}
    headers = {name: value for name, value in given.items() if value is not None}
    request = httpx.Request("POST", f"http://a.invalid{case['path']}", headers=headers)

    found = asked_for(request, case["body"].encode(), FIELDS)
    assert found == (case["stream"], case["model"], case["infers"])


def test_a_body_that_is_not_looked_into_may_ask_for_anything() -> None:
    """Too long, too deep, or no JSON at all: an answer in either form is one."""
    request = httpx.Request("POST", "http://a.invalid/")
    long = b'{"stream": true, "x": "%s"}' % (b"x" * LOOK_BYTES)
    deep = b'{"stream": true, "x": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"

    assert asked_for(request, long, FIELDS) == (None, None, True)
    assert asked_for(request, deep, FIELDS) == (None, None, True)


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


async def test_another_service_s_messages_are_no_inference() -> None:
    """Mail that was sent is sent once, and what the service says of it is the caller's."""
    async with EchoServer() as server:
        transport = RoutingTransport(["a", "b"], {"a": {"url": server.url}, "b": {"url": server.url}})
        async with httpx.AsyncClient(transport=transport, base_url=NOWHERE) as client:
            answer = await client.post("/v3/example.com/messages", data={"to": "b@example.com"})
    assert answer.extensions["sporewright"].option == "a"
    assert answer.json()["body"] == "to=b%40example.com"


async def test_what_no_inference_leaves_empty_is_an_answer_to_whoever_expects_json() -> None:
    """304 and 204 have no body to judge: a conditional GET and a DELETE have succeeded."""
    upstreams: dict[str, Upstream] = {name: {"url": "http://a.invalid", "expects": "json"} for name in ("a", "b")}
    for status, method in ((304, "GET"), (204, "DELETE")):
        inner = httpx.MockTransport(lambda _, status=status: httpx.Response(status))
        async with httpx.AsyncClient(
            transport=RoutingTransport(["a", "b"], upstreams, transport=inner), base_url=NOWHERE
        ) as client:
            answer = await client.request(method, "/things/1")
        assert (answer.status_code, answer.extensions["sporewright"].option) == (status, "a")


async def test_a_function_that_raises_has_said_nothing() -> None:
    """A defect in `expects` loses no answer and is held against no option."""

    def expects(_: httpx.Response) -> bool:
        raise RuntimeError("a function's bug")

    async with fleet_of({"a": [Step()], "b": [Step()]}) as fleet:
        answer = await fleet.chat(stream=False, expects=expects)
        assert answer.extensions["sporewright"].option == "a"
