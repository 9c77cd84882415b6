"""Upstreams that are a function of the program: their answer, held to what a transport would give."""

from __future__ import annotations

import asyncio
import contextvars
import inspect
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from functools import partial
from typing import Any, TypeVar, cast

import httpx

from sporewright.device.failure import place_of

__all__ = ["Run", "answer_of"]

Run = Callable[[httpx.Request], httpx.Response | Awaitable[httpx.Response]]
_T = TypeVar("_T")
_ENCODED = ("content-encoding", "content-length", "transfer-encoding")


async def answer_of(run: Run, request: httpx.Request) -> httpx.Response:
    """The answer of `run`, called in a thread of its own unless it is asynchronous; ReadError if it gives none.

    Cancelled, it cancels what `run` awaits, and waits for nothing.
    """
    try:
        is_async = inspect.iscoroutinefunction(run) or inspect.iscoroutinefunction(type(run).__call__)
        found: Any = run(request) if is_async else await _in_thread(lambda: run(request))
        if inspect.isawaitable(found):
            found = await _in_task(found)
    except Exception as why:
        raise httpx.ReadError(f"run raised {place_of(why)}") from None
    if not isinstance(found, httpx.Response):
        raise httpx.ReadError(f"run gave {type(found).__name__}, not an httpx.Response")
    return _unread(found)


def _unread(response: httpx.Response) -> httpx.Response:
    """The same response with a body that can be read under asyncio."""
    stream = response.stream
    if isinstance(stream, httpx.ByteStream):
        return response
    headers = response.headers
    with suppress(httpx.ResponseNotRead):  # a client has read it, and decoded it
        text = response.content
        headers = httpx.Headers([(name, value) for name, value in headers.multi_items() if name not in _ENCODED])
        return httpx.Response(response.status_code, headers=headers, content=text)
    if response.is_stream_consumed or response.is_closed:
        raise httpx.ReadError("run gave a Response that was read already")
    return httpx.Response(response.status_code, headers=headers, stream=_Body(stream), extensions=response.extensions)


class _Body(httpx.AsyncByteStream):
    """A body that may be synchronous, and then is read in a thread; what it raises is a ReadError without its words."""

    def __init__(self, stream: httpx.SyncByteStream | httpx.AsyncByteStream) -> None:
        self._stream = stream
        self._in_use = threading.Lock()
        self._is_closed = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            pieces = aiter(self._stream) if isinstance(self._stream, httpx.AsyncByteStream) else iter(self._stream)
            while (piece := await self._next(pieces)) is not None:
                if not isinstance(piece, bytes):
                    raise TypeError("not bytes")
                yield piece
        except Exception as why:
            raise httpx.ReadError(f"its body raised {place_of(why)}") from None

    async def _next(self, pieces: Any) -> bytes | None:
        if isinstance(self._stream, httpx.AsyncByteStream):
            return await _in_task(anext(pieces, None))

        def piece() -> bytes | None:
            with self._in_use:
                return None if self._is_closed else next(pieces, None)

        return await _in_thread(piece)

    async def aclose(self) -> None:
        """Let go of it; a piece that is still being made is not waited for."""
        self._is_closed = True
        if isinstance(self._stream, httpx.AsyncByteStream):
            with suppress(Exception):
                await _in_task(self._stream.aclose())
        else:
            _start(partial(self._close, self._stream))

    def _close(self, stream: httpx.SyncByteStream) -> None:
        with self._in_use, suppress(Exception):
            stream.close()


async def _in_task(work: Awaitable[_T]) -> _T:
    """The result of `work`. Cancelled, it is cancelled, and its end is not waited for: it may refuse."""
    task = asyncio.ensure_future(work)
    task.add_done_callback(lambda it: it.cancelled() or it.exception())  # nobody else may ask for it
    try:
        await asyncio.wait({task})
    finally:
        task.cancel()
    if task.cancelled():
        raise RuntimeError("it raised CancelledError")
    return task.result()


async def _in_thread(work: Callable[[], _T]) -> _T:
    """The result of `work` in a thread of its own: one that never ends holds up no other, nor the program's exit."""
    loop, context = asyncio.get_running_loop(), contextvars.copy_context()
    done: asyncio.Future[tuple[_T | None, BaseException | None]] = loop.create_future()

    def tell(result: tuple[_T | None, BaseException | None]) -> None:
        if not done.cancelled():
            done.set_result(result)

    def turn() -> None:
        result: tuple[_T | None, BaseException | None]
        try:
            result = context.run(work), None
        except BaseException as why:
            result = None, why
        with suppress(RuntimeError):  # the loop has ended
            loop.call_soon_threadsafe(tell, result)

    _start(turn)
    found, why = await done
    if isinstance(why, Exception):
        raise why
    if why is not None:
        raise RuntimeError(f"it raised {type(why).__name__}") from why  # its end is nobody else's
    return cast(_T, found)


def _start(work: Callable[[], None]) -> None:
    """Run `work` in a thread that keeps no program alive."""
    threading.Thread(target=work, name="sporewright-run", daemon=True).start()
