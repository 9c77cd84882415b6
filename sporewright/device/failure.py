"""The fault of an attempt that raised an exception: for the chain, for people, and as the error of a plain client."""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import Mapping
from itertools import takewhile
from pathlib import Path
from string import ascii_lowercase, ascii_uppercase
from typing import Literal
from urllib.parse import quote

import httpx

from sporewright.device.attempt_io import Running
from sporewright.errors import SporewrightError
from sporewright.routing.classify import Ending

__all__ = ["Fault", "defect_of", "error_of", "fault_of", "late_by", "place_of", "redacted", "told"]

_LOWER = str.maketrans(ascii_uppercase, ascii_lowercase)
_TELLING = 12
"""Characters of a secret that may not be quoted; fewer are its kind: "Bearer", "sk-proj-"."""
_SHORTEST_SECRET = 8
"""Shorter values are words of a protocol, like `gzip` or `Bearer`, which an error may well need."""

_KNOWN_TO_ALL = frozenset(
    ("accept", "accept-encoding", "connection", "content-length", "content-type", "host", "transfer-encoding")
)
"""Headers that prove nothing, and of whose values a refusal may well speak."""

Fault = Literal["connect", "network", "prepare", "timeout", "impatient"]


_ERRORS: Mapping[str, type[Exception]] = {
    "timeout": httpx.ReadTimeout,
    "deadline": httpx.ReadTimeout,
    "network": httpx.ReadError,
    "truncated": httpx.RemoteProtocolError,
    "malformed": httpx.RemoteProtocolError,
}


def error_of(ending: Ending) -> type[Exception] | None:
    """The kind of error that a plain client has for an end that threw nothing; None: it has an answer."""
    return _ERRORS.get(ending["kind"])


def defect_of(task: asyncio.Task[None]) -> BaseException | None:
    """The exception that a task has ended by; None: it has done its work, or somebody has cancelled it."""
    if not task.cancelled():
        return task.exception()
    # By nobody: a function that it called, the caller's as a rule, has raised this.
    return None if task.cancelling() else asyncio.CancelledError()


def told(why: BaseException) -> str:
    """An exception for people: httpx's own by its text, any other by the place where it was raised.

    What a caller's own code raises may quote a key, and so does httpx's error about what was to be sent.
    """
    if isinstance(why, (httpx.HTTPError, SporewrightError)):
        text = "" if isinstance(why, httpx.LocalProtocolError) else str(why)
        return f"{type(why).__name__}: {text}" if text else type(why).__name__
    return place_of(why)


def place_of(why: BaseException) -> str:
    """The kind of an exception and where it was raised: nothing that it says."""
    frames = traceback.extract_tb(why.__traceback__)
    where = f" at {Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
    return type(why).__name__ + where


def redacted(text: str, request: httpx.Request | None) -> str:
    """This text without anything by which the request proves who sent it: its headers' values, its query's."""
    if request is None:
        return text
    own = [value for name, value in request.headers.items() if name not in _KNOWN_TO_ALL]
    values = [*own, *(value for _, value in request.url.params.multi_items())]
    bare = {word for value in values for word in (value, *value.split()) if len(word) >= _SHORTEST_SECRET}
    words = {*bare, *(quote(word, safe="!'()*") for word in bare)}  # as an address that is quoted has it
    for word in sorted(words, key=len, reverse=True):
        text = _without(text, word)
    return text


def _without(text: str, secret: str) -> str:
    """Neither the secret nor a beginning of it that says much, in capitals or not."""
    told, begins, rest = _lowered(text), _lowered(secret[:_TELLING]), _lowered(secret[_TELLING:])
    said, at = "", 0
    while (found := told.find(begins, at)) >= 0:
        end = found + len(begins)
        end += sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(told[end:], rest, strict=False)))
        said, at = f"{said}{text[at:found]}[redacted]", end
    return said + text[at:]


def _lowered(text: str) -> str:
    """ASCII alone: every letter stays where it is."""
    return text.translate(_LOWER)


def late_by(why: httpx.TimeoutException, waited_s: float, telling_s: float) -> Fault:
    """The fault of a time-out of the caller's own, after `waited_s` of silence; from `telling_s` on it is evidence."""
    if isinstance(why, httpx.PoolTimeout):
        return "prepare"  # nothing was sent: his own connections were all in use
    if isinstance(why, httpx.ConnectTimeout):
        return "connect" if waited_s >= telling_s else "prepare"
    return "timeout" if waited_s >= telling_s else "impatient"


def fault_of(one: Running, why: Exception) -> Fault:
    """The fault of an attempt that raised an exception."""
    theirs = (httpx.TransportError, httpx.DecodingError)
    if isinstance(why, theirs) and not isinstance(why, (httpx.LocalProtocolError, httpx.UnsupportedProtocol)):
        return "connect" if isinstance(why, httpx.ConnectError) else "network"
    # What headers threw, or may not be sent: this option cannot be called, or is not to be trusted.
    return "network" if one.is_called else "prepare"
