"""A loopback server that echoes what it is sent, and misbehaves on request: what plain httpx is compared on."""

from __future__ import annotations

import asyncio
import gzip
import json
import socket
import struct
import zlib
from contextlib import suppress
from urllib.parse import parse_qs, urlsplit

__all__ = ["EchoServer"]

_TEXT = b"abcdefghijklmnopqrstuvwxyz" * 100


class _Request:
    def __init__(self, head: bytes, body: bytes, reader: asyncio.StreamReader) -> None:
        self.reader = reader
        first, *lines = head.decode("latin-1").split("\r\n")
        self.method, self.target, _ = first.split(" ", 2)
        self.lines = [line.split(": ", 1) for line in lines if line]
        self.headers = {name.lower(): value for name, value in self.lines}
        parts = urlsplit(self.target)
        self.path, self.body = parts.path, body
        self.query = {name: values[0] for name, values in parse_qs(parts.query, keep_blank_values=True).items()}


class EchoServer:
    """One address; `prefix` goes before every path; `seen`: method and target of every request, oldest first."""

    def __init__(self, prefix: str = "") -> None:
        self.prefix, self.seen = prefix, list[str]()
        self.connections = 0

    async def __aenter__(self) -> EchoServer:
        self._writers = set[asyncio.StreamWriter]()
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}{self.prefix}"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for writer in list(self._writers):
            writer.transport.abort()
        while self._writers:
            await asyncio.sleep(0.01)

    @property
    def open(self) -> int:
        """The number of connections that are open."""
        return sum(not writer.transport.is_closing() for writer in self._writers)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._writers.add(writer)
        try:
            with suppress(OSError, asyncio.IncompleteReadError):
                while (request := await self._read(reader)) is not None:
                    self.seen.append(f"{request.method} {request.target}")
                    if not await self._answer(request, writer):
                        break
        finally:  # whatever it was asked for: its end is not waited for
            writer.close()
            self._writers.discard(writer)

    async def _read(self, reader: asyncio.StreamReader) -> _Request | None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n"))[:-4]
        except asyncio.IncompleteReadError:
            return None
        headers = {line.split(b":")[0].lower(): line.split(b":", 1)[1].strip() for line in head.split(b"\r\n")[1:]}
        if headers.get(b"transfer-encoding") == b"chunked":
            body = b""
            while size := int(await reader.readline(), 16):
                body += await reader.readexactly(size)
                await reader.readline()
            await reader.readline()
        else:
            body = await reader.readexactly(int(headers.get(b"content-length", b"0")))
        return _Request(head, body, reader)

    async def _answer(self, request: _Request, writer: asyncio.StreamWriter) -> bool:
        """Answer a request; True if the connection may be used again."""
        kind = request.path.removeprefix(self.prefix).strip("/").split("/")
        handler = getattr(self, f"_on_{kind[0]}", None)
        if handler is not None:
            return bool(await handler(request, writer, *kind[1:]))
        return self._whole(request, writer, 200, _echo(request), [("content-type", "application/json")])

    def _whole(
        self, request: _Request, writer: asyncio.StreamWriter, status: int, body: bytes, headers: list[tuple[str, str]]
    ) -> bool:
        lines = [f"HTTP/1.1 {status} {'Fine' if status == 200 else 'As Asked'}", "X-Server: Echo"]
        lines += [f"{name}: {value}" for name, value in headers]
        if status not in (204, 304) and status >= 200:
            lines.append(f"Content-Length: {len(body)}")
        has_body = request.method != "HEAD" and status not in (204, 304)
        writer.write("\r\n".join([*lines, "", ""]).encode() + (body if has_body else b""))
        return True

    async def _on_status(self, request: _Request, writer: asyncio.StreamWriter, status: str) -> bool:
        headers = [(name, value) for name, value in request.query.items() if name != "body"]
        body = b"" if status == "205" else request.query.get("body", f"this is {status}").encode()
        return self._whole(request, writer, int(status), body, [("content-type", "text/plain"), *headers])

    async def _on_to(self, request: _Request, writer: asyncio.StreamWriter, status: str) -> bool:
        """A redirect to `?where`; with `{url}` in it for the server's own address."""
        where = request.query["where"].replace("{url}", self.url)
        return self._whole(request, writer, int(status), b"moved", [("location", where)])

    async def _on_loop(self, request: _Request, writer: asyncio.StreamWriter) -> bool:
        return self._whole(request, writer, 307, b"", [("location", request.target)])

    async def _on_spiral(self, request: _Request, writer: asyncio.StreamWriter) -> bool:
        return self._whole(
            request, writer, 302, b"", [("location", f"{request.path}?n={len(request.target)}{request.target[-1]}")]
        )

    async def _on_range(self, request: _Request, writer: asyncio.StreamWriter) -> bool:
        asked = request.headers.get("range", "")
        if not asked.startswith("bytes="):
            return self._whole(request, writer, 200, _TEXT, [("accept-ranges", "bytes")])
        first, _, last = asked[6:].partition("-")
        begin, end = int(first), min(int(last or len(_TEXT) - 1), len(_TEXT) - 1)
        if begin >= len(_TEXT):
            return self._whole(request, writer, 416, b"", [("content-range", f"bytes */{len(_TEXT)}")])
        told = ("content-range", f"bytes {begin}-{end}/{len(_TEXT)}")
        return self._whole(request, writer, 206, _TEXT[begin : end + 1], [told])

    async def _on_encoded(self, request: _Request, writer: asyncio.StreamWriter, coding: str) -> bool:
        raw = zlib.compressobj(wbits=-15)
        body = {
            "gzip": gzip.compress(_TEXT, mtime=0),
            "deflate": zlib.compress(_TEXT),
            "raw": raw.compress(_TEXT) + raw.flush(),
            "broken": b"this is no gzip",
            "two": gzip.compress(zlib.compress(_TEXT), mtime=0),
            "unknown": _TEXT,
        }[coding]
        name = {"raw": "deflate", "broken": "gzip", "two": "deflate, gzip"}.get(coding, coding)
        more = [("content-type", request.query.get("type", "text/plain")), ("content-encoding", name)]
        return self._whole(request, writer, 200, body, more)

    async def _on_text(self, request: _Request, writer: asyncio.StreamWriter, charset: str) -> bool:
        return self._whole(
            request, writer, 200, "grüße".encode(charset), [("Content-Type", f"text/plain; charset={charset}")]
        )

    async def _on_cookies(self, request: _Request, writer: asyncio.StreamWriter) -> bool:
        told = [("set-cookie", f"{name}={value}; Path=/") for name, value in request.query.items()]
        body = request.headers.get("cookie", "none").encode()
        return self._whole(request, writer, 200, body, told)

    async def _on_auth(self, request: _Request, writer: asyncio.StreamWriter, scheme: str) -> bool:
        said = request.headers.get("authorization", "")
        if said.lower().startswith(scheme):
            return self._whole(request, writer, 200, said.split(" ")[0].encode(), [])
        challenge = {"basic": 'Basic realm="x"', "digest": 'Digest realm="x", nonce="n", qop="auth", algorithm=MD5'}
        return self._whole(request, writer, 401, b"who?", [("www-authenticate", challenge[scheme])])

    async def _on_chunked(self, request: _Request, writer: asyncio.StreamWriter) -> bool:
        """`?n` chunks, `?s` seconds between them; `?cut=1` ends without the end."""
        kind, n = request.query.get("type", "text/plain"), int(request.query.get("n", "3"))
        writer.write(f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nTransfer-Encoding: chunked\r\n\r\n".encode())
        for number in range(n):
            await asyncio.sleep(float(request.query.get("s", "0")) if number else 0)
            writer.write(b"6\r\npiece%d\r\n" % (number % 10))
            await writer.drain()
        if "cut" in request.query:
            return False
        writer.write(b"0\r\n\r\n")
        return True

    async def _on_closing(self, _: _Request, writer: asyncio.StreamWriter) -> bool:
        """No length: the end of the connection is the end of the body."""
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\nall of it")
        return False

    async def _on_short(self, _: _Request, writer: asyncio.StreamWriter) -> bool:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 100\r\n\r\nnot all")
        return False

    async def _on_many(self, _: _Request, writer: asyncio.StreamWriter) -> bool:
        writer.write(b"HTTP/1.1 200 OK\r\nX-A: 1\r\nx-a: 2\r\nX-Caf\xe9: \xe9\r\nContent-Length: 0\r\n\r\n")
        return True

    async def _on_early(self, _: _Request, writer: asyncio.StreamWriter) -> bool:
        hints = b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"
        writer.write(hints + b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        return True

    async def _on_garbage(self, _: _Request, writer: asyncio.StreamWriter) -> bool:
        writer.write(b"this is no HTTP\r\n\r\n")
        return False

    async def _on_leave(self, _: _Request, __: asyncio.StreamWriter) -> bool:
        return False

    async def _on_reset(self, _: _Request, writer: asyncio.StreamWriter) -> bool:
        reset(writer)
        return False

    async def _on_silent(self, request: _Request, _: asyncio.StreamWriter, *__: str) -> bool:
        return bool(await request.reader.read(1))


def reset(writer: asyncio.StreamWriter) -> None:
    """Send RST instead of an orderly end."""
    told = writer.get_extra_info("socket")
    told.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


def _echo(request: _Request) -> bytes:
    told = {
        "method": request.method,
        "target": request.target,
        "headers": [[name, value] for name, value in request.lines if name.lower() != "host"],
        "order": [name.lower() for name, _ in request.lines],
        "body": request.body.decode("latin-1"),
    }
    return json.dumps(told).encode()
