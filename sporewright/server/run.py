"""`sporewright serve`: everything that can be wrong is said before the first device is let in."""

from __future__ import annotations

import socket

import uvicorn

from sporewright.errors import ConfigError
from sporewright.server.app import create_app
from sporewright.server.log import configure_logging
from sporewright.server.settings import Settings
from sporewright.server.store import open_store
from sporewright.server.websocket import WebSocketProtocol

__all__ = ["listening", "serve"]


def serve(settings: Settings) -> None:
    """Serve until SIGINT or SIGTERM; ConfigError or StorageError before that, in one line."""
    configure_logging()
    with listening(settings.host, settings.port) as listener:
        app = create_app(settings, store=open_store(settings.database))
        config = uvicorn.Config(
            app,
            ws=WebSocketProtocol,
            # A message over the limit is told so by the session; what is far over it is cut off while it arrives.
            ws_max_size=settings.message_bytes + 4096,
            log_level="warning",
            timeout_graceful_shutdown=5,
        )
        host, port = listener.getsockname()[:2]
        page = settings.dist if settings.dist and settings.dist.is_dir() else "not built (make build)"
        print(f"Listening on http://{f'[{host}]' if ':' in host else host}:{port}/ · page: {page}", flush=True)
        uvicorn.Server(config).run(sockets=[listener])


def listening(host: str, port: int) -> socket.socket:
    """A listening TCP socket; ConfigError says which address could not be had and why."""
    try:
        family, kind, proto, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        # With its protocol: asyncio sets TCP_NODELAY where the socket says TCP, and a second small frame waits else.
        listener = socket.socket(family, kind, proto)
    except OSError as why:
        raise ConfigError(f"host {host!r}: {why.strerror}") from None
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(address)
        listener.listen(1024)
    except OSError as why:
        listener.close()
        raise ConfigError(f"{host}:{port}: {why.strerror}") from None
    return listener
