"""The body that a response brings, and the text of its refusal."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress

import httpx

from sporewright.routing.attempt_chain import Body
from sporewright.routing.classify import Ending, rule_of, says
from sporewright.routing.retry_after import pace_seconds
from sporewright.routing.terms import Limits, Plan

__all__ = ["body_of", "ending_of", "is_json", "pieces_of", "refusal"]


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


def pieces_of(response: httpx.Response) -> AsyncIterator[bytes]:
    """Its body, decoded, as it comes; where nothing is to be decoded without httpx's decoders around each piece."""
    assert isinstance(response.stream, httpx.AsyncByteStream), "an asynchronous transport has asynchronous bodies"
    return response.aiter_bytes() if "content-encoding" in response.headers else aiter(response.stream)


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
