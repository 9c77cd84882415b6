"""Providers that answer with exactly the scripted bytes, on an event loop beside their callers'."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import threading
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass
from typing import Any

from e2e.faults.fault import Beat, End, Pieces
from e2e.faults.wire import SECOND, answer, events, head, message
from sporewright.server.demo.listener import bind, reset

__all__ = ["Provider", "Providers", "Script", "closed_port"]

_PREFLIGHT = head(204, None, "content-length: 0")
_TLS = b"\x16"
"""The first byte of a handshake (RFC 8446 §5.1)."""
_ROOT = message(b"hello", 200, "text/plain")[0]


@dataclass(frozen=True)
class Script:
    """A provider's scripted answer; None: a right one, whole or streamed as it was asked.

    `everywhere`: to every request, preflights too; else to what is sent to the chat's path, and `also` by path.
    """

    pieces: Pieces | None = None
    everywhere: bool = False
    also: Mapping[str, Pieces] | None = None


@dataclass(frozen=True)
class _Request:
    method: str
    path: str
    body: bytes


class Provider:
    """One listener; `hits` counts the chats that reached it, `open` the connections."""

    def __init__(self, script: Script) -> None:
        self._script = script
        self.hits = 0
        self._socket = bind("127.0.0.1", 0)
        self.port = int(self._socket.getsockname()[1])
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Listen."""
        self._server = await asyncio.start_server(self._connected, sock=self._socket, limit=1 << 20)

    async def stop(self) -> None:
        """Close the port and every connection."""
        if self._server is not None:
            self._server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        # A caller that has gone ends the script, as it ends a provider's.
        with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            while (request := await _read(reader)) is not None and await self._answer(request, reader, writer):
                continue
        self._tasks.discard(task)
        writer.close()

    async def _answer(self, request: _Request, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """True if the connection goes on."""
        script, is_chat = self._script, request.method == "POST"
        self.hits += is_chat
        if script.everywhere and script.pieces is not None:
            return await _play(script.pieces, reader, writer)
        if request.method == "OPTIONS":
            return await _play((_PREFLIGHT, End.KEEP), reader, writer)
        if script.also and request.path in script.also:
            return await _play(script.also[request.path], reader, writer)
        if request.path == "/":
            return await _play((_ROOT, End.KEEP), reader, writer)
        return await _play(script.pieces or _right(request), reader, writer)


class Providers:
    """A thread with a loop on which providers come and go."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()

    def start(self, scripts: list[Script]) -> list[Provider]:
        """One provider for each script, listening."""
        providers = [Provider(script) for script in scripts]
        self._run(_each(provider.start() for provider in providers))
        return providers

    def stop(self, providers: list[Provider]) -> None:
        """Stop these."""
        self._run(_each(provider.stop() for provider in providers))

    def close(self) -> None:
        """End the thread."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def _run(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(30)


def closed_port() -> int:
    """A port where nothing listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def _each(work: Any) -> None:
    await asyncio.gather(*work)


async def _read(reader: asyncio.StreamReader) -> _Request | None:
    """The next request, a TLS handshake as one of that method; None once the caller has gone."""
    try:
        begin = await reader.readexactly(1)
        if begin == _TLS:
            return _Request("TLS", "", b"")
        raw = begin + await reader.readuntil(b"\r\n\r\n")
    except (asyncio.IncompleteReadError, asyncio.LimitOverrunError):
        return None
    first, *lines = raw.decode("latin-1").split("\r\n")
    method, path, _ = first.split(" ", 2)
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    return _Request(method, path, await reader.readexactly(int(headers.get("content-length") or 0)))


async def _play(pieces: Pieces, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
    for piece in pieces:
        if isinstance(piece, bytes):
            writer.write(piece)
            await writer.drain()
        elif isinstance(piece, Beat):
            times = 0
            while piece.times == 0 or times < piece.times:
                times += 1
                writer.write(piece.data)
                await writer.drain()
                await asyncio.sleep(piece.every_s)
        elif piece is End.RESET:
            reset(writer.transport)  # type: ignore[arg-type]
        elif piece is End.HANG:
            await reader.read()
        elif piece is End.KEEP:
            return True
        else:
            await asyncio.sleep(piece)
    return False


def _right(request: _Request) -> Pieces:
    """A right answer of the working option."""
    try:
        asked = json.loads(request.body)
    except ValueError:
        asked = {}
    if isinstance(asked, dict) and asked.get("stream") is True:
        body = events(SECOND)
        return (head(200, "text/event-stream", f"content-length: {len(body)}"), body, End.KEEP)
    return (*message(answer(SECOND)), End.KEEP)
