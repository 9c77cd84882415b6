"""A connection that was kept alive and is gone by the time it is used again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from sporewright.device.transport import NOWHERE, RoutingTransport
from sporewright.errors import ExhaustedError
from tests.device.echo_server import reset


class Stale:
    """Answers the first request of each connection and resets the connection at the second."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []

    async def __aenter__(self) -> Stale:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for turn in range(2):
            try:
                head = await reader.readuntil(b"\r\n\r\n")
            except asyncio.IncompleteReadError:
                break
            length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0] or b"0")
            self.bodies.append(await reader.readexactly(length))
            if turn:
                reset(writer)
                return
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        writer.close()


@pytest.fixture
async def stale() -> AsyncIterator[Stale]:
    """Such a server."""
    async with Stale() as server:
        yield server


def over(stale: Stale, **more: Any) -> RoutingTransport:
    """A transport to it alone, which learns of a single failure."""
    return RoutingTransport(["a"], {"a": {"url": stale.url}}, limits={"breaker_failures": 1, "max_attempts": 1}, **more)


async def test_what_may_be_repeated_is_sent_again_on_a_fresh_connection(stale: Stale) -> None:
    """Ten calls one after the other all succeed; no option is to blame, and each receipt has one attempt."""
    transport = over(stale)
    async with httpx.AsyncClient(transport=transport, base_url=NOWHERE) as client:
        responses = [await client.get("/x") for _ in range(10)]

    assert [response.text for response in responses] == ["ok"] * 10
    assert {len(response.extensions["sporewright"].attempts) for response in responses} == {1}
    assert len(stale.bodies) == 19
    assert transport.source.health.breaker("a").data()["state"] == "closed"


async def test_several_stale_connections_are_passed_over(stale: Stale) -> None:
    """Five calls at once leave five connections that are gone."""
    async with httpx.AsyncClient(transport=over(stale), base_url=NOWHERE) as client:
        await asyncio.gather(*(client.get("/x") for _ in range(5)))
        assert (await client.get("/x")).text == "ok"


async def test_what_may_have_been_carried_out_is_not_sent_again(stale: Stale) -> None:
    """The server had all of a POST: it is told as it is, and sent once."""
    async with httpx.AsyncClient(transport=over(stale), base_url=NOWHERE) as client:
        await client.get("/x")
        with pytest.raises(ExhaustedError) as error:
            await client.post("/x", content=b"once")
    assert isinstance(error.value, httpx.ReadError)
    assert stale.bodies == [b"", b"once"]


async def test_a_fresh_connection_that_breaks_is_a_failure() -> None:
    """Nothing was kept alive: the option failed, and is asked once."""
    seen: list[str] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append((await reader.readuntil(b"\r\n\r\n")).decode())
        reset(writer)

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    transport = RoutingTransport(["a"], {"a": {"url": url}}, limits={"breaker_failures": 1, "max_attempts": 1})
    async with httpx.AsyncClient(transport=transport, base_url=NOWHERE) as client:
        with pytest.raises(httpx.ReadError):
            await client.get("/x")
    server.close()
    assert len(seen) == 1
    assert transport.source.health.breaker("a").data()["state"] == "open"


async def test_the_caller_s_own_trace_is_told_as_well(stale: Stale) -> None:
    """httpx's trace extension goes on working."""
    events: list[str] = []

    async def trace(event: str, _: object) -> None:
        events.append(event)

    async with httpx.AsyncClient(transport=over(stale), base_url=NOWHERE) as client:
        await client.get("/x", extensions={"trace": trace})
    assert "connection.connect_tcp.complete" in events
    assert "http11.receive_response_headers.complete" in events
