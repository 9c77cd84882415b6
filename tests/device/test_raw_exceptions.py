"""Nothing crosses as a raw exception: whatever a provider answers, ours or httpx's errors come out, and in time."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sporewright.device.chat import chat
from sporewright.device.transport import NOWHERE, RoutingTransport
from sporewright.errors import ConfigError, SporewrightError
from sporewright.routing.dialects.providers import DIALECTS

WHOLE = {"choices": [{"index": 0, "message": {"role": "assistant", "content": "hi"}, "finish_reason": "stop"}]}
CHUNK = {"choices": [{"index": 0, "delta": {"content": "hi"}, "finish_reason": "stop"}]}
LIMITS = {"deadline_s": 0.3, "error_s": 0.1, "finish_s": 0.05, "inter_token_s": 0.1, "retries": 0, "backoff_s": 0.01}

WORDS = st.sampled_from(["choices", "delta", "message", "content", "error", "finish_reason", "index", "usage", "type"])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9) | WORDS, inner, max_size=3),
    max_leaves=8,
)
EVENTS = st.lists(JSON | st.just(CHUNK) | st.just({"error": "no"}) | st.just("[DONE]"), max_size=4)
BODIES = st.one_of(
    st.binary(max_size=40),
    JSON.map(lambda value: json.dumps(value).encode()),
    st.just(json.dumps(WHOLE).encode()),
    EVENTS.map(
        lambda told: "".join(f"data: {one if one == '[DONE]' else json.dumps(one)}\n\n" for one in told).encode()
    ),
    st.just(b"[" * 50_000),
)
TYPES = ["application/json", "text/event-stream", "text/html", "", "nonsense", "application/json; charset=\x80"]
HEADERS = st.fixed_dictionaries(
    {"content-type": st.sampled_from(TYPES)},
    optional={
        "retry-after": st.sampled_from(["0", "0.01", "nan", "-1", "Wed, 21 Oct 2015 07:28:00 GMT", "soon", "9" * 40]),
        "location": st.sampled_from(["/x", "", "http://%20:x/", "ftp://a/", "//", "http://b.test/y", "?a"]),
        "content-encoding": st.sampled_from(["gzip", "deflate", "identity", "br, gzip", "nonsense"]),
        "content-length": st.sampled_from(["0", "5", "-1", "99999999999", "x"]),
        "x-ratelimit-reset-requests": st.sampled_from(["1ms", "x", "6h0", "1e999"]),
        "transfer-encoding": st.sampled_from(["chunked", "x"]),
    },
)
STATUSES = st.sampled_from([200, 200, 200, 201, 204, 205, 206, 226]) | st.integers(100, 999)
ANSWERS = st.tuples(STATUSES, HEADERS, BODIES, st.sampled_from([None, httpx.ReadError, httpx.ReadTimeout]))


def provider(answers: list[Any]) -> httpx.MockTransport:
    """Gives these answers in turn, the last one for ever; an answer may break off after its body."""

    def answer(_: httpx.Request) -> httpx.Response:
        status, headers, body, broken = answers[0] if len(answers) == 1 else answers.pop(0)

        async def pieces() -> AsyncIterator[bytes]:
            for at in range(0, len(body), 1 + len(body) // 3):
                yield body[at : at + 1 + len(body) // 3]
            if broken is not None:
                raise broken("broken off")

        encoded = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
        return httpx.Response(status, headers=encoded, stream=Pieces(pieces))

    return httpx.MockTransport(answer)


class Pieces(httpx.AsyncByteStream):
    """A body made by a function."""

    def __init__(self, make: Any) -> None:
        self._make = make

    def __aiter__(self) -> AsyncIterator[bytes]:
        made: AsyncIterator[bytes] = self._make()
        return made


def client(answers: list[Any], dialects: list[Any]) -> httpx.AsyncClient:
    """Over two options that share the answers."""
    upstreams: Any = {n: {"url": f"http://{n}.test", "dialect": d} for n, d in zip("ab", dialects, strict=True)}
    transport = RoutingTransport(["a", "b"], upstreams, limits=LIMITS, transport=provider(answers))
    return httpx.AsyncClient(transport=transport, base_url=NOWHERE, follow_redirects=True, max_redirects=3)


FUZZ = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@FUZZ
@given(
    st.lists(ANSWERS, min_size=1, max_size=3),
    st.lists(st.sampled_from(sorted(DIALECTS)), min_size=2, max_size=2),
    st.sampled_from(["error", "buffer", "notify"]),
    st.booleans(),
)
def test_of_a_chat(answers: list[Any], dialects: list[str], restart: Any, stream: bool) -> None:
    """Whole or streamed, in any dialect, however it may begin anew."""

    async def ask() -> None:
        async with client(answers, dialects) as asked, asyncio.timeout(10):
            request = {"model": "m", "messages": [{"role": "user", "content": "x"}], "stream": stream}
            try:
                await chat(asked, request, restart=restart).text()
            except (SporewrightError, httpx.HTTPError):
                return

    asyncio.run(ask())


@FUZZ
@given(
    st.lists(ANSWERS, min_size=1, max_size=3),
    st.sampled_from(["GET", "HEAD", "POST", "DELETE"]),
    st.sampled_from(["/x", "/v1/chat/completions", "/v1/responses?a=1"]),
    st.sampled_from(["error", "buffer", "notify"]),
    st.sampled_from([b"", b'{"stream": true}', b'{"model": 1}', b"{"]),
)
def test_of_a_client(answers: list[Any], method: str, path: str, restart: str, body: bytes) -> None:
    """Of any method and path."""

    async def ask() -> None:
        async with client(answers, ["openai", "openai"]) as asked, asyncio.timeout(10):
            try:
                await asked.request(method, path, content=body, extensions={"sporewright": {"restart": restart}})
            except (SporewrightError, httpx.HTTPError):
                return

    asyncio.run(ask())


ODD = st.sampled_from(
    [None, "sk-canary", b"x", 5, ValueError, StopIteration, httpx.ReadTimeout, asyncio.CancelledError]
)


def function(answers: list[Any], *, is_async: bool) -> Any:
    """An upstream's function: gives these in turn, the last one for ever; a class of exceptions is raised."""

    def run(request: httpx.Request) -> Any:
        found = answers[0] if len(answers) == 1 else answers.pop(0)
        if isinstance(found, type):
            raise found("sk-canary")
        return provider([found]).handler(request) if isinstance(found, tuple) else found

    async def run_later(request: httpx.Request) -> Any:
        await asyncio.sleep(0)
        return run(request)

    return run_later if is_async else run


@FUZZ
@given(
    st.lists(ANSWERS | ODD, min_size=1, max_size=3),
    st.booleans(),
    st.sampled_from(["error", "buffer", "notify"]),
    st.sampled_from([None, True, False]),
)
def test_of_a_function(answers: list[Any], is_async: bool, restart: Any, stream: bool | None) -> None:
    """Whatever it gives or raises, to a plain call or a chat, and no word of it is told."""

    async def ask() -> None:
        upstreams: Any = {n: {"run": function(answers, is_async=is_async)} for n in "ab"}
        transport = RoutingTransport(["a", "b"], upstreams, limits=LIMITS)
        async with httpx.AsyncClient(transport=transport, base_url=NOWHERE) as asked, asyncio.timeout(10):
            request = {"model": "m", "messages": [{"role": "user", "content": "x"}], "stream": stream}
            try:
                if stream is None:
                    await asked.get("/x", extensions={"sporewright": {"restart": restart}})
                else:
                    await chat(asked, request, restart=restart).text()
            except (SporewrightError, httpx.HTTPError) as error:
                told.append(str(error))

    told = list[str]()
    asyncio.run(ask())
    assert "sk-canary" not in "".join(told)


@pytest.mark.parametrize("status", [204, 205, 304])
@pytest.mark.parametrize("stream", [True, False])
async def test_of_a_chat_that_is_answered_by_nothing(status: int, stream: bool) -> None:
    """A response without a body is followed by no listener: an error says so."""
    async with client([(status, {}, b"", None)], ["openai", "openai"]) as asked:
        request = {"messages": [{"role": "user", "content": "x"}], "stream": stream}
        with pytest.raises(SporewrightError):
            await chat(asked, request).text()


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"restart": "never"}, "restart: 'never' is none of error, buffer, notify"),
        ({"retry": 3}, "retry: 3 is none of auto, safe, always"),
        ({"task": 3}, "task: 3 is no text"),
        ("buffer", "str is no mapping"),
    ],
)
async def test_of_an_extension_that_is_none(asked: Any, message: str) -> None:
    """The caller's mistake is named with its place and value."""
    async with client([(200, {}, b"", None)], ["openai", "openai"]) as over:
        with pytest.raises(SporewrightError, match=message):
            await over.get("/x", extensions={"sporewright": asked})


@pytest.mark.parametrize(
    ("order", "said"),
    [
        (lambda: [][0], "order: the function raised IndexError"),
        (lambda: _raised(asyncio.CancelledError), "order: the function raised RuntimeError"),
        (lambda: "a", "order: the function gave 'a', which is not a list of options"),
        (lambda: [1], "order: the function gave [1], which is not a list of options"),
    ],
)
async def test_a_function_that_gives_no_order_is_named(order: Any, said: str) -> None:
    """Its exception may quote anything: only its kind is told."""
    transport = RoutingTransport(order, {"a": {"url": "http://a.test"}})
    async with httpx.AsyncClient(transport=transport, base_url=NOWHERE) as client:
        with pytest.raises(ConfigError) as error:
            await client.get("/x")
    assert str(error.value) == said


def _raised(kind: type[BaseException]) -> list[str]:
    raise kind("sk-canary")
