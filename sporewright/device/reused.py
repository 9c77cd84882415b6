"""Requests on reused connections: one that was closed meanwhile is no option's fault, and the request is sent anew."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import httpx

__all__ = ["exchanged"]

# How many idle connections httpx keeps: each of them may be stale, the next one is fresh.
_IDLE_MOST = 20
_GONE = (httpx.ReadError, httpx.WriteError, httpx.RemoteProtocolError)
_Trace = Callable[[str, dict[str, Any]], Awaitable[None]]


class _Watch:
    """Follows one exchange by httpcore's trace events; tells them on to the caller's own."""

    def __init__(self, more: _Trace | None) -> None:
        self._more = more
        self._is_begun = self._is_fresh = False
        self.is_sent = False
        """All of the request was written: it may have been carried out."""

    @property
    def is_reused(self) -> bool:
        """True if it went over a connection that was there before."""
        return self._is_begun and not self._is_fresh

    async def __call__(self, event: str, info: dict[str, Any]) -> None:
        self._is_fresh = self._is_fresh or event.startswith("connection.connect_")
        self._is_begun = self._is_begun or event.endswith(".send_request_headers.started")
        self.is_sent = self.is_sent or event.endswith(".send_request_body.complete")
        if self._more is not None:
            await self._more(event, info)


async def exchanged(transport: httpx.AsyncBaseTransport, request: httpx.Request, *, may_repeat: bool) -> httpx.Response:
    """The response to this request, sent again where a reused connection broke before anything of an answer came.

    `may_repeat`: it may be carried out twice; else it is sent again only where the server has not had all of it.
    """
    trace = request.extensions.get("trace")
    for left in range(_IDLE_MOST, -1, -1):
        watch = _Watch(trace)
        request.extensions = {**request.extensions, "trace": watch}
        try:
            return await transport.handle_async_request(request)
        except _GONE:
            if not left or not watch.is_reused or (watch.is_sent and not may_repeat):
                raise
    raise AssertionError("the last turn returns or raises")
