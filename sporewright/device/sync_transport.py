"""`sporewright.SyncRoutingTransport`: the routed call for `httpx.Client`, carried out by an event loop in a thread."""

from __future__ import annotations

import asyncio
import random
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Mapping, Sequence
from concurrent.futures import CancelledError
from typing import Any, TypeVar

import httpx

from sporewright.core.tensor import Tensor
from sporewright.device.call_errors import of_httpx
from sporewright.device.native import NativeDevice
from sporewright.device.outgoing import Attention, Retry, Upstream
from sporewright.device.pool_file import SharedPools
from sporewright.device.transport import NOWHERE, RoutingTransport
from sporewright.errors import ClosedError
from sporewright.pools import PoolState

__all__ = ["SyncRoutingTransport"]

_T = TypeVar("_T")


class SyncRoutingTransport(httpx.BaseTransport):
    """The synchronous form of `RoutingTransport`, for `httpx.Client`; any number of threads may use it.

    Calls run in one event loop in a thread of this transport, which starts with the first request. `order`, a tensor
    that learns, and `on_attention` are used in that thread. A `NativeDevice` must not be started by the caller: this
    transport starts and closes it. `transport` is asynchronous.

    Raises what `RoutingTransport` raises; ClosedError after `close`, and if its thread has ended (a forked process).
    """

    base_url = NOWHERE

    def __init__(
        self,
        order: NativeDevice | Tensor | Sequence[str] | Callable[[], Sequence[str]],
        upstreams: Mapping[str, Upstream],
        *,
        cursor: Mapping[str, str] | None = None,
        limits: Mapping[str, float] | None = None,
        retry: Retry = "auto",
        hedge: bool = True,
        on_attention: Callable[[Attention], None] | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
        chance: Callable[[], float] = random.random,
        pools: Mapping[str, Any] | SharedPools | None = None,
    ) -> None:
        self._device = order if isinstance(order, NativeDevice) else None
        self._routing = RoutingTransport(
            order,
            upstreams,
            cursor=cursor,
            limits=limits,
            retry=retry,
            hedge=hedge,
            on_attention=on_attention,
            transport=transport,
            chance=chance,
            pools=pools,
        )
        self.source = self._routing.source
        self._loop = _LoopThread(self._begin)

    async def _begin(self) -> None:
        if self._device is not None:
            await self._device.__aenter__()

    async def _end(self) -> None:
        await self._routing.aclose()
        if self._device is not None:
            await self._device.__aexit__(None, None, None)

    @property
    def pools(self) -> Mapping[str, PoolState]:
        """Each pool as it stands."""
        return self._routing.pools

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Route the request, or send it as it is; its body is read in the calling thread."""
        request.read()
        trace = request.extensions.get("trace")
        if trace is not None:
            request.extensions["trace"] = _awaited(trace)
        response = self._loop.run(self._routing.handle_async_request(request))
        assert isinstance(response.stream, httpx.AsyncByteStream), "an asynchronous transport has asynchronous bodies"
        body = _Body(response.stream, self._loop)
        headers, extensions = response.headers, response.extensions
        return httpx.Response(response.status_code, headers=headers, stream=body, extensions=extensions)

    def close(self) -> None:
        """End the calls under way, close the connections and the device, and end the thread."""
        self._loop.close(self._end)


class _Body(httpx.SyncByteStream):
    """A body that is fed in the loop and read in another thread; closing it early ends the call."""

    def __init__(self, stream: httpx.AsyncByteStream, loop: _LoopThread) -> None:
        self._stream, self._loop = stream, loop

    def __iter__(self) -> Iterator[bytes]:
        pieces = aiter(self._stream)
        while (piece := self._loop.run(_next(pieces))) is not None:
            yield piece

    def close(self) -> None:
        """The reader is done with it; after the transport's own close there is nothing left to do."""
        if not self._loop.is_closed:
            self._loop.run(self._stream.aclose())


async def _next(pieces: AsyncIterator[bytes]) -> bytes | None:
    return await anext(pieces, None)


def _awaited(trace: Callable[[str, Any], Any]) -> Callable[[str, Any], Coroutine[Any, Any, None]]:
    """A trace function of a synchronous client, as the asynchronous connections call it."""

    async def told(event: str, info: Any) -> None:
        trace(event, info)

    return told


class _LoopThread:
    """An event loop in its own thread, begun at the first use."""

    def __init__(self, begin: Callable[[], Coroutine[Any, Any, None]]) -> None:
        self._begin, self._lock = begin, threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self.is_closed = False

    def run(self, work: Coroutine[Any, Any, _T]) -> _T:
        """The result of `work`, waited for; an interruption of the waiting thread ends it."""
        try:
            loop = self._running()
        except BaseException:
            work.close()
            raise
        future = asyncio.run_coroutine_threadsafe(work, loop)
        try:
            return future.result()
        except CancelledError:
            raise _closed("the transport was closed meanwhile") from None
        except BaseException:
            future.cancel()
            raise

    def _running(self) -> asyncio.AbstractEventLoop:
        with self._lock:
            if self.is_closed:
                raise _closed("the transport is closed")
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                self._thread = threading.Thread(target=self._turn, args=(self._loop,), name="sporewright", daemon=True)
                self._thread.start()
                asyncio.run_coroutine_threadsafe(self._begin(), self._loop).result()
            if self._thread is None or not self._thread.is_alive():
                raise _closed("the thread of this transport has ended: a forked process needs a transport of its own")
            return self._loop

    @staticmethod
    def _turn(loop: asyncio.AbstractEventLoop) -> None:
        asyncio.set_event_loop(loop)
        loop.run_forever()
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()

    def close(self, end: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Cancel all that runs, then `end`, then the thread; a second time nothing happens."""
        with self._lock:
            self.is_closed = True
            loop, thread, self._loop = self._loop, self._thread, None
        if loop is None or thread is None or not thread.is_alive():
            return
        asyncio.run_coroutine_threadsafe(_cancel_others(end), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()


async def _cancel_others(end: Callable[[], Coroutine[Any, Any, None]]) -> None:
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
    await end()


def _closed(why: str) -> Exception:
    return of_httpx(ClosedError, httpx.TransportError, why)
