"""A client over `RoutingTransport` beside a plain one: equal in everything a caller can see, or listed with the reason.

What is listed is the table of docs/httpx.md; each of its rows has a test below.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from sporewright.device.transport import RoutingTransport
from tests.device.echo_server import EchoServer
from tests.device.matrix import CASES, Case, seen, seen_error


@pytest.fixture
async def server() -> AsyncIterator[EchoServer]:
    """A server that echoes and misbehaves."""
    async with EchoServer() as server:
        yield server


async def asked(client: httpx.AsyncClient, case: Case, server: EchoServer) -> tuple[Any, type[Exception] | None]:
    """What the caller saw of a case, and the class of its error."""
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
