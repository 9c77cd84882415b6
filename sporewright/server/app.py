"""The one composition root: settings in, an ASGI application out."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import FastAPI, WebSocket

from sporewright._version import __version__
from sporewright.core.config import TensorConfig
from sporewright.errors import ConfigError
from sporewright.server.auth import Tokens, key_file, load_secret
from sporewright.server.clock import Clock, SystemClock
from sporewright.server.http import add_addresses
from sporewright.server.metrics import Metrics
from sporewright.server.orchestrator import Orchestrator
from sporewright.server.settings import Settings
from sporewright.server.socket import Connection
from sporewright.server.store import open_store

__all__ = ["create_app", "read_config", "tokens_of"]


def read_config(file: Path | None) -> TensorConfig | None:
    """The operator's tensor as data; ConfigError when the file cannot be read, DecodeError that says where in it."""
    if file is None:
        return None
    try:
        text = file.read_bytes()
    except OSError as why:
        raise ConfigError(f"config {file}: {why.strerror}") from None
    config = TensorConfig.from_json(text)
    config.build()
    return config


def tokens_of(settings: Settings, clock: Clock) -> Tokens:
    """Tokens with the operator's secret, or the key file beside the database."""
    secret = settings.secret.get_secret_value() if settings.secret else load_secret(key_file(settings.database))
    return Tokens(secret, clock)


def create_app(settings: Settings, clock: Clock | None = None) -> FastAPI:
    """An orchestrator as an ASGI application; its store opens and its tick starts with the lifespan.

    A bad config or secret is an error here, before anything listens.
    """
    time = clock or SystemClock()
    config = read_config(settings.config)
    tokens = tokens_of(settings, time)
    metrics = Metrics()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        store = await asyncio.to_thread(open_store, settings.database)
        try:
            hub = Orchestrator(store, settings, config, time, metrics)
            app.state.store, app.state.metrics, app.state.hub = store, metrics, hub

            async def connect(socket: WebSocket) -> None:
                await Connection(socket, hub, tokens, settings, time, metrics).serve()

            app.state.connect = connect
            running = asyncio.create_task(hub.run())
            try:
                yield
            finally:
                running.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await running
        finally:
            await asyncio.to_thread(store.close)

    app = FastAPI(
        title="sporewright orchestrator", version=__version__, lifespan=lifespan, docs_url=None, redoc_url=None
    )
    add_addresses(app, settings.dist)
    return app
