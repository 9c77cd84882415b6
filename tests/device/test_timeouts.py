"""The caller's own time-outs, as httpx has them: of connecting, reading, writing, of the pool, per client and call."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from sporewright.device.transport import NOWHERE, RoutingTransport
from sporewright.errors import BrokenError, ExhaustedError
from tests.device.echo_server import EchoServer
from tests.device.faulty import Stopwatch


def silent(server: EchoServer) -> str:
    """An address at which nothing is ever answered."""
    return f"{server.url}/silent"


def over(*urls: str, limits: dict[str, float] | None = None, **more: Any) -> RoutingTransport:
    """A transport over these, named a, b, …, of which one failure opens a breaker."""
    upstreams: Any = {name: {"url": url} for name, url in zip("ab", urls, strict=False)}
    limits = {"breaker_failures": 1, "retries": 0, **(limits or {})}
    return RoutingTransport(list(upstreams), upstreams, limits=limits, **more)


def state(transport: RoutingTransport, option: str = "a") -> str:
    """Of the option's breaker."""
    return str(transport.source.health.breaker(option).data()["state"])


@pytest.mark.parametrize(
    ("client", "call", "expected"),
    [
        ({}, {}, [None] * 4),
        ({"timeout": 5.0}, {}, [5.0] * 4),
        ({"timeout": 7}, {}, [7] * 4),
        ({"timeout": None}, {}, [None] * 4),
        ({"timeout": 7}, {"timeout": httpx.Timeout(1, read=2)}, [1, 2, 1, 1]),
        ({"timeout": httpx.Timeout(9, pool=None)}, {}, [9, 9, 9, None]),
    ],
)
async def test_what_was_said_is_passed_on(client: Any, call: Any, expected: list[float | None]) -> None:
    """A default of httpx is no wish: the plan has its own patience, and answers of models take longer than 5 s."""
    seen: list[Any] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request.extensions["timeout"])
        return httpx.Response(200)

    transport = RoutingTransport(["a"], {"a": {"url": "http://a.test"}}, transport=httpx.MockTransport(answer))
    async with httpx.AsyncClient(transport=transport, base_url=NOWHERE, **client) as asked:
        await asked.get("/x", **call)

    assert [seen[0][name] for name in ("connect", "read", "write", "pool")] == expected


async def test_an_impatient_caller_is_answered_by_the_next_and_blames_nobody() -> None:
    """Silence of 0.3 s says nothing of an option."""
    async with EchoServer() as a, EchoServer() as b:
        transport, took = over(silent(a), b.url), Stopwatch()
        async with httpx.AsyncClient(transport=transport, base_url=NOWHERE, timeout=0.3) as client:
            response = await client.get("/echo")

        assert [each.outcome for each in response.extensions["sporewright"].attempts] == ["deadline", "ok"]
        assert 0.3 <= took() < 2
        assert state(transport) == "closed"


async def test_silence_that_says_something_is_the_option_s_failure() -> None:
    """As long as `first_token_min_s`, and twice what the option usually takes."""
    async with EchoServer() as a:
        for p95, ending in ((None, "open"), (0.1, "open"), (0.5, "closed")):
            transport = over(silent(a), limits={"first_token_min_s": 0.2})
            transport.source.health.history("a", streaming=False).told(p95)
            async with httpx.AsyncClient(transport=transport, base_url=NOWHERE, timeout=0.3) as client:
                with pytest.raises(ExhaustedError) as error:
                    await client.get("/echo")

            assert isinstance(error.value, httpx.ReadTimeout)
            assert state(transport) == ending


async def test_the_plan_s_limits_are_the_upper_bound() -> None:
    """A caller who would wait ten minutes gets the next option all the same."""
    async with EchoServer() as a, EchoServer() as b:
        transport, took = over(silent(a), b.url, limits={"attempt_timeout_s": 0.3}), Stopwatch()
        async with httpx.AsyncClient(transport=transport, base_url=NOWHERE, timeout=600) as client:
            response = await client.get("/echo")

        assert [each.outcome for each in response.extensions["sporewright"].attempts] == ["timed_out", "ok"]
        assert took() < 2


async def test_in_the_body_it_breaks_the_answer_and_blames_nobody() -> None:
    """Bytes that were handed over cannot be taken back."""
    async with EchoServer() as a:
        transport = over(a.url)
        async with httpx.AsyncClient(transport=transport, base_url=NOWHERE, timeout=0.3) as client:
            with pytest.raises(BrokenError) as error:
                await client.get("/chunked?n=2&s=2")

        assert isinstance(error.value, httpx.ReadTimeout)
        assert state(transport) == "closed"


async def test_of_the_pool_it_is_nobody_s_fault() -> None:
    """The caller's own connections are all in use."""
    async with EchoServer() as a:
        inner = httpx.AsyncHTTPTransport(limits=httpx.Limits(max_connections=1))
        transport = over(a.url, transport=inner)
        timeout = httpx.Timeout(None, pool=0.2)
        async with (
            httpx.AsyncClient(transport=transport, base_url=NOWHERE, timeout=timeout) as client,
            client.stream("GET", "/chunked?n=50&s=0.1") as response,
        ):
            await anext(response.aiter_raw())
            with pytest.raises(httpx.PoolTimeout):
                await client.get("/echo")

        assert state(transport) == "closed"


@pytest.fixture
def deaf() -> Iterator[str]:
    """An address whose connections are never accepted."""
    with socket.socket() as server, socket.socket() as first, socket.socket() as second:
        server.bind(("127.0.0.1", 0))
        server.listen(0)
        for taken in (first, second):
            taken.setblocking(False)
            taken.connect_ex(server.getsockname())
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


@pytest.mark.parametrize(("least_s", "ending", "outcome"), [(5, "closed", "unusable"), (0.2, "open", "unreachable")])
async def test_of_connecting_the_next_is_asked(deaf: str, least_s: float, ending: str, outcome: str) -> None:
    """Nothing was sent, so even what may not be repeated goes on."""
    async with EchoServer() as b:
        upstreams: Any = {"a": {"url": deaf}, "b": {"url": b.url}}
        limits = {"breaker_failures": 1, "first_token_min_s": least_s}
        transport = RoutingTransport(["a", "b"], upstreams, limits=limits)
        timeout = httpx.Timeout(None, connect=0.3)
        async with httpx.AsyncClient(transport=transport, base_url=NOWHERE, timeout=timeout) as client:
            response = await client.post("/echo", content=b"once")

        assert [each.outcome for each in response.extensions["sporewright"].attempts] == [outcome, "ok"]
        assert state(transport) == ending


async def test_of_connecting_alone_it_is_httpx_s(deaf: str) -> None:
    """ConnectTimeout, as a plain client has it."""
    transport = RoutingTransport(["a"], {"a": {"url": deaf}}, limits={"retries": 0})
    for over_what in (transport, None):
        timeout = httpx.Timeout(None, connect=0.3)
        async with httpx.AsyncClient(transport=over_what, base_url=deaf, timeout=timeout) as client:
            with pytest.raises(httpx.ConnectTimeout):
                await client.get("/x")


async def test_of_writing_it_is_httpx_s() -> None:
    """A server that does not read what it is sent."""
    held = asyncio.Event()

    async def serve(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await held.wait()
        writer.transport.abort()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, limit=1)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    transport = RoutingTransport(["a"], {"a": {"url": url}}, limits={"retries": 0, "breaker_failures": 1})
    for over_what in (transport, None):
        timeout = httpx.Timeout(None, write=0.3)
        async with httpx.AsyncClient(transport=over_what, base_url=url, timeout=timeout) as client:
            with pytest.raises(httpx.WriteTimeout):
                await client.post("/x", content=bytes(1 << 24))
    held.set()
    server.close()
    await asyncio.sleep(0.1)
    assert state(transport) == "closed"


@pytest.mark.parametrize("path", ["/silent", "/chunked?n=9&s=0.2&type=application/json", "/chunked?n=9&s=0.2"])
async def test_a_caller_who_is_cancelled_is_gone_at_every_stage(path: str) -> None:
    """Before the headers, while the answer is held, and within a body: as with a plain client, and upstream at once."""
    async with EchoServer() as a:
        transport = over(a.url)
        async with httpx.AsyncClient(transport=transport, base_url=NOWHERE) as client:
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.3):
                    await client.get(path)
            async with asyncio.timeout(10):
                while a.open:
                    await asyncio.sleep(0.01)

        assert state(transport) == "closed"
