"""The bytes of HTTP messages and of chat completions that the rows are made of."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable
from typing import Any

from e2e.faults.fault import Pieces
from sporewright.server.demo.completion import event, usage

__all__ = [
    "FIRST", "SECOND", "answer", "chunked", "deltas", "events", "head", "last", "message", "sse", "stream", "zipped",
]  # fmt: skip

SECOND = "".join(f"w{number:02d} " for number in range(1, 13))
"""The answer of the working option."""
FIRST = "".join(f"f{number:02d} " for number in range(1, 13))
"""The answer of the first option where it answers: a mixture of both is neither."""
CORS = (
    "access-control-allow-origin: *\r\naccess-control-allow-headers: *\r\naccess-control-allow-methods: *\r\n"
    "access-control-expose-headers: *\r\naccess-control-max-age: 600\r\n"
)
_REASONS = {200: "OK", 404: "Not Found"}


def head(status: int = 200, kind: str | None = "application/json", *more: str, cors: bool = True) -> bytes:
    """Status line and headers; `kind`: the content type, None for none; `more`: further header lines."""
    lines = [f"content-type: {kind}"] if kind is not None else []
    text = "".join(f"{line}\r\n" for line in [*lines, *more])
    return f"HTTP/1.1 {status} {_REASONS.get(status, 'Status')}\r\n{CORS if cors else ''}{text}\r\n".encode()


def message(
    body: bytes | str | Any, status: int = 200, kind: str | None = "application/json", *more: str
) -> tuple[bytes]:
    """A whole response with its length, as one piece; what is neither bytes nor text is written as JSON."""
    raw = body if isinstance(body, bytes) else (body if isinstance(body, str) else json.dumps(body)).encode()
    return (head(status, kind, f"content-length: {len(raw)}", *more) + raw,)


def answer(text: str = FIRST, *, finish: str | None = "stop", **more: Any) -> dict[str, Any]:
    """A whole chat completion; `more` replaces fields of its message."""
    said = {"role": "assistant", "content": text, **more}
    choice = {"index": 0, "message": said, "finish_reason": finish}
    return {
        "id": "c1",
        "object": "chat.completion",
        "created": 1,
        "model": "m",
        "choices": [choice],
        "usage": usage(12),
    }


def chunk(delta: dict[str, Any], finish: str | None = None, **more: Any) -> dict[str, Any]:
    """The JSON of one event; `more` replaces its fields."""
    choices = [{"index": 0, "delta": delta, "finish_reason": finish}]
    return {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": choices, **more}


def deltas(text: str = FIRST) -> list[bytes]:
    """The events of an answer's words, four characters each, the role before them."""
    words = [text[at : at + 4] for at in range(0, len(text), 4)]
    return [event(chunk({"role": "assistant", "content": ""})), *(event(chunk({"content": word})) for word in words)]


def last(finish: str = "stop") -> list[bytes]:
    """The finish reason, the usage and the end mark."""
    return [event(chunk({}, finish)), event(chunk({}, choices=[], usage=usage(12))), event("[DONE]")]


def events(text: str = FIRST) -> bytes:
    """A whole answer's events in a row."""
    return b"".join([*deltas(text), *last()])


def sse(*pieces: Any, kind: str | None = "text/event-stream", status: int = 200) -> Pieces:
    """A stream of no stated length, ended by closing: its head and these pieces (bytes are sent as they are)."""
    return (head(status, kind), *pieces)


def stream(*data: dict[str, Any] | str, kind: str | None = "text/event-stream") -> Pieces:
    """A stream of these events."""
    return sse(b"".join(event(each) for each in data), kind=kind)


def chunked(pieces: Iterable[bytes], *, end: bytes = b"0\r\n\r\n") -> bytes:
    """A body in chunks."""
    return b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + end


def zipped(body: bytes) -> bytes:
    """The same bytes every time."""
    return gzip.compress(body, mtime=0)
