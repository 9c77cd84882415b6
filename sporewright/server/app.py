"""The one composition root: settings in, an ASGI application out."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI, WebSocket

from sporewright._version import __version__
from sporewright.server.auth import Tokens, key_file, load_secret
from sporewright.server.clock import Clock, SystemClock
from sporewright.server.declared import read_config
from sporewright.server.http import add_addresses
from sporewright.server.metrics import Metrics
from sporewright.server.orchestrator import Orchestrator
from sporewright.server.rate import Paces
from sporewright.server.settings import Settings
from sporewright.server.socket import Connection
from sporewright.server.store import Store, open_store

__all__ = ["create_app", "tokens_of"]


def tokens_of(settings: Settings, clock: Clock) -> Tokens:
    """Tokens with the operator's secret, or the key file beside the database."""
    secret = settings.secret.get_secret_value() if settings.secret else load_secret(key_file(settings.database))
    return Tokens(secret, clock)


def create_app(settings: Settings, clock: Clock | None = None, store: Store | None = None) -> FastAPI:
    """An orchestrator as an ASGI application; its tick starts with the lifespan, as does its store if none is given.

    A bad config or secret is an error here, before anything listens. The store is closed with the lifespan.
    `state.on_lost` is called once another server has the database; whoever serves the app ends it then.
    """
    time = clock or SystemClock()
    declared = read_config(settings.config, settings.limits)
    tokens = tokens_of(settings, time)
    metrics, paces = Metrics(), Paces(settings)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        kept = store if store is not None else await asyncio.to_thread(open_store, settings.database)
        try:
            hub = Orchestrator(kept, settings, declared, time, metrics)
            app.state.store, app.state.metrics, app.state.hub = kept, metrics, hub

            async def connect(socket: WebSocket) -> None:
                await Connection(socket, hub, tokens, paces, settings, time, metrics).serve()

            app.state.connect = connect

            async def watch() -> None:
                await hub.lost.wait()
                app.state.on_lost()

            works = [asyncio.create_task(work) for work in (hub.run(), watch())]
            try:
                yield
            finally:
                for work in works:
                    work.cancel()
                await asyncio.gather(*works, return_exceptions=True)
        finally:
            await asyncio.to_thread(kept.close)

    app = FastAPI(
        title="sporewright orchestrator", version=__version__, lifespan=lifespan, docs_url=None, redoc_url=None
    )
    app.state.on_lost = lambda: None
    add_addresses(app, settings.dist)
    return app
