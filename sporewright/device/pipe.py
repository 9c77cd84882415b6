"""A body for httpx that is fed only while it is read."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable

import httpx

__all__ = ["Pipe"]


class Pipe(httpx.AsyncByteStream):
    """Pieces are handed on in order; `cancelled` is called if the reader leaves before the end."""

    def __init__(self, cancelled: Callable[[], None]) -> None:
        self._pieces: deque[bytes] = deque()
        self._cancelled = cancelled
        self._wanted, self._changed = asyncio.Event(), asyncio.Event()
        self._error: Exception | None = None
        self._is_over = False

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        while not self._pieces:
            if self._error is not None:
                raise self._error
            if self._is_over:
                raise StopAsyncIteration
            self._changed.clear()
            self._wanted.set()
            await self._changed.wait()
        return self._pieces.popleft()

    async def aclose(self) -> None:
        """The reader is done with it."""
        if not self._is_over:
            self._is_over = True
            self._cancelled()

    async def wanted(self) -> None:
        """Return once the reader waits for more."""
        await self._wanted.wait()

    def push(self, piece: bytes) -> None:
        """One more piece."""
        self._pieces.append(piece)
        self._wanted.clear()
        self._changed.set()

    def close(self, error: Exception | None = None) -> None:
        """That was all; or it broke off, and the reader gets this error instead of an end."""
        if not self._is_over:
            self._is_over, self._error = True, error
            self._changed.set()
