"""A link between a browser and a server on this machine: it counts what goes over it, and can be slow or cut."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from types import TracebackType

CHUNK = 16_384  # bytes; at 10 Mbit/s 13 ms


class Link:
    """A TCP relay on its own port, for every connection of a browser, its workers' included.

    `rate` in bytes a second and `delay` in seconds (one way) hold for all connections together.
    """

    def __init__(self, port: int, rate: float | None = None, delay: float = 0.0) -> None:
        self.down = 0  # bytes from the server, headers included
        self._target, self._rate, self._delay = port, rate, delay
        self._free_at = {"up": 0.0, "down": 0.0}
        self._loop = asyncio.new_event_loop()
        self._server: asyncio.Server | None = None
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._open: set[asyncio.Task[None]] = set()

    def __enter__(self) -> Link:
        self._thread.start()
        self._server = asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result()
        return self

    def __exit__(self, kind: type[BaseException] | None, why: BaseException | None, at: TracebackType | None) -> None:
        self.cut()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    @property
    def origin(self) -> str:
        """The origin of the server through this link."""
        assert self._server is not None
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    def cut(self) -> None:
        """End every connection and refuse new ones."""
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result()

    async def _listen(self) -> asyncio.Server:
        return await asyncio.start_server(self._serve, "127.0.0.1", 0)

    async def _close(self) -> None:
        if self._server is not None:
            self._server.close()
        for task in self._open:
            task.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._open.add(task)
        try:
            await asyncio.sleep(2 * self._delay)  # a connection is made in one round trip
            there_reader, there = await asyncio.open_connection("127.0.0.1", self._target)
            await asyncio.gather(self._pump("up", reader, there), self._pump("down", there_reader, writer))
        except (OSError, asyncio.CancelledError):
            pass
        finally:
            self._open.discard(task)
            writer.close()

    async def _pump(self, way: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Carry one direction; each chunk leaves when the link is free and arrives `delay` later."""
        queue: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(maxsize=64)
        delivering = asyncio.create_task(self._deliver(queue, writer))
        try:
            while chunk := await reader.read(CHUNK):
                if way == "down":
                    self.down += len(chunk)
                await queue.put((self._due(way, len(chunk)), chunk))
            await queue.put((0.0, b""))
            await delivering
        finally:
            delivering.cancel()
            with contextlib.suppress(OSError):
                writer.close()

    def _due(self, way: str, size: int) -> float:
        now = self._loop.time()
        if self._rate is not None:
            self._free_at[way] = max(now, self._free_at[way]) + size / self._rate
            now = self._free_at[way]
        return now + self._delay

    async def _deliver(self, queue: asyncio.Queue[tuple[float, bytes]], writer: asyncio.StreamWriter) -> None:
        while True:
            due, chunk = await queue.get()
            if not chunk:
                return
            await asyncio.sleep(due - self._loop.time())
            writer.write(chunk)
            await writer.drain()
