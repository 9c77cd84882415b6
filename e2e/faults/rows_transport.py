"""Faults below the answer: connections, HTTP's framing, encodings, redirects."""

from __future__ import annotations

import json

from e2e.faults.fault import Beat, End, Fault, Right
from e2e.faults.rights import ANSWERED, BROKEN, FAILED, LATE, MID_STREAM, RACED, both, streamed, whole
from e2e.faults.wire import FIRST, answer, chunked, deltas, events, head, last, message, sse, zipped

__all__ = ["ROWS"]

_JSON = json.dumps(answer()).encode()
_EVENTS = events()
_HALF = b"".join(deltas()[:6])
_REST = b"".join([*deltas()[6:], *last()])
_PAUSE = 0.3
"""So long that a busy page has handed over what came before it."""
_LINE = b"HTTP/1.1 200 OK\r\naccess-control-allow-origin: *\r\ncontent-type: application/json\r\n"
_MOVED = "/moved/v1/chat/completions"
_SHORT = {"deadline_s": 4.0, "attempt_timeout_s": 30.0, "first_token_s": 15.0, "first_token_max_s": 15.0}
"""The whole call's time is shorter than an attempt's: without a race a silent option has all of it."""


def _to(place: str, status: int = 307) -> bytes:
    return head(status, None, f"location: {place}", "content-length: 0")


def _down(name: str, *pieces: bytes | float | Beat | End, right: Right = FAILED) -> Fault:
    return both(name, "connection", pieces, right, everywhere=True)


CONNECTION = [
    both("connection refused", "connection", (), FAILED, address="http://127.0.0.1:0"),
    both("name that does not resolve", "connection", (), FAILED, address="http://nobody.invalid"),
    both(
        "plain HTTP where TLS is spoken",
        "connection",
        message("", 400),
        FAILED,
        address="https://127.0.0.1:{port}",
        everywhere=True,
    ),
    _down("reset before headers", End.RESET),
    _down("closed before a byte"),
    _down("closed in the status line", b"HT"),
    _down("closed in the headers", _LINE),
    _down("reset in the headers", _LINE, _PAUSE, End.RESET),
    _down("silence", End.HANG, right=LATE),
    _down("silence in the headers", _LINE, End.HANG, right=LATE),
    both("reset, only of chats", "connection", (End.RESET,), FAILED),
    both("silence, only to chats", "connection", (End.HANG,), LATE),
    both("silence, the deadline is shorter", "connection", (End.HANG,), RACED, limits=_SHORT),
    both("silence in the headers, the deadline is shorter", "connection", (_LINE, End.HANG), RACED, limits=_SHORT),
]

HTTP = [
    both("status line that is none", "http", (b"HTP/1.1 OK\r\n\r\nhello",), FAILED),
    both("binary in place of HTTP", "http", (bytes(range(256)) * 4,), FAILED),
    both("status 999", "http", message({"error": {"message": "request denied"}}, 999), FAILED),
    both("headers of 300 kB", "http", (head(200, "application/json", "x: " + "a" * 300_000) + _JSON,), FAILED),
    both("headers that never end", "http", (_LINE, Beat(b"x: a\r\n", 0.05)), LATE),
    both("101 nobody asked for", "http", (b"HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\n\r\n",), FAILED),
    both("100 Continue for ever", "http", (Beat(b"HTTP/1.1 100 Continue\r\n\r\n", 0.05),), LATE),
    both("two lengths that differ", "http",
         (head(200, "application/json", "content-length: 5", "content-length: 9") + _JSON,), FAILED),
    Fault("length beyond the body", "http",
          (head(200, "application/json", f"content-length: {len(_JSON) + 9}") + _JSON,),
          (head(200, "text/event-stream", f"content-length: {len(_EVENTS) + 9}"), _HALF, _PAUSE), FAILED, MID_STREAM),
    Fault("length short of the body", "http",
          (head(200, "application/json", f"content-length: {len(_JSON) // 2}") + _JSON,),
          (head(200, "text/event-stream", f"content-length: {len(_HALF)}"), _HALF + _REST), FAILED,
          {"fetch streamed": BROKEN}),
    Fault("chunked, no last chunk", "http",
          (head(200, "application/json", "transfer-encoding: chunked"), chunked([_JSON], end=b"")),
          (head(200, "text/event-stream", "transfer-encoding: chunked"), chunked([_HALF], end=b""), _PAUSE),
          FAILED, MID_STREAM),
    Fault("chunked, cut in a chunk", "http",
          (head(200, "application/json", "transfer-encoding: chunked"), chunked([_JSON], end=b"")[:200]),
          (head(200, "text/event-stream", "transfer-encoding: chunked"), chunked([_HALF], end=b"fff\r\ndata"), _PAUSE),
          FAILED, MID_STREAM),
    Fault("chunk size that is none", "http",
          (head(200, "application/json", "transfer-encoding: chunked"), b"zz\r\n" + _JSON),
          (head(200, "text/event-stream", "transfer-encoding: chunked"), chunked([_HALF], end=b""), _PAUSE, b"zz\r\n"),
          FAILED, MID_STREAM),
    Fault("body reset in the middle", "http",
          (head(200, "application/json", f"content-length: {len(_JSON)}"), _JSON[:90], _PAUSE, End.RESET),
          sse(_HALF, _PAUSE, End.RESET), FAILED, MID_STREAM),
    Fault("gzip cut", "http",
          (head(200, "application/json", "content-encoding: gzip") + zipped(_JSON)[:-40],),
          (head(200, "text/event-stream", "content-encoding: gzip") + zipped(_EVENTS)[:40],), FAILED),
    both("gzip that is none", "http",
         (head(200, "application/json", "content-encoding: gzip") + b"\x1f\x8b\x08\x00" + bytes(range(200)),), FAILED),
    both("plain text said to be gzip", "http", (head(200, "application/json", "content-encoding: gzip") + _JSON,),
         FAILED),
]  # fmt: skip

REDIRECTS = [
    both("redirect loop", "redirect", (_to("/v1/chat/completions"),), FAILED),
    both("redirect to nowhere", "redirect", (_to("http://127.0.0.1:9/v1/chat/completions"),), FAILED),
    both("redirect without an address", "redirect", (head(307, None, "content-length: 0"),), FAILED),
    both("redirect to a sign-in page", "redirect", (_to("/moved", 302),), FAILED,
         also={"/moved": message("<!doctype html><title>Sign in</title>", 200, "text/html")}),
    Fault("redirect to the answer", "redirect", (_to(_MOVED),), (_to(f"{_MOVED}?stream"),), ANSWERED, text=FIRST,
          also={_MOVED: (head(),  _JSON), f"{_MOVED}?stream": sse(_EVENTS)}),
    both("304 to a chat", "redirect", (head(304, None),), FAILED),
    both("300 with a list", "redirect", message({"choices_are": ["a", "b"]}, 300), FAILED),
]  # fmt: skip

HEALTHY = [
    Fault("informational responses first", "healthy",
          (b"HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n" * 3 + head() + _JSON,),
          (b"HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n" * 3, *sse(_EVENTS)), ANSWERED, text=FIRST),
    Fault("headers that drip", "healthy",
          (_LINE, 0.2, b"x-request", 0.2, b"-id: 1\r\n\r\n", _JSON),
          (b"HTTP/1.1 200 OK\r\n", 0.2, b"content-type: text/event-stream\r\naccess-control-allow-origin: *\r\n",
           0.2, b"\r\n", _EVENTS), ANSWERED, text=FIRST),
    Fault("HTTP/1.0, ended by closing", "healthy", (head().replace(b"1.1", b"1.0", 1) + _JSON,),
          (head(200, "text/event-stream").replace(b"1.1", b"1.0", 1) + _EVENTS,), ANSWERED, text=FIRST),
    Fault("chunked byte by byte", "healthy",
          (head(200, "application/json", "transfer-encoding: chunked"), chunked(bytes([each]) for each in _JSON)),
          (head(200, "text/event-stream", "transfer-encoding: chunked"), chunked(bytes([each]) for each in _EVENTS)),
          ANSWERED, text=FIRST),
    Fault("gzip", "healthy", (head(200, "application/json", "content-encoding: gzip") + zipped(_JSON),),
          (head(200, "text/event-stream", "content-encoding: gzip") + zipped(_EVENTS),), ANSWERED, text=FIRST),
    Fault("identity named as an encoding", "healthy",
          (head(200, "application/json", "content-encoding: identity"), _JSON),
          (head(200, "text/event-stream", "content-encoding: identity"), _EVENTS), ANSWERED, text=FIRST),
    Fault("status 201", "healthy", message(answer(), 201), sse(_EVENTS, status=201), ANSWERED, text=FIRST),
    whole("last chunk with trailers", "healthy",
          (head(200, "application/json", "transfer-encoding: chunked"),
           chunked([_JSON], end=b"0\r\nx-sum: 1\r\n\r\n")), ANSWERED, text=FIRST),
    streamed("chunked stream, no last chunk after [DONE]", "healthy",
             (head(200, "text/event-stream", "transfer-encoding: chunked"), chunked([_EVENTS], end=b""), _PAUSE),
             ANSWERED, text=FIRST, why="the end mark said that it is whole before the connection broke"),
]  # fmt: skip

ROWS = [*CONNECTION, *HTTP, *REDIRECTS, *HEALTHY]
