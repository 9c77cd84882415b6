"""Refusals that no row of the plan knows, and answers that are labelled as something else, natively."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from sporewright.device.native import NativeDevice
from sporewright.device.transport import NOWHERE, RoutingTransport

SAID = {"choices": [{"index": 0, "message": {"role": "assistant", "content": "hello"}, "finish_reason": "stop"}]}
EVENTS = (
    'data:{"choices": [{"index": 0, "delta": {"content": "hi"}}]}\r\n\r\n'
    'data:{"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}\r\n\r\n'
)
UPSTREAMS = {name: {"url": f"http://{name}.test"} for name in "ab"}


@pytest.mark.parametrize("task", [None, "sums"])
async def test_a_refusal_without_a_reason_is_a_failure_once_another_option_answers(task: str | None) -> None:
    """If every option refuses alike it is the caller's mistake, and nothing is learned of any."""
    refusing, told = {"a.test", "b.test"}, list[tuple[Any, ...]]()

    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(418) if request.url.host in refusing else httpx.Response(200, json=SAID)

    transport = RoutingTransport(["a", "b"], UPSTREAMS, transport=httpx.MockTransport(answer))
    names = ("option", "outcome", "stage", "attempt", "task")
    transport.source.outcome = lambda body: told.append(tuple(map(body.get, names)))  # type: ignore[method-assign]
    async with httpx.AsyncClient(transport=transport, base_url=NOWHERE) as client:
        for status in (418, 200):
            how = {} if task is None else {"sporewright": {"task": task}}
            response = await client.post("/v1/chat/completions", json={"messages": []}, extensions=how)
            assert response.status_code == status
            refusing.discard("b.test")

    assert told[:2] == [("a", "unexplained", "CALLING", 1, task), ("b", "unsuited", "CALLING", 2, task)]
    assert told[2:] == [
        ("a", "unexplained", "CALLING", 1, task),
        ("b", "ok", "HOLDING", 2, task),
        ("a", "unexplained", "PICKING", 1, task),
    ]


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (400, {"code": "card_declined", "message": "Your card was declined: insufficient funds"}),
        (401, {"error": "Your session has expired, please sign in again"}),
        (402, {"message": "Upgrade to Pro to use this"}),
        (403, {"error": "session token is invalid"}),
    ],
)
async def test_what_is_of_a_user_sets_nothing_aside(status: int, said: dict[str, str]) -> None:
    """The next option is asked; a failure is learned only where it answers, and nobody is blamed where all refuse."""
    refusing, told, attention = {"a.test", "b.test"}, list[tuple[Any, ...]](), list[Any]()

    def answer(request: httpx.Request) -> httpx.Response:
        refuses = request.url.host in refusing
        return httpx.Response(status, json=said) if refuses else httpx.Response(200, json={"paid": True})

    keyed = {name: {**UPSTREAMS[name], "key": "sk-0123456789"} for name in "ab"}
    inner = httpx.MockTransport(answer)
    transport = RoutingTransport(["a", "b"], keyed, transport=inner, on_attention=attention.append)
    transport.source.outcome = lambda body: told.append((body["option"], body["outcome"], body["stage"]))  # type: ignore[method-assign]
    async with httpx.AsyncClient(transport=transport, base_url=NOWHERE) as client:
        for expected in (status, 200):
            response = await client.post("/pay", json={"amount": 1})
            assert response.status_code == expected
            refusing.discard("b.test")

    assert [each for each in told if each[1] == "unexplained"][1:] == [
        ("a", "unexplained", "CALLING"),
        ("a", "unexplained", "PICKING"),
    ]
    assert (attention, transport.source.health.asides.active(0.0)) == ([], {})


@pytest.mark.parametrize(("status", "reason"), [(401, "key"), (402, "credit")])
@pytest.mark.parametrize("key", [None, "sk-0123456789"])
async def test_a_status_that_gives_a_reason_sets_aside_once_another_option_answers(
    status: int, reason: str, key: str | None
) -> None:
    """Without a word of a user; where every option refuses alike, nobody is blamed unless his key is declared."""
    refusing, told, attention = {"a.test", "b.test"}, list[Any](), list[Any]()

    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(status) if request.url.host in refusing else httpx.Response(200, json={"paid": True})

    upstreams = {name: {**UPSTREAMS[name], **({} if key is None else {"key": key})} for name in "ab"}
    inner = httpx.MockTransport(answer)
    transport = RoutingTransport(["a", "b"], upstreams, transport=inner, on_attention=attention.append)
    transport.source.outcome = told.append  # type: ignore[method-assign]
    async with httpx.AsyncClient(transport=transport, base_url=NOWHERE) as client:
        assert (await client.get("/x", extensions={"sporewright": {"task": "sums"}})).status_code == status
        if key is not None and status == 401:
            assert [each["option"] for each in attention] == ["a", "b"]
            return
        assert attention == []
        refusing.discard("b.test")
        assert (await client.get("/x", extensions={"sporewright": {"task": "sums"}})).status_code == 200

    assert [(each["option"], each["reason"]) for each in attention] == [("a", reason)]
    named = ("option", "outcome", "stage", "reason", "task", "attempt")
    assert [told[-1][name] for name in named] == ["a", "declined", "PICKING", reason, "sums", 1]
    assert ("credential" in told[-1]) is (key is not None)
    data = transport.source.health.asides.data("a")
    assert data is not None
    assert data["reason"] == reason


async def test_a_device_learns_of_a_refusal_without_a_reason_once_another_option_answers() -> None:
    """Its place is lost by the second call alone."""
    refusing = {"a.test", "b.test"}

    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(418) if request.url.host in refusing else httpx.Response(200, json=SAID)

    cells = [("a", "latency", 0.01, "value"), ("b", "latency", 0.02, "value")]
    cells += [("", dimension, 1.0, "weight") for dimension in ("latency", "failure")]
    seed = {"floor": "global", "level": "global", "inst": ""}
    seeds = [{**seed, "option": option, "dim": dim, "kind": kind, "value": x} for option, dim, x, kind in cells]
    config = {"levels": ["global", "workspace", "device"], "seeds": seeds, "priors": {"failure": 0.0}}
    async with NativeDevice({**config, "learning": {"temperature": 0}}, {"workspace": "acme"}) as device:
        transport = RoutingTransport(device, UPSTREAMS, transport=httpx.MockTransport(answer))
        async with httpx.AsyncClient(transport=transport, base_url=NOWHERE) as client:
            for _ in range(3):
                assert (await client.post("/v1/chat/completions", json={"messages": []})).status_code == 418
            assert device.resolve({}) == ["a", "b"]
            refusing.discard("b.test")
            for _ in range(2):
                assert (await client.post("/v1/chat/completions", json={"messages": []})).status_code == 200
            assert device.resolve({})[0] == "b"


@pytest.mark.parametrize("label", ["text/event-stream", "application/x-ndjson", "text/plain", "image/png"])
@pytest.mark.parametrize("streaming", [True, False])
async def test_a_label_is_no_reason_to_refuse_an_answer(label: str, streaming: bool) -> None:
    """Whole JSON and a stream of events are taken for what they are, whatever they are called."""
    body = EVENTS if streaming else json.dumps({**SAID, "error": {"code": None, "message": None}})

    def answer(request: httpx.Request) -> httpx.Response:
        is_first = request.url.host == "a.test"
        return httpx.Response(200 if is_first else 503, headers={"content-type": label}, content=body.encode())

    transport = RoutingTransport(["a", "b"], UPSTREAMS, transport=httpx.MockTransport(answer))
    async with httpx.AsyncClient(transport=transport, base_url=NOWHERE) as client:
        response = await client.post("/v1/chat/completions", json={"messages": [], "stream": streaming})

    assert response.extensions["sporewright"].option == "a"
    assert response.text == body


@pytest.mark.parametrize("content", ["", 5, [], {"text": ""}])
async def test_fields_that_nobody_reads_are_no_answer(content: Any) -> None:
    """The next option is asked."""

    def answer(request: httpx.Request) -> httpx.Response:
        message = {"role": "assistant", "content": content, "tool_calls": 5, "more": "x"}
        poor = {"choices": [{"text": "x", "message": message, "finish_reason": "stop"}]}
        return httpx.Response(200, json=poor if request.url.host == "a.test" else SAID)

    transport = RoutingTransport(["a", "b"], UPSTREAMS, transport=httpx.MockTransport(answer))
    async with httpx.AsyncClient(transport=transport, base_url=NOWHERE) as client:
        response = await client.post("/v1/chat/completions", json={"messages": []})

    receipt = response.extensions["sporewright"]
    assert [(each.option, each.outcome) for each in receipt.attempts] == [("a", "invalid_answer"), ("b", "ok")]
