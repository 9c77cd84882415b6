"""A body as it was received, beside its decoded text: the one is judged, the other is the caller's."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx

__all__ = ["RawBody", "received"]


class RawBody(httpx.AsyncByteStream):
    """Passes on a response's stream and remembers what was read of it since it was last taken."""

    def __init__(self, stream: httpx.AsyncByteStream) -> None:
        self._stream = stream
        self._pieces: AsyncIterator[bytes] | None = None
        self._taken: list[bytes] = []

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        if self._pieces is None:
            self._pieces = aiter(self._stream)
        piece = await anext(self._pieces)
        self._taken.append(piece)
        return piece

    async def aclose(self) -> None:
        """Let go of the connection."""
        await self._stream.aclose()

    def take(self) -> bytes:
        """The bytes that have come since the last time, still encoded."""
        taken = b"".join(self._taken)
        self._taken.clear()
        return taken


def received(response: httpx.Response, request: httpx.Request, *, is_raw: bool) -> httpx.Response:
    """A transport's response to this request, its body unread; `is_raw`: what comes is kept beside what it says."""
    stream = response.stream
    assert isinstance(stream, httpx.AsyncByteStream), "an asynchronous transport has asynchronous bodies"
    unread = RawBody(stream) if is_raw else stream
    if not response.is_closed:
        response.stream, response.request = unread, request
        return response
    # A transport of a test's, or of a cache's, may have an answer that was read before: it is made anew.
    return httpx.Response(
        response.status_code,
        headers=response.headers,
        stream=unread,
        request=request,
        extensions=response.extensions,
    )
