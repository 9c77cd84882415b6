"""A server on loopback that does what each address asks for, and keeps what reached it: one state, an origin a port."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import mimetypes
import socket
import struct
import threading
import time
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

__all__ = ["ORIGINS", "PAGES", "MatrixServer"]

ORIGINS = ("page", "a", "b")
"""The page's own origin, which serves the build as well, and two upstreams of other origins."""

_ALONE = {"cross-origin-opener-policy": "same-origin"}
PAGES: Mapping[str, Mapping[str, str]] = {
    "blank": {},
    "isolated": {**_ALONE, "cross-origin-embedder-policy": "require-corp"},
    "credentialless": {**_ALONE, "cross-origin-embedder-policy": "credentialless"},
}
"""Empty pages by name, with their headers."""
_BR = base64.b64decode("Gw0A4KXS2FIQQySJnG4se/QA")
_ENCODED = {"gzip": gzip.compress(b"said by gzip", mtime=0), "br": _BR, "identity": b"said as it is"}
_LONG = 1 << 17
"""A request's body beyond this is told, and echoed, by its length and its digest."""
_HIDDEN = {
    "host",
    "connection",
    "origin",
    "user-agent",
    "accept-language",
    "accept-encoding",
    "cache-control",
    "pragma",
}


class MatrixServer:
    """`/m/…?id=…&as={…}` does what `as` says; `/seen?id=…` tells what reached it; the page's origin serves `dist`."""

    def __init__(self, dist: Path, scripts: Mapping[str, Path]) -> None:
        self.dist, self.scripts = dist, scripts
        self.seen: dict[str, list[dict[str, Any]]] = {}
        self.lock = threading.Lock()
        self._servers = {name: _Origin(self, name) for name in ORIGINS}
        for server in self._servers.values():
            threading.Thread(target=server.serve_forever, daemon=True).start()

    @property
    def origins(self) -> dict[str, str]:
        """The address of each origin."""
        return {name: f"http://127.0.0.1:{server.server_address[1]}" for name, server in self._servers.items()}

    def close(self) -> None:
        """Stop listening."""
        for server in self._servers.values():
            server.shutdown()
            server.server_close()


class _Origin(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256

    def __init__(self, matrix: MatrixServer, name: str) -> None:
        self.matrix, self.name = matrix, name
        super().__init__(("127.0.0.1", 0), _Handler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up is one of the cases."""


class _Handler(BaseHTTPRequestHandler):
    server: _Origin
    protocol_version = "HTTP/1.1"

    def handle_one_request(self) -> None:
        """Any method, also one of the caller's own making."""
        self.raw_requestline = self.rfile.readline(65537)
        if not self.raw_requestline or not self.parse_request():
            self.close_connection = True
            return
        path = urlsplit(self.path).path
        if self.command == "OPTIONS" and self.headers.get("access-control-request-method"):
            self._preflight()
        elif path == "/seen":
            self._tells()
        elif path.startswith("/m/"):
            self._does()
        else:
            self._serves(path)
        self.wfile.flush()

    def _preflight(self) -> None:
        self.send_response(204)
        self._cors()
        for asked, allowed in (("method", "methods"), ("headers", "headers")):
            wanted = self.headers.get(f"access-control-request-{asked}")
            if wanted:
                self.send_header(f"access-control-allow-{allowed}", wanted)
        self.end_headers()

    def _cors(self) -> None:
        origin = self.headers.get("origin")
        self.send_header("access-control-allow-origin", origin or "*")
        self.send_header("access-control-allow-credentials", "true")
        self.send_header("access-control-expose-headers", "x-one, x-two, content-range, location, etag, x-by")

    def _tells(self) -> None:
        (name,) = parse_qs(urlsplit(self.path).query)["id"]
        with self.server.matrix.lock:
            body = json.dumps(self.server.matrix.seen.get(name, [])).encode()
        self._whole(200, body, {"content-type": "application/json", "cache-control": "no-store"})

    def _serves(self, path: str) -> None:
        name = path.lstrip("/") or "index.html"
        file = self.server.matrix.scripts.get(name) or self.server.matrix.dist / name
        if name in PAGES:
            self._whole(200, b"<!doctype html><title>matrix</title>", {"content-type": "text/html", **PAGES[name]})
        elif ".." in name or not file.is_file():
            self._whole(404, b"", {})
        else:
            kind = "application/wasm" if name.endswith(".wasm") else mimetypes.guess_type(name)[0]
            kind = "text/javascript" if name.endswith(("js", "mjs")) else kind
            # The worker of a page that embeds only what lets itself be embedded has to say the same of itself.
            policy = PAGES["isolated"] if name.startswith("runtime/worker-") else {}
            self._whole(200, file.read_bytes(), {"content-type": kind or "application/octet-stream", **policy})

    def _whole(self, status: int, body: bytes, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        self._cors()
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _does(self) -> None:
        # What wishes for nothing is a router's look at a failure.
        query = {"as": ["{}"], "id": [""], **parse_qs(urlsplit(self.path).query)}
        wish: dict[str, Any] = json.loads(query["as"][0])
        wish = {**wish, **wish.get("by", {}).get(self.server.name, {})}
        got = self._received()
        if len(got) > _LONG:
            got = f"{len(got)} bytes, {hashlib.sha256(got).hexdigest()}".encode()
        headers = {name.lower(): value for name, value in self.headers.items() if name.lower() not in _HIDDEN}
        seen = {"by": self.server.name, "method": self.command, "headers": headers, "body": got.decode("latin-1")}
        with self.server.matrix.lock:
            self.server.matrix.seen.setdefault(query["id"][0], []).append(seen)
        if wish.get("reset"):
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()
            self.close_connection = True
            return
        for early in wish.get("early", []):
            self.wfile.write(f"HTTP/1.1 {early} Early\r\nx-early: yes\r\n\r\n".encode())
        time.sleep(wish.get("wait", 0) / 1000)
        if "raw" in wish:
            self.wfile.write(wish["raw"].encode("latin-1") * wish.get("times", 1))
            self.close_connection = True
            return
        self._answers(wish, got, query["id"][0])

    def _received(self) -> bytes:
        if self.headers.get("transfer-encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("content-length") or 0))
        body = b""
        while size := int(self.rfile.readline().split(b";")[0], 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def _answers(self, wish: dict[str, Any], got: bytes, name: str) -> None:
        status, reason = wish.get("status", 200), wish.get("reason")
        body = self._body(wish, got)
        headers = list(wish.get("headers", []))
        span = self.headers.get("range")
        if wish.get("ranges") and span:
            first, last = span.removeprefix("bytes=").split("-")
            if int(first) >= len(body):
                status, body, headers = 416, b"", [*headers, ["content-range", f"bytes */{len(body)}"]]
            else:
                end = min(int(last or len(body) - 1), len(body) - 1)
                headers.append(["content-range", f"bytes {first}-{end}/{len(body)}"])
                status, body = 206, body[int(first) : end + 1]
        if "encoding" in wish:
            headers.append(["content-encoding", wish["encoding"]])
        if wish.get("loops"):
            headers.append(["location", self.path])
        elif "redirect" in wish:
            headers.append(["location", f"{wish['redirect']}{'&' if '?' in wish['redirect'] else '?'}id={name}"])
        if wish.get("etag"):
            headers.append(["etag", wish["etag"]])
            if self.headers.get("if-none-match") == wish["etag"]:
                status, body = 304, b""
        self.send_response(status, reason)
        self._cors()
        self.send_header("x-by", self.server.name)
        if urlsplit(self.path).path == "/m/own":
            self.send_header("cross-origin-resource-policy", "same-origin")
        for header, value in headers:
            self.send_header(header, value)
        bodiless = self.command == "HEAD" or status in (204, 304)
        if "chunks" in wish and not bodiless:
            self._chunked(wish["chunks"], cut=wish.get("cut", False))
            return
        if status != 204:
            self.send_header("content-length", str(len(body) + (10 if wish.get("cut") else 0)))
        self.end_headers()
        if not bodiless:
            self.wfile.write(body)
        if wish.get("cut"):
            self.close_connection = True

    def _body(self, wish: dict[str, Any], got: bytes) -> bytes:
        if wish.get("echo"):
            return got
        if "encoding" in wish:
            return _ENCODED[wish["encoding"]]
        text: str = wish.get("body", "said")
        return text.encode() * int(wish.get("times", 1))

    def _chunked(self, chunks: list[tuple[float, str]], *, cut: bool) -> None:
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        for wait, text in chunks:
            time.sleep(wait / 1000)
            piece = text.encode()
            self.wfile.write(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
            self.wfile.flush()
        self.wfile.write(b"" if cut else b"0\r\n\r\n")
        self.close_connection = self.close_connection or cut

    def log_message(self, *_: object) -> None:
        """Log nothing: what matters is in `seen`."""
