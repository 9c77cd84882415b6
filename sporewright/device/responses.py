"""An attempt of a native call: its record, the kind of its body, the text of a refusal, and the fault that ended it."""

from __future__ import annotations

import asyncio
import re
import traceback
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal
from urllib.parse import quote

import httpx

from sporewright.device.raw_body import RawBody
from sporewright.errors import SporewrightError
from sporewright.routing.answer_reader import AnswerReader
from sporewright.routing.attempt_chain import Body
from sporewright.routing.classify import Ending, rule_of, says
from sporewright.routing.retry_after import pace_seconds
from sporewright.routing.terms import Limits, Plan

__all__ = [
    "Attempt",
    "Fault",
    "Receipt",
    "Running",
    "body_of",
    "counts_of",
    "defect_of",
    "ending_of",
    "error_of",
    "fault_of",
    "is_json",
    "late_by",
    "redacted",
    "refusal",
    "told",
]

# Deeper than any provider's usage; a name is a word of the provider's, too: those of the APIs are short and plain.
_DEEPEST = 4
_NAME = re.compile(r"\w{1,40}", re.ASCII)
_SHORTEST_SECRET = 8
"""Shorter values are words of a protocol, like `gzip` or `Bearer`, which an error may well need."""

_KNOWN_TO_ALL = frozenset(
    ("accept", "accept-encoding", "connection", "content-length", "content-type", "host", "transfer-encoding")
)
"""Headers that prove nothing, and of whose values a refusal may well speak."""

Fault = Literal["connect", "network", "prepare", "timeout", "impatient"]


@dataclass
class Attempt:
    """One attempt as the receipt tells it; times in seconds, `usage` as the provider counted it.

    Of what was thrown `reason` is the name alone: its text may quote a key or an answer.
    `tokens`, `in` and `out`: as the learner was told.
    """

    option: str
    outcome: str
    reason: str
    status: int | None = None
    key: int | None = None
    """Number of the key that was used, if the option has several."""
    latency: float = 0.0
    duration: float = 0.0
    bytes: int = 0
    retry_after: float | None = None
    usage: Any = None
    tokens: Mapping[str, int] = field(default_factory=dict)


@dataclass
class Receipt:
    """The account of one routed call: the option that answered, the order, every attempt, options skipped and why."""

    queue: list[str]
    option: str = ""
    attempts: list[Attempt] = field(default_factory=list)
    skipped: dict[str, str] = field(default_factory=dict)
    task: str | None = None
    """The kind of work that was told."""
    cursor: dict[str, str] | None = None
    """The call's own part of the cursor, its kind of work included; None if it had none."""
    preferences: dict[str, Any] | None = None
    """The preferences of the call (`asked`) and the learned order (`from`); None if it has none."""

    def to_dict(self) -> dict[str, Any]:
        """As JSON data."""
        return asdict(self)

    def __repr__(self) -> str:
        attempts = ", ".join(f"{each.option} {each.outcome}" for each in self.attempts) or "no attempt"
        skipped = "".join(f"; {option} skipped: {why}" for option, why in self.skipped.items())
        return f"<Receipt {'answered by ' + self.option if self.option else 'not answered'}: {attempts}{skipped}>"


@dataclass(eq=False)
class Running:
    """An attempt under way; `late` says by what it was too late, once it is; `held` is what was not handed over yet."""

    number: int
    option: str
    began: float
    task: asyncio.Task[None] | None = None
    timer: asyncio.TimerHandle | None = None
    is_called: bool = False
    late: tuple[Literal["timeout", "deadline"], str] | None = None
    threw: str | None = None
    """Name of the exception whose text is the reason of its end."""
    error: type[Exception] | None = None
    """The exception that a plain client would have raised."""
    response: httpx.Response | None = None
    raw: RawBody | None = None
    """Its body as it is received."""
    latency: float | None = None
    reader: AnswerReader | None = None
    """The reader of its answer, once good headers are in."""
    held: list[bytes] = field(default_factory=list)
    is_told: bool = False
    """The learner was told of it."""
    entry: Attempt | None = None
    draw: str | None = None
    """The name of its reservation on pools."""

    @property
    def length(self) -> int:
        """Bytes of its answer so far."""
        return 0 if self.reader is None else self.reader.length

    @property
    def usage(self) -> Any:
        """The usage that its answer told, if any."""
        return None if self.reader is None else self.reader.usage

    @property
    def tokens(self) -> Mapping[str, int]:
        """The tokens that its answer counted, once it has ended."""
        return {} if self.reader is None else self.reader.tokens


def body_of(response: httpx.Response, plan: Plan, *, judged: bool = False) -> Body | None:
    """The kind of body that follows good headers; None: there is nothing to read, or the response is no good one."""
    status = response.status_code
    is_good = rule_of({"kind": "status", "status": status, "judged": judged}, plan)["outcome"] == "ok"
    if not is_good or status in (204, 304) or response.request.method == "HEAD":
        return None
    kind = _type_of(response)
    if kind == "text/event-stream":
        return "events"
    length = response.headers.get("content-length", "0")
    is_short = length.isdecimal() and int(length) <= plan["limits"]["hold_bytes"]
    return "whole" if _is_json(kind) and is_short else "bytes"


def is_json(response: httpx.Response) -> bool:
    """True if its headers say that its body is JSON."""
    return _is_json(_type_of(response))


def _type_of(response: httpx.Response) -> str:
    return str(response.headers.get("content-type", "")).split(";")[0].strip().lower()


def _is_json(kind: str) -> bool:
    return kind == "application/json" or kind.endswith("+json")


def ending_of(response: httpx.Response, text: bytes, now: float, plan: Plan) -> Ending:
    """The ending of a response that is the whole of an attempt."""
    ending: Ending = {"kind": "status", "status": response.status_code}
    asked = pace_seconds(response.headers.get, now, plan)
    if asked is not None:
        ending["retry_after_s"] = asked
    signs = says(text[: plan["limits"]["error_bytes"]].decode("utf-8", "replace"), plan)
    if signs and 400 <= response.status_code <= 499:
        ending["says"] = signs
    return ending


def counts_of(usage: Any, depth: int = 0) -> Any:
    """Numbers and what holds them: a provider's own words, which might repeat the caller's, are left out."""
    if isinstance(usage, (int, float)):
        return usage
    if not isinstance(usage, dict) or depth >= _DEEPEST:
        return None
    counts = {name: counts_of(value, depth + 1) for name, value in usage.items() if _NAME.fullmatch(name)}
    return {name: value for name, value in counts.items() if value is not None}


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
        text = text.replace(word, "[redacted]")
    return text


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


async def refusal(response: httpx.Response, limits: Limits, patience_s: float) -> bytes:
    """As much of a refusal's text as comes in time: it is the caller's if no other option answers."""
    held, length = list[bytes](), 0
    with suppress(TimeoutError, httpx.TransportError, httpx.DecodingError):
        async with asyncio.timeout(min(limits["error_s"], max(0.0, patience_s))):
            async for piece in response.aiter_bytes():
                held.append(piece)
                length += len(piece)
                if length > limits["buffer_bytes"]:
                    break
    return b"".join(held)
