"""Small real HTTP upstreams for the tests: each on its own port, its behaviour switched while it runs."""

from __future__ import annotations

import json
import socket
import struct
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Upstream:
    """One option's server; `status` is what it answers, `mode` how it misbehaves, `seen` what reached it.

    `held`: it answers once it is `released`; `silent`: it hangs up then.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.status = 200
        self.mode = "ok"
        self.delay_s = 0.0
        self.headers: dict[str, str] = {}
        self.seen: list[dict[str, Any]] = []
        self.released = threading.Event()
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.upstream = self
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def close(self) -> None:
        self.released.set()
        self._server.shutdown()
        self._server.server_close()


@contextmanager
def served(names: Sequence[str]) -> Iterator[dict[str, Upstream]]:
    """One upstream of each name."""
    servers = {name: Upstream(name) for name in names}
    try:
        yield servers
    finally:
        for server in servers.values():
            server.close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    upstream: Upstream

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hung up is part of the tests, not a line on stderr."""


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"

    def do_OPTIONS(self) -> None:
        self._answer(204, b"")

    def do_GET(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        self._serve()

    def _serve(self) -> None:
        upstream = self.server.upstream
        body = self.rfile.read(int(self.headers.get("content-length") or 0)).decode()
        upstream.seen.append({"path": self.path, "method": self.command, "body": body, "headers": dict(self.headers)})
        if upstream.mode == "reset":
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()
            self.close_connection = True
            return
        if upstream.mode == "silent":
            upstream.released.wait(60)
            self.close_connection = True
            return
        if upstream.mode == "held":
            upstream.released.wait(60)
        time.sleep(upstream.delay_s)
        self._answer(upstream.status, json.dumps({"from": upstream.name, "got": body}).encode())

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        cors = {
            "access-control-allow-origin": "*",
            "access-control-allow-headers": "*",
            "access-control-expose-headers": "*",
        }
        for name, value in {**cors, "content-type": "application/json", **self.server.upstream.headers}.items():
            self.send_header(name, value)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        """The test reads `seen` instead."""
