"""`expects` as a function, and other code of the caller's: shown every good answer, bounded in time, never quoted."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from sporewright.device.expectations import Expectations
from sporewright.device.transport import NOWHERE, RoutingTransport, Upstream
from sporewright.errors import ConfigError, ExhaustedError, InternalError

SECRET = "sk-live-0123456789abcdef"
TWO: dict[str, Upstream] = {name: {"url": f"http://{name}.invalid"} for name in ("a", "b")}


async def asked(
    answer: Callable[[httpx.Request], httpx.Response],
    upstreams: dict[str, Any] | None = None,
    *,
    method: str = "GET",
    path: str = "/x",
    limits: dict[str, float] | None = None,
    **how: Any,
) -> httpx.Response:
    """The result of one routed call over these answers."""
    upstreams = TWO if upstreams is None else upstreams
    transport = RoutingTransport(
        list(upstreams), upstreams, transport=httpx.MockTransport(answer), limits={"retries": 0, **(limits or {})}
    )
    async with httpx.AsyncClient(transport=transport, base_url=NOWHERE) as client:
        return await client.request(method, path, extensions={"sporewright": how})


def whole(request: httpx.Request) -> httpx.Response:
    """JSON in one piece that names the host."""
    return httpx.Response(200, json={"from": request.url.host})


@pytest.mark.parametrize("path", ["/x", "/v1/chat/completions"])
@pytest.mark.parametrize(("status", "method"), [(204, "POST"), (304, "GET"), (205, "POST"), (200, "HEAD")])
async def test_a_function_is_shown_answers_without_a_body(path: str, status: int, method: str) -> None:
    """An answer that it rejects goes on to the next option; one that it accepts is the call's, of inference as well."""
    shown: list[int] = []

    def expects(response: httpx.Response) -> bool:
        shown.append(response.status_code)
        return len(shown) > 1

    response = await asked(lambda _: httpx.Response(status), method=method, path=path, expects=expects, retry="always")
    assert (response.status_code, shown) == (status, [status, status])
    receipt = response.extensions["sporewright"]
    assert [attempt.outcome for attempt in receipt.attempts] == ["invalid_answer", "ok"]
    assert receipt.attempts[1].reason == ("whole" if status == 205 else f"HTTP {status}")


async def test_a_refusal_is_shown_to_nobody() -> None:
    """A status of 400 and above is no answer, whatever a function would say."""

    def expects(_: httpx.Response) -> bool:
        raise AssertionError("it was shown a refusal")

    response = await asked(lambda _: httpx.Response(409), expects=expects)
    assert response.status_code == 409


async def test_a_function_that_never_settles_is_bounded() -> None:
    """By the call's deadline; it has said nothing of the option, whose answer counts, and the receipt says so."""
    began, ended = time.monotonic(), asyncio.Event()

    async def expects(_: httpx.Response) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    response = await asked(whole, limits={"deadline_s": 0.3}, expects=expects)
    assert response.json() == {"from": "a.invalid"}
    (attempt,) = response.extensions["sporewright"].attempts
    assert attempt.outcome == "ok"
    assert attempt.reason.startswith("whole; expects said nothing within ")
    assert time.monotonic() - began < 2
    await asyncio.wait_for(ended.wait(), 1)


async def test_a_streamed_answer_is_thought_about_as_long_as_an_attempt_may_take() -> None:
    """It may have outlasted the deadline: that bounds the thinking no more."""
    body = b'data: {"choices":[{"delta":{"content":"w"},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'

    def answer(_: httpx.Request) -> httpx.Response:
        return httpx.Response(200, headers={"content-type": "text/event-stream"}, content=body)

    async def expects(_: httpx.Response) -> bool:
        await asyncio.sleep(0.3)
        return False

    with pytest.raises(ExhaustedError, match="invalid_answer"):
        await asked(answer, {"a": TWO["a"]}, limits={"deadline_s": 0.1, "attempt_timeout_s": 2}, expects=expects)


@pytest.mark.parametrize("how", ["raises", "is cancelled"])
async def test_a_function_that_fails_is_named_in_the_receipt_and_not_quoted(how: str) -> None:
    """Its words may be a secret."""

    async def expects(_: httpx.Response) -> None:
        if how == "raises":
            raise ValueError(SECRET)
        raise asyncio.CancelledError(SECRET)

    asyncio.get_running_loop().set_exception_handler(lambda *_: None)
    response = await asked(whole, expects=expects)
    (attempt,) = response.extensions["sporewright"].attempts
    raised = "ValueError" if how == "raises" else "RuntimeError"
    assert attempt.reason == f"whole; expects raised {raised}"


async def test_a_function_that_is_not_awaited_cancels_nothing() -> None:
    """Whatever of the caller's raises CancelledError: the call ends as with any other of its errors."""

    def cancelled(*_: Any) -> Any:
        raise asyncio.CancelledError(SECRET)

    asyncio.get_running_loop().set_exception_handler(lambda *_: None)
    async with asyncio.timeout(5):
        (attempt,) = (await asked(whole, expects=cancelled)).extensions["sporewright"].attempts
        assert (attempt.outcome, attempt.reason) == ("ok", "whole; expects raised RuntimeError")
        for broken in ({"headers": cancelled}, {"key": cancelled}):
            response = await asked(whole, {"a": {**TWO["a"], **broken}, "b": TWO["b"]})
            attempts = response.extensions["sporewright"].attempts
            assert [attempt.outcome for attempt in attempts] == ["unusable", "ok"]
            assert attempts[0].reason == "RuntimeError"
        transport = RoutingTransport(
            ["a"], TWO, transport=httpx.MockTransport(lambda _: _refusal()), on_attention=cancelled
        )
        async with httpx.AsyncClient(transport=transport, base_url=NOWHERE) as client:
            assert (await client.get("/x")).status_code == 401
        with pytest.raises(InternalError, match="GET /x: CancelledError"):
            await asked(cancelled)


async def test_a_function_for_one_option_holds_back_no_call_that_expects_something_else() -> None:
    """The expectation of the call itself comes before those of its upstreams."""
    upstreams = {"a": {**TWO["a"], "expects": lambda _: False}}
    response = await asked(whole, upstreams, expects="any")
    assert response.json() == {"from": "a.invalid"}


@pytest.mark.parametrize("expects", ["answer", "json", "events", "any", None])
async def test_words_that_may_be_expected(expects: str | None) -> None:
    """The same ones as in a page."""
    upstreams = {"a": {**TWO["a"], "expects": expects}}
    RoutingTransport(["a"], upstreams)  # type: ignore[arg-type]


@pytest.mark.parametrize("expects", ["JSON", "stream", "", 3, True, []])
async def test_words_that_may_not_be_expected(expects: Any) -> None:
    """The error names those that may."""
    known = "is none of answer, json, events, any, nor a function"
    with pytest.raises(ConfigError, match=known):
        RoutingTransport(["a"], {"a": {**TWO["a"], "expects": expects}})
    with pytest.raises(ConfigError, match=known):
        await asked(whole, expects=expects)


async def test_what_a_caller_s_code_raises_is_named_by_type_and_place() -> None:
    """Never by its text, in the receipt, in the error, or where a listener of the call's is at fault."""

    def headers() -> dict[str, str]:
        raise KeyError(SECRET)

    broken = {"a": {**TWO["a"], "headers": headers}}
    response = await asked(whole, {**broken, "b": TWO["b"]})
    receipt = response.extensions["sporewright"]
    assert (receipt.attempts[0].outcome, receipt.attempts[0].reason) == ("unusable", "KeyError")
    with pytest.raises(ExhaustedError, match=r"unusable \(KeyError at test_expects.py:\d+\)") as error:
        await asked(whole, broken)
    assert SECRET not in str(error.value)

    def late(_: str) -> None:
        raise RuntimeError(SECRET)

    class Broken(httpx.AsyncByteStream):
        async def __aiter__(self) -> Any:
            yield b'data: {"choices":[{"delta":{"content":"w"}}]}\n\n'
            raise httpx.ReadError("gone")

    def answer(request: httpx.Request) -> httpx.Response:
        events = {"content-type": "text/event-stream"}
        stop = b'data: {"choices":[{"delta":{"content":"w"},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'
        body = {"stream": Broken()} if request.url.host == "a.invalid" else {"content": stop}
        return httpx.Response(200, headers=events, **body)

    said: list[Any] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: said.append(context["message"]))
    response = await asked(answer, restart="notify", on_restart=late)
    assert [attempt.outcome for attempt in response.extensions["sporewright"].attempts] == ["network_error", "ok"]
    assert said == ["on_restart raised"]


async def test_a_defect_is_named_by_type_and_place() -> None:
    """Ours or a listener's: its text stands in no error."""

    class Bad(httpx.AsyncByteStream):
        async def __aiter__(self) -> Any:
            raise LookupError(SECRET)
            yield b""

    with pytest.raises(ExhaustedError, match=r"network_error \(LookupError at test_expects.py:\d+\)") as error:
        await asked(lambda _: httpx.Response(200, stream=Bad(), headers={"content-type": "application/json"}))
    assert SECRET not in str(error.value)


async def test_a_reason_never_holds_what_the_request_proved_its_sender_by() -> None:
    """No error quotes a secret: a key, an Authorization value, a value of the query."""

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.host == "u.invalid":
            raise httpx.UnsupportedProtocol("before anything was sent")
        key = request.headers["authorization"]
        quoted = f"{key} and {request.url.params['key']} at {request.url.host}, {key.upper()}, {key[:-4]}***"
        raise httpx.ReadError(quoted, request=request)

    upstreams = {
        "a": {"url": f"http://a.invalid/?key={SECRET}-q", "key": SECRET},
        "b": {"url": "http://b.invalid/?key=b", "headers": {"authorization": f"Bearer {SECRET}"}},
        "u": TWO["a"] | {"url": "http://u.invalid"},
    }
    with pytest.raises(ExhaustedError) as error:
        await asked(answer, upstreams)
    assert "ReadError: [redacted] and [redacted] at a.invalid, [redacted], [redacted]***" in str(error.value)
    assert "ReadError: [redacted] and b at b.invalid, [redacted], [redacted]***" in str(error.value)
    assert SECRET not in str(error.value)


async def test_the_receipt_numbers_the_keys() -> None:
    """Of an option that has several; one key has no number."""

    def answer(request: httpx.Request) -> httpx.Response:
        if request.headers["authorization"] == "Bearer one":
            return httpx.Response(429, headers={"retry-after": "60"})
        return whole(request)

    response = await asked(answer, {"a": {**TWO["a"], "keys": ["one", "two"]}})
    receipt = response.extensions["sporewright"]
    assert [attempt.key for attempt in receipt.attempts] == [0, 1]
    assert [attempt["key"] for attempt in receipt.to_dict()["attempts"]] == [0, 1]
    response = await asked(whole, {"a": {**TWO["a"], "key": "one"}})
    assert response.extensions["sporewright"].attempts[0].key is None


async def test_a_key_that_lacks_a_model_is_passed_over_for_it_alone() -> None:
    """The next key of the same option is used; calls for another model begin with the first key."""
    lacks = {"error": {"message": "Project `p` does not have access to model `m1`", "code": "model_not_found"}}

    def answer(request: httpx.Request) -> httpx.Response:
        if request.headers["authorization"] == "Bearer one" and b"m1" in request.content:
            return httpx.Response(403, json=lacks)
        return httpx.Response(200, json={"choices": [{"message": {"content": "hello"}, "finish_reason": "stop"}]})

    told: list[Any] = []
    upstreams: dict[str, Upstream] = {"a": {**TWO["a"], "keys": ["one", "two"]}, "b": TWO["b"]}
    transport = RoutingTransport(["a", "b"], upstreams, transport=httpx.MockTransport(answer), on_attention=told.append)
    used = []
    async with httpx.AsyncClient(transport=transport, base_url=NOWHERE) as client:
        for model in ("m1", "m2", "m1", "m2"):
            response = await client.post("/v1/chat/completions", json={"model": model, "messages": []})
            receipt = response.extensions["sporewright"]
            used.append([(attempt.option, attempt.key) for attempt in receipt.attempts])
    assert used == [[("a", 0), ("a", 1)], [("a", 0)], [("a", 1)], [("a", 0)]]
    assert told == []


async def test_a_key_that_cannot_be_had_says_nothing() -> None:
    """Neither where an option has refused it, nor where it is looked at for a change."""
    keys = iter([SECRET])

    def key() -> str:
        return next(keys)  # raises from the second time on

    asyncio.get_running_loop().set_exception_handler(lambda *_: None)
    upstreams: dict[str, Upstream] = {"a": {**TWO["a"], "key": key}, "b": TWO["b"]}
    transport = RoutingTransport(
        ["a", "b"],
        upstreams,
        transport=httpx.MockTransport(lambda request: whole(request) if "b" in request.url.host[0] else _refusal()),
    )
    async with httpx.AsyncClient(transport=transport, base_url=NOWHERE) as client:
        assert (await client.get("/x")).json() == {"from": "b.invalid"}
        transport.source.health.asides.sign("a", "another")
        assert (await client.get("/x")).json() == {"from": "b.invalid"}
    data = transport.source.health.asides.data("a")
    assert data is not None
    assert data["credential"] == "another"


def _refusal() -> httpx.Response:
    return httpx.Response(401, json={"error": {"message": "Incorrect API key provided"}})


async def test_a_password_that_is_refused_sets_nothing_aside() -> None:
    """It is the caller's answer where no key of ours is at stake; a 401 that says nothing is blamed on nobody."""

    def login(_: httpx.Request) -> httpx.Response:
        return httpx.Response(401, json={"error": "Invalid username or password"})

    told: list[Any] = []
    for answer, attempts in ((login, ["refused"]), (lambda _: httpx.Response(401), ["unexplained", "unsuited"])):
        transport = RoutingTransport(["a", "b"], TWO, transport=httpx.MockTransport(answer), on_attention=told.append)
        async with httpx.AsyncClient(transport=transport, base_url=NOWHERE) as client:
            response = await client.post("/login", json={"user": "u"})
        assert response.status_code == 401
        receipt = response.extensions["sporewright"]
        assert [attempt.outcome for attempt in receipt.attempts] == attempts
    assert told == []


async def test_only_a_function_is_shown_an_answer() -> None:
    """Asking for the verdict on an option that expects a kind by name is a defect in this package."""
    transport = RoutingTransport(["a"], TWO)
    expectations = Expectations(
        transport.source, TWO, "/x", said="any", task=None, inferred="any",
        is_streaming=False, listen=None, on_attention=None,
    )  # fmt: skip
    with pytest.raises(AssertionError, match="only a function"):
        await expectations.verdict("a", httpx.Response(200), b"", 1.0)
