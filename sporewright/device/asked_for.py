"""What a request asks for at the top level of its body: a stream, a model."""

from __future__ import annotations

import json
import re
from typing import NamedTuple

import httpx

__all__ = ["AskedFor", "asked_for"]

LOOK_BYTES = 1 << 22
"""A longer body is not looked into."""
MODEL_CHARS = 200
"""A longer name is nobody's model."""
_SAYS = re.compile(rb'"stream"|"model"')


class AskedFor(NamedTuple):
    """`stream`: whether a stream of events is asked for, None where it cannot be told; `model`: the model it names."""

    stream: bool | None
    model: str | None


def asked_for(request: httpx.Request, body: bytes) -> AskedFor:
    """Read from the address, the Accept header and the body, in that order; what stands deeper in it is content."""
    accept = request.headers.get("accept", "")
    said = _in_body(body)
    if request.url.path.endswith(":streamGenerateContent"):
        return said._replace(stream=True)
    if "text/event-stream" not in accept or said.stream:
        return said
    return said._replace(stream=None if "json" in accept or "*/*" in accept else True)


def _in_body(body: bytes) -> AskedFor:
    if len(body) > LOOK_BYTES:
        return AskedFor(None, None)
    if not _SAYS.search(body):
        return AskedFor(False, None)
    try:
        data = json.loads(body)
    except (ValueError, RecursionError):
        return AskedFor(None, None)
    given = data if isinstance(data, dict) else {}
    model = given.get("model")
    names = isinstance(model, str) and 0 < len(model) <= MODEL_CHARS
    return AskedFor(given.get("stream") is True, model if names else None)
