"""The one composition root: settings in, an ASGI application out."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog
from fastapi import FastAPI, WebSocket

from sporewright._version import __version__
from sporewright.errors import ConfigError
from sporewright.server.auth import Tokens, key_file, load_secret, ring_file
from sporewright.server.clock import Clock, SystemClock
from sporewright.server.declared import read_config
from sporewright.server.http import add_addresses
from sporewright.server.keyring import Keyring
from sporewright.server.metrics import Metrics
from sporewright.server.orchestrator import Orchestrator
from sporewright.server.rate import Paces
from sporewright.server.settings import Settings
from sporewright.server.socket import Connection
from sporewright.server.store import Store, open_store

__all__ = ["create_app", "ring_of", "tokens_of"]

# Seconds between two looks at the key file, where a tick is longer.
KEYS_S = 2.0
_log = structlog.get_logger("sporewright.app")


def ring_of(settings: Settings) -> Keyring:
    """The operator's keys, in the file that is set or the one beside the database."""
    return Keyring(settings.keys or ring_file(settings.database))


def tokens_of(settings: Settings, clock: Clock, ring: Keyring | None = None) -> Tokens:
    """Tokens with the operator's secret, or the key file beside the database, and the operator's further keys."""
    secret = settings.secret.get_secret_value() if settings.secret else load_secret(key_file(settings.database))
    return Tokens(secret, clock, ring or ring_of(settings))


def create_app(settings: Settings, clock: Clock | None = None, store: Store | None = None) -> FastAPI:
    """An orchestrator as an ASGI application; its tick starts with the lifespan, as does its store if none is given.

    A bad config or secret is an error here, before anything listens. The store is closed with the lifespan.
    `state.on_lost` is called once another server has the database; whoever serves the app ends it then.
    """
    time = clock or SystemClock()
    declared = read_config(settings.config, settings.limits)
    ring = ring_of(settings)
    tokens = tokens_of(settings, time, ring)
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

            works = [asyncio.create_task(work) for work in (hub.run(), watch(), _watch_keys(ring, hub, settings))]
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


async def _watch_keys(ring: Keyring, hub: Orchestrator, settings: Settings) -> None:
    """Read the keys again when their file changes; every session looks then whether its token still holds."""
    while True:
        await asyncio.sleep(min(settings.tick_s, KEYS_S))
        try:
            if await asyncio.to_thread(ring.renew):
                hub.wake()
        except ConfigError as why:
            _log.error("the keys were not read again", code=why.code, reason=str(why))
