"""Connections that have not said yet who they are: so many at once, and each only for a while."""

from __future__ import annotations

import asyncio
from typing import Any

import uvicorn

from sporewright.server.deflate import SharedDeflateFactory
from sporewright.server.settings import Settings

__all__ = ["Newcomers", "ServerConfig"]


class Newcomers:
    """Over the limit the one that has waited longest is cut off: an honest device greets within a round trip."""

    def __init__(self, most: int, timeout_s: float) -> None:
        self._most, self._timeout_s = most, timeout_s
        self._waiting: dict[asyncio.Transport, asyncio.TimerHandle] = {}

    def __len__(self) -> int:
        return len(self._waiting)

    def enter(self, transport: asyncio.Transport) -> None:
        """A connection waits from now on; it is cut off unless it leaves in time."""
        self.leave(transport)
        if len(self._waiting) >= self._most:
            self._cut(next(iter(self._waiting)))
        timer = asyncio.get_running_loop().call_later(self._timeout_s, self._cut, transport)
        self._waiting[transport] = timer

    def leave(self, transport: asyncio.Transport) -> None:
        """It has said what it wants, or is gone."""
        timer = self._waiting.pop(transport, None)
        if timer is not None:
            timer.cancel()

    def _cut(self, transport: asyncio.Transport) -> None:
        self.leave(transport)
        transport.abort()


class ServerConfig(uvicorn.Config):
    """Uvicorn's settings, and ours that its protocols need."""

    # What a refused device needs to read why, after the greeting's own time-out.
    GRACE_S = 2.0

    def __init__(self, app: Any, settings: Settings, **more: Any) -> None:
        # A message over the limit is told so by the session; what is far over it is cut off while it arrives.
        super().__init__(app, ws_max_size=settings.message_bytes + 4096, **more)
        self.settings = settings
        self.deflate = SharedDeflateFactory()
        self.newcomers = Newcomers(settings.newcomers, settings.hello_timeout_s + self.GRACE_S)
