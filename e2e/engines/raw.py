"""A server that answers with given bytes, right or wrong, and then closes or resets the connection."""

from __future__ import annotations

import socket
import struct
import threading
import time
from dataclasses import dataclass

HEAD = b"HTTP/1.1 200 OK\r\naccess-control-allow-origin: *\r\ncontent-type: application/json\r\n"


@dataclass(frozen=True)
class Answer:
    """These bytes, then an end; by a reset of the connection where `reset`."""

    text: bytes = b""
    reset: bool = False
    wait_s: float = 0.0
    """Before the end: what a reset overtakes in a browser's own buffers was never there."""


class RawServer:
    """One such server on its own port; `count` is how many requests reached it."""

    def __init__(self, answer: Answer) -> None:
        self.answer, self.count = answer, 0
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        """Stop listening."""
        self._socket.close()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection: socket.socket) -> None:
        with connection:
            connection.settimeout(10)
            asked = b""
            try:
                while b"\r\n\r\n" not in asked:
                    piece = connection.recv(65536)
                    if not piece:
                        return  # a connection that the browser opened in advance
                    asked += piece
                self.count += 1
                connection.sendall(self.answer.text)
                time.sleep(self.answer.wait_s)
                if self.answer.reset:
                    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                else:
                    connection.shutdown(socket.SHUT_WR)
            except OSError:
                return
