"""`sporewright serve`: everything that can be wrong is said before the first device is let in."""

from __future__ import annotations

import socket
from functools import partial
from typing import Any

import structlog
import uvicorn

from sporewright.errors import ConfigError
from sporewright.server.app import create_app
from sporewright.server.http_protocol import HttpProtocol
from sporewright.server.log import configure_logging
from sporewright.server.newcomers import ServerConfig
from sporewright.server.settings import Settings
from sporewright.server.store import LostClaimError, open_store
from sporewright.server.websocket import WebSocketProtocol

__all__ = ["allow_files", "listening", "serve", "uvicorn_config"]

# The database, the log, the page's files.
OTHER_FILES = 256
RECEIVE_BYTES = 64 * 1024
_log = structlog.get_logger("sporewright.run")


def serve(settings: Settings) -> None:
    """Serve until SIGINT or SIGTERM; ConfigError or StorageError before that, in one line."""
    configure_logging()
    with listening(settings.host, settings.port) as listener:
        app = create_app(settings, store=open_store(settings.database))
        allow_files(settings.connections + settings.newcomers)
        config = uvicorn_config(app, settings, log_level="warning", timeout_graceful_shutdown=5)
        host, port = listener.getsockname()[:2]
        page = settings.dist if settings.dist and settings.dist.is_dir() else "not built (make build)"
        print(f"Listening on http://{f'[{host}]' if ':' in host else host}:{port}/ · page: {page}", flush=True)
        server = uvicorn.Server(config)
        app.state.on_lost = partial(setattr, server, "should_exit", True)
        server.run(sockets=[listener])
        if app.state.hub.lost.is_set():
            raise LostClaimError("another server has taken the database over; this one has ended")


def uvicorn_config(app: Any, settings: Settings, **more: Any) -> ServerConfig:
    """The configuration with which an orchestrator is served."""
    return ServerConfig(app, settings, http=HttpProtocol, ws=WebSocketProtocol, **more)


def allow_files(connections: int) -> None:
    """Raise this process's limit on open files to what so many connections take; a log line where it stays too low."""
    try:
        import resource
    except ModuleNotFoundError:  # Windows has no such limit
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = connections + OTHER_FILES
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return
    most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
    if most < wanted:
        _log.warning("too few files may be open for all connections", limit=most, wanted=wanted)


def listening(host: str, port: int) -> socket.socket:
    """A listening TCP socket; ConfigError says which address could not be had and why."""
    try:
        family, kind, proto, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        # With its protocol: asyncio sets TCP_NODELAY where the socket says TCP, and a second small frame waits else.
        listener = socket.socket(family, kind, proto)
    except OSError as why:
        raise ConfigError(f"host {host!r}: {why.strerror}") from None
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    # What a connection has sent and nobody has read is memory, too; connections have it from the listener.
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BYTES)
    try:
        listener.bind(address)
        listener.listen(1024)
    except OSError as why:
        listener.close()
        raise ConfigError(f"{host}:{port}: {why.strerror}") from None
    return listener
