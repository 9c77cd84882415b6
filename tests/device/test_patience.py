"""The time and the bytes that a native call gives an answer that has begun and is not the caller's yet."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any

import httpx
import pytest

from sporewright.device.order_source import OrderSource
from sporewright.device.transport import NOWHERE, RoutingTransport
from sporewright.errors import ExhaustedError
from sporewright.routing.plan import PLAN

Body = Callable[[], AsyncIterator[bytes]]
WORD = b"data: a word\n\n"


def answering(kind: str, body: Body) -> Callable[[httpx.Request], httpx.Response]:
    """Good headers at once, and then this."""
    return lambda _: httpx.Response(200, headers={"content-type": kind}, content=body())


async def asked(
    options: Mapping[str, Callable[[httpx.Request], httpx.Response]],
    limits: Mapping[str, float],
    *,
    path: str = "/v1/chat/completions",
    read: bool = True,
    **how: Any,
) -> httpx.Response:
    """One call over these options, in their order; not `read`: its body is the caller's to read."""

    def answer(request: httpx.Request) -> httpx.Response:
        return options[request.url.host](request)

    upstreams: dict[str, Any] = {option: {"url": f"http://{option}"} for option in options}
    transport = RoutingTransport(list(options), upstreams, transport=httpx.MockTransport(answer), limits=limits)
    async with httpx.AsyncClient(transport=transport, base_url=NOWHERE) as client, asyncio.timeout(10):
        extensions = {"sporewright": {"expects": "any", "retry": "always", **how}}
        request = client.build_request("POST", path, json={}, extensions=extensions)
        return await client.send(request, stream=not read)


def repeated(piece: bytes, every_s: float, times: int = 1 << 30) -> Body:
    """The same again and again."""

    async def body() -> AsyncIterator[bytes]:
        for _ in range(times):
            yield piece
            await asyncio.sleep(every_s)

    return body


async def test_json_that_drips_is_bounded_by_the_deadline() -> None:
    """The caller has had none of it: the whole of the call has to fit its deadline, and the error says so."""
    dripping, limits = answering("application/json", repeated(b" ", 0.05)), {"deadline_s": 0.5, "inter_token_s": 9}

    with pytest.raises(ExhaustedError, match=r"a: stalled \(the call's deadline passed \d+ ms into this attempt"):
        await asked({"a": dripping}, limits)


def dripping(began: bytes, every_s: float = 0.05) -> Callable[[httpx.Request], httpx.Response]:
    """JSON that begins so, and goes on by a byte at a time."""
    return answering("application/json", repeated(began, every_s))


@pytest.mark.parametrize("piece", [b" ", b"[1"])
@pytest.mark.parametrize("path", ["/v1/chat/completions", "/x"])
async def test_what_drips_leaves_a_third_of_the_call_to_another_option(piece: bytes, path: str) -> None:
    """White space before an answer, or the answer itself; whether a path or the caller says what is expected."""
    expects = None if path.startswith("/v1") else "json"
    response = await asked({"a": dripping(piece), "b": good}, {"deadline_s": 1.2}, path=path, expects=expects)

    receipt = response.extensions["sporewright"]
    assert (receipt.option, receipt.attempts[0].outcome) == ("b", "timed_out" if piece == b" " else "stalled")
    assert receipt.attempts[0].reason.startswith("not whole after ")
    assert receipt.attempts[0].reason.endswith(" ms, and another option is ready")
    assert 0.7 < receipt.attempts[0].duration < 1.1


async def test_what_a_function_waits_for_leaves_a_third_of_the_call_to_another_option() -> None:
    """Whatever it is: the function is shown it whole."""
    dripping = answering("text/plain", repeated(b"x", 0.05))
    response = await asked({"a": dripping, "b": whole}, {"deadline_s": 1.2}, path="/x", expects=lambda _: None)

    assert response.extensions["sporewright"].option == "b"


@pytest.mark.parametrize("kind", ["application/json", "text/event-stream", "text/plain"])
async def test_nobody_cuts_what_may_be_anything(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its headers are in: it is handed over as it comes, in time, and may be silent for longer than any limit."""
    monkeypatch.setitem(PLAN["limits"], "inter_token_s", 0.2)  # type: ignore[typeddict-item]
    monkeypatch.setitem(PLAN["limits"], "first_token_s", 0.2)  # type: ignore[typeddict-item]

    async def body() -> AsyncIterator[bytes]:
        for piece in (b": w\n\n", b"\n", b"data: w\n\n"):
            yield b" " if kind == "application/json" else piece
            await asyncio.sleep(0.5)
        yield b"{}"

    began = time.monotonic()
    response = await asked({"a": answering(kind, body), "b": whole}, {}, path="/x", read=False)
    assert time.monotonic() - began < 0.45
    assert response.extensions["sporewright"].option == "a"
    assert (await response.aread()).endswith(b"{}")


async def test_whose_json_drips_after_another_had_failed_is_not_to_blame() -> None:
    """Its own time was not over: the deadline was the caller's."""

    def down(_: httpx.Request) -> httpx.Response:
        return httpx.Response(503)

    dripping, limits = answering("application/json", repeated(b" ", 0.05)), {"deadline_s": 0.5, "inter_token_s": 9}

    with pytest.raises(ExhaustedError, match=r"a: server_error .*b: deadline \(the call's deadline passed"):
        await asked({"a": down, "b": dripping}, limits)


@pytest.mark.parametrize("kind", ["text/event-stream", "text/plain"])
async def test_what_a_caller_wants_held_back_may_outlast_the_deadline(kind: str) -> None:
    """It flows, and only he wants all of it at once: between two pieces it has its limit, and no other."""
    flowing = answering(kind, repeated(WORD, 0.1, 8))

    response = await asked({"a": flowing}, {"deadline_s": 0.4, "inter_token_s": 0.3}, restart="buffer")

    assert response.content == WORD * 8


@pytest.mark.parametrize("beat", [b": still here\n\n", b'data: {"type": "ping"}\n\n'])
async def test_what_comes_before_a_first_token_is_held_up_to_a_limit(beat: bytes) -> None:
    """A stream that talks on and says nothing fills no memory: the next option answers, and soon."""
    chatter, whole = (
        answering("text/event-stream", repeated(beat * 50, 0.01)),
        httpx.Response(200, json={"is": "whole"}),
    )

    response = await asked({"a": chatter, "b": lambda _: whole}, {"event_bytes": 4000})

    (first, _) = response.extensions["sporewright"].attempts
    assert (first.outcome, response.json()) == ("malformed", {"is": "whole"})
    assert first.reason.endswith(" bytes and no token")
    assert 4000 < first.bytes < 8000


def good(_: httpx.Request) -> httpx.Response:
    """An answer of inference, which is JSON as well."""
    message = {"role": "assistant", "content": "w"}
    return httpx.Response(200, json={"choices": [{"message": message, "finish_reason": "stop"}]})


def refusing(status: int, *pieces: bytes) -> Callable[[httpx.Request], httpx.Response]:
    """A refusal that comes piece by piece, and never ends."""

    async def body() -> AsyncIterator[bytes]:
        for piece in pieces:
            yield piece
        await asyncio.sleep(60)

    return lambda _: httpx.Response(status, content=body())


def whole(_: httpx.Request) -> httpx.Response:
    """A good answer."""
    return httpx.Response(200, json={"is": "whole"})


async def test_of_a_refusal_that_never_ends_the_caller_gets_what_has_come() -> None:
    """The provider's reason reaches him once its time is over."""
    response = await asked({"a": refusing(400, b"content", b"_filter"), "b": whole}, {"error_s": 0.3})

    assert (response.status_code, response.content) == (400, b"content_filter")
    assert [each.outcome for each in response.extensions["sporewright"].attempts] == ["content_filter"]


async def test_a_refusal_s_text_is_waited_for_no_longer_than_the_attempt_itself() -> None:
    """The deadline holds for a refusal, too."""
    response = await asked({"a": refusing(404, b"not here")}, {"error_s": 9, "deadline_s": 0.3})

    assert (response.status_code, response.content) == (404, b"not here")


async def test_nobody_waits_for_a_text_that_decides_nothing() -> None:
    """Another option is asked at once; only where none may be, the response is the caller's, and its text with it."""
    limits, down = {"error_s": 0.3, "deadline_s": 0.2}, refusing(503, b"down for ", b"an hour")

    assert (await asked({"a": down, "b": whole}, limits)).json() == {"is": "whole"}
    response = await asked({"a": down, "b": whole}, limits, retry="safe")

    assert (response.status_code, response.content) == (503, b"down for an hour")


async def test_the_text_of_a_429_that_does_not_end_is_read_for_a_moment() -> None:
    """It may speak of credit or of a quota; then it goes elsewhere, whatever the request is."""
    limited, limits = refusing(429, b"too many"), {"error_s": 0.1, "deadline_s": 0.5}

    assert (await asked({"a": limited, "b": whole}, limits, retry="safe")).json() == {"is": "whole"}


async def test_a_refusal_is_held_up_to_a_limit() -> None:
    """A refusal's text beyond that is not waited for."""
    response = await asked({"a": refusing(400, *[b"x" * 600] * 9)}, {"buffer_bytes": 1000})

    assert response.content == b"x" * 1200


async def test_headers_without_an_answer_teach_the_whole_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    """The next option is asked; of the first the latency is at least what was waited, not the time to its headers."""
    silent = answering("application/json", repeated(b"", 0.05))
    options = {"a": silent, "b": lambda _: httpx.Response(200, json={"choices": [{"message": {"content": "hi"}}]})}
    told = list[dict[str, Any]]()
    monkeypatch.setattr(OrderSource, "outcome", lambda _, body: told.append(body))

    response = await asked(options, {"attempt_timeout_s": 0.4}, expects="json")

    assert response.extensions["sporewright"].option == "b"
    assert [(each["option"], each["outcome"]) for each in told] == [("a", "timed_out"), ("b", "ok")]
    assert 0.35 <= told[0]["latency_s"] < 5


async def test_what_arrived_while_the_loop_was_blocked_is_read_before_a_limit_ends_it() -> None:
    """The program's own work held up the answer, which is here: no other option is asked, and nobody has failed."""
    answers = [b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nhi", b""]

    async def served(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        await asyncio.sleep(0.1)
        writer.write(answers.pop(0))
        await reader.read()  # until the client leaves
        writer.close()

    server = await asyncio.start_server(served, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    upstreams: dict[str, Any] = {"a": {"url": f"http://127.0.0.1:{port}"}}
    transport = RoutingTransport(["a"], upstreams, limits={"attempt_timeout_s": 0.3, "retries": 0})
    async with httpx.AsyncClient(transport=transport, base_url=NOWHERE) as client, asyncio.timeout(10):
        asyncio.get_running_loop().call_later(0.05, time.sleep, 0.6)
        receipt = (await client.get("/")).extensions["sporewright"]
        assert [each.outcome for each in receipt.attempts] == ["ok"]

        asyncio.get_running_loop().call_later(0.05, time.sleep, 0.6)
        with pytest.raises(ExhaustedError, match="a: timed_out"):
            await client.get("/")
    server.close()
