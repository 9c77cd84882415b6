"""The stream, the model or the inference that a request asks for, read from the top level of its body."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import NamedTuple

import httpx

__all__ = ["AskedFor", "asked_for"]

LOOK_BYTES = 1 << 22
"""A longer body is not looked into."""
MODEL_CHARS = 200
"""A longer name is taken for no model's."""
_FORMS = (b"multipart/form-data", b"application/x-www-form-urlencoded")


class AskedFor(NamedTuple):
    """`stream`: whether a stream of events is asked for, None where it cannot be told; `model`: the model it names.

    `infers`: whether it may be inference; a form is none, nor an object that has something and none of its fields.
    """

    stream: bool | None
    model: str | None
    infers: bool


def asked_for(request: httpx.Request, body: bytes, fields: Sequence[str]) -> AskedFor:
    """Read from the address, the Accept header and the body, in that order; what stands deeper in it is content."""
    accept, kind = b"", b""
    for name, value in request.headers.raw:
        lower = name.lower()
        if lower == b"accept":
            accept += b", " + value
        elif lower == b"content-type":
            kind = kind or value.lower()
    said = _in_body(body, fields)
    if kind.startswith(_FORMS):
        said = said._replace(infers=False)
    if request.url.path.endswith(":streamGenerateContent"):
        return said._replace(stream=True)
    if b"text/event-stream" not in accept or said.stream:
        return said
    return said._replace(stream=None if b"json" in accept or b"*/*" in accept else True)


def _in_body(body: bytes, fields: Sequence[str]) -> AskedFor:
    if len(body) > LOOK_BYTES:
        return AskedFor(None, None, True)
    if not body.lstrip().startswith(b"{"):
        return AskedFor(False, None, True)
    try:
        data = json.loads(body)
    except (ValueError, RecursionError):
        return AskedFor(None, None, True)
    model = data.get("model")
    names = isinstance(model, str) and 0 < len(model) <= MODEL_CHARS
    infers = not data or any(field in data for field in fields)
    return AskedFor(data.get("stream") is True, model if names else None, infers)
