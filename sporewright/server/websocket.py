"""The server's end of a WebSocket: uvicorn's own, read in slices and with limits on time, size and frames.

A text frame that is no UTF-8 goes to the session as bytes, which refuses it as any message that does not decode;
uvicorn would log a traceback.
"""

from __future__ import annotations

import asyncio
from asyncio.transports import BaseTransport
from typing import cast

from uvicorn._types import ASGIReceiveEvent, ASGISendEvent
from uvicorn.protocols.utils import ClientDisconnected
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from uvicorn.server import ServerState
from websockets.exceptions import InvalidState
from websockets.frames import Frame

from sporewright.server.newcomers import ServerConfig
from sporewright.server.rate import Bucket

__all__ = ["HELLO_BYTES", "WebSocketProtocol"]

# The longest message before a session has greeted: a token and a name, with room for a login provider's claims.
HELLO_BYTES = 16 * 1024
# Bytes that are read at a time; the smallest frames in them take a few milliseconds of the loop, which others share.
SLICE_BYTES = 4096
# How long a connection that was closed may take to take its last bytes.
CLOSE_S = 3.0


class WebSocketProtocol(WebSocketsSansIOProtocol):
    """Reads a slice, then lets others have the loop; whoever sends more frames than a device may waits for the rest."""

    def __init__(self, config: ServerConfig, server_state: ServerState, app_state: dict[str, object]) -> None:
        super().__init__(config, server_state, app_state)
        settings = config.settings
        self.close_timeout = CLOSE_S
        self.conn.available_extensions = [config.deflate]
        self.conn.max_message_size = min(HELLO_BYTES, config.ws_max_size)
        # Control frames and fragments, too: twice what the session lets through as messages.
        self._bucket = Bucket(2.0 * settings.device_messages_s)
        self._message_timeout_s = settings.message_timeout_s
        self._frames = 0
        self._is_message_done = False
        self._unread = bytearray()
        self._ready_at = 0.0
        self._turn: asyncio.TimerHandle | None = None
        self._message: asyncio.TimerHandle | None = None
        self._end: asyncio.TimerHandle | None = None

    def connection_made(self, transport: BaseTransport) -> None:
        """Wait for the greeting."""
        super().connection_made(transport)
        self._ours.newcomers.enter(self.transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing is waited for any more."""
        self._ours.newcomers.leave(self.transport)
        for timer in (self._turn, self._message, self._end):
            if timer is not None:
                timer.cancel()
        self._unread.clear()
        super().connection_lost(exc)

    def greeted(self) -> None:
        """The other end is known: the wait is over, and messages may have their full size."""
        self._ours.newcomers.leave(self.transport)
        self.conn.max_message_size = self._ours.ws_max_size

    async def run_asgi(self) -> None:
        """Serve; then what the other end does not take is dropped."""
        self.scope["state"]["greeted"] = self.greeted
        await super().run_asgi()
        self._end = self.loop.call_later(CLOSE_S, self.transport.abort)

    def data_received(self, data: bytes) -> None:
        """Read a slice now, the rest in turns."""
        self._unread += data
        if self._turn is None and not self.read_paused:
            self._read()

    async def send(self, message: ASGISendEvent) -> None:
        """Send as uvicorn does; a text that is bytes already is not encoded again for each who is sent it."""
        text = message.get("text")
        if not isinstance(text, bytes):
            await super().send(message)
            return
        await self.writable.wait()
        if self.disconnected or self.close_sent:
            raise ClientDisconnected()
        try:
            self.conn.send_text(text)
        except InvalidState:
            raise ClientDisconnected from None
        for part in self.conn.data_to_send():
            self.transport.write(part)

    async def receive(self) -> ASGIReceiveEvent:
        """The next message; more is read only once nothing waits."""
        message = await self.queue.get()
        if self.read_paused and self.queue.empty():
            self.read_paused = False
            self._go_on()
        return message

    def _read(self) -> None:
        piece = bytes(self._unread[:SLICE_BYTES])
        del self._unread[:SLICE_BYTES]
        super().data_received(piece)
        self._time_message()
        now = self.loop.time()
        self._ready_at = now + self._bucket.take(self._frames, now)
        self._frames = 0
        if not self.read_paused:
            self._go_on()

    def _go_on(self) -> None:
        wait = self._ready_at - self.loop.time()
        if self.transport.is_closing():
            return
        if self._unread or wait > 0:
            self.transport.pause_reading()
            self._turn = self.loop.call_later(max(0.0, wait), self._take_turn)
        else:
            self.transport.resume_reading()

    def _take_turn(self) -> None:
        self._turn = None
        if self._unread:
            self._read()
        else:
            self._go_on()

    def _time_message(self) -> None:
        """A message that has begun must end in time."""
        is_under_way = bool(self.frames or self.conn.reader.buffer)
        if self._message is not None and (self._is_message_done or not is_under_way):
            self._message.cancel()
            self._message = None
        self._is_message_done = False
        if is_under_way and self._message is None:
            self._message = self.loop.call_later(self._message_timeout_s, self._message_is_late)

    def _message_is_late(self) -> None:
        self._message = None
        if self.read_paused or self._unread:
            self._time_message()  # it is we who do not read
        else:
            self.transport.abort()

    def send_receive_event_to_app(self) -> None:
        """Hand a whole message over."""
        self._is_message_done = True
        if self.curr_msg_data_type == "text" and not _is_text(b"".join(self.frames)):
            self.curr_msg_data_type = "bytes"
        super().send_receive_event_to_app()

    def handle_cont(self, event: Frame) -> None:
        """A further fragment."""
        self._frames += 1
        super().handle_cont(event)

    def handle_text(self, event: Frame) -> None:
        """Text, or its first fragment."""
        self._frames += 1
        super().handle_text(event)

    def handle_bytes(self, event: Frame) -> None:
        """Bytes, or their first fragment."""
        self._frames += 1
        super().handle_bytes(event)

    def handle_ping(self) -> None:
        """The other end asks whether we are there."""
        self._frames += 1
        super().handle_ping()

    def handle_pong(self, event: Frame) -> None:
        """The other end is there."""
        self._frames += 1
        super().handle_pong(event)

    @property
    def _ours(self) -> ServerConfig:
        return cast(ServerConfig, self.config)


def _is_text(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True
