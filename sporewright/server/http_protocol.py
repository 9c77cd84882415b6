"""The server's end of an HTTP connection: uvicorn's own, with time-outs for who sends or takes nothing."""

from __future__ import annotations

import asyncio
from typing import cast

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from sporewright.server.newcomers import ServerConfig

__all__ = ["HttpProtocol"]


class HttpProtocol(H11Protocol):
    """A request's headers are waited for as long as a greeting is; an answer that is not taken ends the connection."""

    _stalled: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Wait for the first request."""
        super().connection_made(transport)
        self._ours.newcomers.enter(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing is waited for any more."""
        self._ours.newcomers.leave(self.transport)
        self._is_taken()
        super().connection_lost(exc)

    def handle_events(self) -> None:
        """A whole request ends the wait."""
        before = self.cycle
        super().handle_events()
        if self.cycle is not before:
            self._ours.newcomers.leave(self.transport)

    def on_response_complete(self) -> None:
        """Wait for the next request, and for the rest of this one's body."""
        super().on_response_complete()
        if self.cycle.response_complete and not self.transport.is_closing():
            self._ours.newcomers.enter(self.transport)

    def handle_websocket_upgrade(self, event: h11.Request) -> None:
        """The other protocol waits from here on."""
        self._ours.newcomers.leave(self.transport)
        self._is_taken()
        super().handle_websocket_upgrade(event)

    def pause_writing(self) -> None:
        """The other end takes nothing just now."""
        super().pause_writing()
        self._is_taken()
        self._stalled = self.loop.call_later(self._ours.settings.send_timeout_s, self.transport.abort)

    def resume_writing(self) -> None:
        """It takes something again."""
        self._is_taken()
        super().resume_writing()

    @property
    def _ours(self) -> ServerConfig:
        return cast(ServerConfig, self.config)

    def _is_taken(self) -> None:
        if self._stalled is not None:
            self._stalled.cancel()
            self._stalled = None
