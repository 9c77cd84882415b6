"""What an attempt of a native call is and brings: its record, the kind of its body, and what a refusal says."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

import httpx

from sporewright.routing.attempt import Body
from sporewright.routing.classify import Ending, rule_of, says
from sporewright.routing.events import Kind
from sporewright.routing.pace import pace_seconds
from sporewright.routing.terms import Plan

__all__ = ["Attempt", "Receipt", "Running", "body_of", "end_of", "ending_of", "is_cut", "refusal", "told"]

_REFUSAL_S = 1.0
_STRING = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)


@dataclass
class Attempt:
    """One attempt as the receipt tells it; times in seconds, `usage` as the provider said it.

    `tokens`, `in` and `out`: what was told of it to whoever learns.
    """

    option: str
    outcome: str
    reason: str
    status: int | None = None
    latency: float = 0.0
    duration: float = 0.0
    bytes: int = 0
    retry_after: float | None = None
    usage: Any = None
    tokens: Mapping[str, int] = field(default_factory=dict)


@dataclass
class Receipt:
    """What happened to one routed call: who answered, the order known, every attempt, who was passed over and why."""

    queue: list[str]
    option: str = ""
    attempts: list[Attempt] = field(default_factory=list)
    skipped: dict[str, str] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """As JSON data."""
        return asdict(self)


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
    response: httpx.Response | None = None
    latency: float | None = None
    held: list[bytes] = field(default_factory=list)
    length: int = 0
    usage: Any = None
    tokens: Mapping[str, int] = field(default_factory=dict)
    is_told: bool = False
    """Whoever learns was told of it."""
    entry: Attempt | None = None


def body_of(response: httpx.Response, plan: Plan) -> Body | None:
    """How a good response goes on; None: there is nothing to read, or it is no good one."""
    status = response.status_code
    is_good = rule_of({"kind": "status", "status": status}, plan)["outcome"] == "ok"
    if not is_good or status in (204, 304) or response.request.method == "HEAD":
        return None
    kind = _type_of(response)
    if kind == "text/event-stream":
        return "events"
    length = response.headers.get("content-length", "0")
    is_short = length.isdecimal() and int(length) <= plan["limits"]["hold_bytes"]
    return "whole" if _is_json(kind) and is_short else "bytes"


def end_of(response: httpx.Response, held: Sequence[bytes]) -> Kind:
    """How a body that is no stream has ended: JSON that was held until then says by itself whether it is whole."""
    return "truncated" if _is_json(_type_of(response)) and is_cut(b"".join(held)) else "complete"


def is_cut(text: bytes) -> bool:
    """Whether JSON ends in the middle: an object or a list without its end, or a string within.

    What begins as neither is no JSON of ours to judge.
    """
    if text.lstrip()[:1] not in (b"{", b"["):
        return False
    rest = _STRING.sub(b"", text)
    opened, closed = (rest.count(first) + rest.count(second) for first, second in (b"{[", b"}]"))
    return b'"' in rest or opened > closed


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
    if signs and 400 <= response.status_code <= 422:
        ending["says"] = signs
    return ending


def told(why: Exception) -> str:
    """An exception for people."""
    return f"{type(why).__name__}: {why}" if str(why) else type(why).__name__


async def refusal(response: httpx.Response) -> bytes:
    """The refusal's text, as far as it comes within a second: it is the caller's if nobody else answers."""
    try:
        async with asyncio.timeout(_REFUSAL_S):
            return await response.aread()
    except (TimeoutError, httpx.TransportError, httpx.DecodingError):
        return b""
