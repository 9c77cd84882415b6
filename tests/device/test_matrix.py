"""A client over `RoutingTransport` beside a plain one: equal in everything a caller can see, or listed with the reason.

What is listed is the table of docs/how-to/beside-httpx.md; each of its rows has a test below.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import pytest

from sporewright.device.sync_transport import SyncRoutingTransport
from sporewright.device.transport import NOWHERE, RoutingTransport
from tests.device.echo_server import EchoServer
from tests.device.matrix import CASES, Case, seen, seen_error


@pytest.fixture
async def server() -> AsyncIterator[EchoServer]:
    """A server that echoes and misbehaves."""
    async with EchoServer() as server:
        yield server


async def asked(client: httpx.AsyncClient, case: Case, server: EchoServer) -> tuple[Any, type[Exception] | None]:
    """The caller's view of a case, and the class of its error."""
    told: list[Any] = []
    try:
        for _ in range(case.times):
            path, arguments = case.path.replace("{url}", server.url), case.arguments(is_async=True)
            if case.read is None:
                told.append(seen(await client.request(case.method, path, **arguments), None))
                continue
            async with client.stream(case.method, path, **arguments) as response:
                read = b"".join([piece async for piece in pieces(response, case.read)])
            told.append(seen(response, read))
    except Exception as why:
        return [*told, seen_error(why), dict(client.cookies)], type(why)
    return [*told, dict(client.cookies)], None


async def pieces(response: httpx.Response, read: str) -> AsyncIterator[bytes]:
    """The body, read so."""
    if read == "part":
        yield await anext(response.aiter_bytes())
        return
    async for piece in getattr(response, f"aiter_{read}")():
        yield piece.encode() if isinstance(piece, str) else piece


def of_client(case: Case, server: EchoServer) -> dict[str, Any]:
    """The client's arguments."""
    base = case.client.get("base_url", "{url}").replace("{url}", server.url)
    return {**case.client, "base_url": base}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
async def test_a_routed_client_is_a_client(case: Case, server: EchoServer) -> None:
    """The same answer, or an error that is the same one of httpx's."""
    async with httpx.AsyncClient(**of_client(case, server)) as client:
        plain, error = await asked(client, case, server)
    before = list(server.seen)
    server.seen.clear()
    transport = RoutingTransport(["a"], {"a": {"url": server.url}}, limits={"max_attempts": 1})
    async with httpx.AsyncClient(transport=transport, **of_client(case, server)) as client:
        routed, our_error = await asked(client, case, server)

    assert routed == plain
    assert (error is None) == (our_error is None)
    assert error is None or our_error is None or issubclass(our_error, error)
    assert server.seen == before


def asked_by_thread(client: httpx.Client, case: Case, server: EchoServer) -> tuple[Any, type[Exception] | None]:
    """The same of a synchronous client."""
    told: list[Any] = []
    try:
        for _ in range(case.times):
            path, arguments = case.path.replace("{url}", server.url), case.arguments(is_async=False)
            if case.read is None:
                told.append(seen(client.request(case.method, path, **arguments), None))
                continue
            with client.stream(case.method, path, **arguments) as response:
                read = b"".join(plain_pieces(response, case.read))
            told.append(seen(response, read))
    except Exception as why:
        return [*told, seen_error(why), dict(client.cookies)], type(why)
    return [*told, dict(client.cookies)], None


def plain_pieces(response: httpx.Response, read: str) -> Iterator[bytes]:
    """The body, read so."""
    if read == "part":
        yield next(response.iter_bytes())
        return
    for piece in getattr(response, f"iter_{read}")():
        yield piece.encode() if isinstance(piece, str) else piece


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
async def test_a_routed_client_of_a_thread_is_a_client(case: Case, server: EchoServer) -> None:
    """The same for httpx.Client over `SyncRoutingTransport`."""

    def work(transport: httpx.BaseTransport | None) -> tuple[Any, type[Exception] | None]:
        with httpx.Client(transport=transport, **of_client(case, server)) as client:
            return asked_by_thread(client, case, server)

    plain, error = await asyncio.to_thread(work, None)
    before = list(server.seen)
    server.seen.clear()
    transport = SyncRoutingTransport(["a"], {"a": {"url": server.url}}, limits={"max_attempts": 1})
    routed, our_error = await asyncio.to_thread(work, transport)

    assert routed == plain
    assert (error is None) == (our_error is None)
    assert error is None or our_error is None or issubclass(our_error, error)
    assert server.seen == before


# What differs, and why: the rows of docs/how-to/beside-httpx.md.


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503])
async def test_a_status_that_says_that_the_option_failed_is_an_error(status: int, server: EchoServer) -> None:
    """A response of a plain client, where no other option answers, is an error with every attempt in it."""
    transport = RoutingTransport(["a"], {"a": {"url": server.url}}, limits={"max_attempts": 1})
    async with httpx.AsyncClient(transport=transport, base_url=server.url) as client:
        with pytest.raises(httpx.TransportError, match=f"HTTP {status}"):
            await client.get(f"/status/{status}")


async def test_who_names_no_provider_proves_nothing_to_any(server: EchoServer) -> None:
    """To `NOWHERE` a credential goes only where `caller_credentials` lets it; all else of a request is sent."""
    for is_let, expected in ((False, []), (True, ["authorization", "cookie", "x-api-key"])):
        upstreams: Any = {"a": {"url": server.url, "caller_credentials": is_let}}
        transport = RoutingTransport(["a"], upstreams)
        async with httpx.AsyncClient(transport=transport, base_url=NOWHERE, cookies={"c": "1"}) as client:
            headers = {"x-api-key": "k", "x-plain": "p"}
            response = await client.post("/echo", json=1, auth=("u", "p"), headers=headers)

        sent = {name.lower() for name, _ in response.json()["headers"]}
        assert sorted(sent & {"authorization", "cookie", "x-api-key"}) == expected
        assert {"x-plain", "content-type", "content-length", "user-agent"} <= sent
        assert str(response.url) == f"{NOWHERE}/echo"


async def test_a_body_by_pieces_survives_a_redirect(server: EchoServer) -> None:
    """It is read whole, to be sent to any option; a plain client has spent it by then."""

    async def body() -> AsyncIterator[bytes]:
        yield b"one "
        yield b"two"

    for transport in (None, RoutingTransport(["a"], {"a": {"url": server.url}})):
        async with httpx.AsyncClient(transport=transport, base_url=server.url, follow_redirects=True) as client:
            if transport is None:
                with pytest.raises(httpx.StreamConsumed):
                    await client.post("/to/307?where=/echo", content=body())
            else:
                assert (await client.post("/to/307?where=/echo", content=body())).json()["body"] == "one two"


async def test_a_routed_answer_has_a_receipt_and_no_connection(server: EchoServer) -> None:
    """The connection over which an answer came is its option's business."""
    transport = RoutingTransport(["a"], {"a": {"url": server.url}})
    async with httpx.AsyncClient(transport=transport, base_url=server.url) as client:
        extensions = (await client.get("/echo")).extensions
    assert "network_stream" not in extensions
    assert extensions["sporewright"].option == "a"
