"""One ASGI app on one loopback port inside the running loop: started and stopped by its owner, never by a signal."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from collections.abc import Callable, Generator
from typing import Any

import uvicorn

from sporewright.errors import ConfigError
from sporewright.server.http_protocol import HttpProtocol
from sporewright.server.newcomers import ServerConfig
from sporewright.server.settings import Settings
from sporewright.server.websocket import WebSocketProtocol

__all__ = ["Listener", "bind", "reset"]


class Listener:
    """Serves `app` on a port of its own from `start` until `stop`; the socket is bound by the constructor.

    The app's lifespan is its owner's business.
    """

    def __init__(self, app: Callable[..., Any], host: str, port: int = 0, settings: Settings | None = None) -> None:
        self._socket = bind(host, port)
        self.port = int(self._socket.getsockname()[1])
        self.url = f"http://{f'[{host}]' if ':' in host else host}:{self.port}"
        # Open answers get a second to end; a silent one never would.
        self._server = _Server(
            ServerConfig(
                app,
                settings or Settings(),
                http=_Resettable,
                ws=WebSocketProtocol,
                lifespan="off",
                log_config=None,
                access_log=False,
                timeout_graceful_shutdown=1,
            )
        )
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Return once connections are served; ConfigError if the server ends before that."""
        self._task = asyncio.create_task(self._server.serve([self._socket]))
        while not self._server.started:
            if self._task.done():
                await self._task
                raise ConfigError(f"{self.url}: the server stopped while starting")
            await asyncio.sleep(0.01)

    async def stop(self) -> None:
        """Close the port and every connection; harmless when never started or already stopped."""
        self._server.should_exit = True
        if self._task is not None:
            await self._task
            self._task = None
        self._socket.close()


class _Server(uvicorn.Server):
    """A server among several in one process: signals belong to the process's owner."""

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield


class _Resettable(HttpProtocol):
    """Hands its transport to the app as `scope["state"]["transport"]`, so that a fault can be a real socket fault."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.app_state = {**self.app_state, "transport": transport}


def bind(host: str, port: int) -> socket.socket:
    """A bound TCP socket; ConfigError says which address could not be had and why."""
    try:
        family, kind, proto, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family, kind, proto)
    except OSError as why:
        raise ConfigError(f"host {host!r}: {why}") from None
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
    except OSError as why:
        listener.close()
        raise ConfigError(f"cannot listen on {host}:{port}: {why.strerror}; choose another port") from None
    return listener


def reset(transport: asyncio.Transport) -> None:
    """End the connection with a TCP RST at once: with a linger time of zero, closing is an abort (socket(7))."""
    if transport.is_closing():
        return  # the caller was faster, and its socket may be gone
    transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()
