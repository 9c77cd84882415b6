"""Two providers that fail on purpose and a client that routes between them, for the tests of the transport."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from itertools import pairwise
from typing import Any

import httpx

from sporewright.device.transport import NOWHERE, RoutingTransport
from sporewright.routing.dialects.sse_events import Events
from sporewright.server.demo.completion import words
from sporewright.server.demo.faults import FaultServer, Step

WHOLE = "".join(words())
REQUEST = {"model": "any", "messages": [{"role": "user", "content": "count"}]}


class Fleet:
    """The servers by name, and a client over them in that order."""

    def __init__(self, servers: dict[str, FaultServer], client: httpx.AsyncClient, transport: RoutingTransport) -> None:
        self.servers, self.client, self.transport = servers, client, transport

    async def chat(self, *, stream: bool = True, body: Mapping[str, Any] | None = None, **asked: Any) -> httpx.Response:
        """One chat completion, read to its end."""
        sent = {**REQUEST, "stream": stream, **(body or {})}
        return await self.client.post("/v1/chat/completions", json=sent, extensions={"sporewright": asked})

    def attempts(self, name: str) -> list[dict[str, Any]]:
        """The requests that reached a server, oldest first."""
        return self.servers[name].log


@asynccontextmanager
async def served(scripts: Mapping[str, list[Step]]) -> AsyncIterator[dict[str, FaultServer]]:
    """Started servers with these scripts, by name."""
    async with AsyncExitStack() as stack:
        servers: dict[str, FaultServer] = {}
        for name, script in scripts.items():
            server = servers[name] = FaultServer(name, script)
            await server.start()
            stack.push_async_callback(server.stop)
        yield servers


def upstreams_of(servers: Mapping[str, FaultServer], facts: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The servers as upstreams; `facts`: more about each."""
    return {name: {"url": server.url, **(facts or {}).get(name, {})} for name, server in servers.items()}


@asynccontextmanager
async def fleet_of(
    scripts: Mapping[str, list[Step]],
    limits: Mapping[str, float] | None = None,
    facts: Mapping[str, Any] | None = None,
    **options: Any,
) -> AsyncIterator[Fleet]:
    """Started servers with these scripts, tried in this order; `facts`: more about each upstream."""
    async with served(scripts) as servers:
        upstreams = upstreams_of(servers, facts)
        transport = RoutingTransport(list(servers), upstreams, limits=limits, chance=lambda: 0.5, **options)
        async with httpx.AsyncClient(transport=transport, base_url=NOWHERE) as client:
            yield Fleet(servers, client, transport)


def text_of(response: httpx.Response) -> str:
    """The words of a streamed answer, as a client that knows no better puts them together."""
    pieces = []
    for line in response.text.splitlines():
        if line.startswith("data: {"):
            choices = json.loads(line[6:])["choices"]
            pieces += [choices[0]["delta"].get("content", "")] if choices else []
    return "".join(pieces)


def is_whole(response: httpx.Response) -> bool:
    """True if the body is a whole answer, all of its words once and in order."""
    events = Events()
    events.feed(response.content)
    return events.is_whole and text_of(response) == WHOLE


def gaps(attempts: list[dict[str, Any]]) -> list[float]:
    """Seconds between one attempt and the next."""
    return [after["at"] - before["at"] for before, after in pairwise(attempts)]


class Stopwatch:
    """Seconds since it was made."""

    def __init__(self) -> None:
        self._began = time.monotonic()

    def __call__(self) -> float:
        """So many."""
        return time.monotonic() - self._began
