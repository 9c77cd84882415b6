"""Redirects of one option: followed there where an answer is expected; else the caller's, who comes back to it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass
from typing import Any

import httpx

__all__ = ["Redirected", "follow", "is_same_origin", "note", "noted", "restore"]

_MOST = 10
"""Go's bound; fetch and httpx have 20."""
_PORTS = {"http": 80, "https": 443}
# A body longer than this is not read only so that its connection can be used again.
_SHORT = 1 << 16
_KEY = "sporewright-redirect"


@dataclass(frozen=True, slots=True)
class Redirected:
    """An option has sent the caller from one address to another: `asked` is how the caller will write that address,
    `url` what it means there, `authorization` what httpx takes out on the way."""

    option: str
    asked: str
    url: httpx.URL
    authorization: str | None
    is_addressed: bool
    """The caller wrote this option's own address in the first place."""


def note(
    request: httpx.Request, sent: httpx.Request, response: httpx.Response, option: str, *, is_addressed: bool
) -> None:
    """Remember in the caller's request where this option's redirect leads: httpx hands its extensions on."""
    asked, url = _location(request.url, response), _location(sent.url, response)
    if asked is not None and url is not None:
        authorization = request.headers.get("authorization")
        request.extensions[_KEY] = Redirected(option, str(asked), url, authorization, is_addressed)


def noted(request: httpx.Request) -> Redirected | None:
    """The redirect that this request follows, if any."""
    extensions: dict[str, Any] = request.extensions
    found = extensions.pop(_KEY, None)
    return found if isinstance(found, Redirected) and found.asked == str(request.url) else None


def restore(request: httpx.Request, redirected: Redirected) -> None:
    """To httpx the option's own address may be another origin than the one the caller wrote: here it is none."""
    if redirected.authorization is not None:
        request.headers.setdefault("authorization", redirected.authorization)


async def follow(
    request: httpx.Request,
    send: Callable[[httpx.Request], Awaitable[httpx.Response]],
    credentials: Collection[str],
) -> httpx.Response:
    """The response once nothing redirects any further; RemoteProtocolError where that is nowhere, or never.

    `credentials`: names of the headers that no other origin gets.
    """
    seen: set[tuple[str, str]] = set()
    for _ in range(_MOST + 1):
        response = await send(request)
        if not response.has_redirect_location:
            return response
        seen.add((request.method, str(request.url)))
        after = _next(request, response, credentials)
        length = response.headers.get("content-length", "")
        if length.isdecimal() and int(length) <= _SHORT:
            await response.aread()
        await response.aclose()
        if after is None:
            raise httpx.RemoteProtocolError(f"HTTP {response.status_code} redirects to no address of http")
        if (after.method, str(after.url)) in seen:
            raise httpx.RemoteProtocolError(f"HTTP {response.status_code} redirects in a circle")
        request = after
    raise httpx.RemoteProtocolError(f"more than {_MOST} redirects in a row")


def _next(request: httpx.Request, response: httpx.Response, credentials: Collection[str]) -> httpx.Request | None:
    url = _location(request.url, response)
    if url is None or url.scheme not in _PORTS:
        return None
    status, method = response.status_code, request.method
    if method != "HEAD" and (status in (302, 303) or (status == 301 and method == "POST")):
        method = "GET"
    headers = httpx.Headers(request.headers.raw)
    if not is_same_origin(request.url, url):
        headers["host"] = url.netloc.decode("ascii")
        for name in credentials:
            headers.pop(name, None)
    body: bytes = request.content if method == request.method else b""
    if method != request.method:
        for name in ("content-length", "transfer-encoding", "content-type"):
            headers.pop(name, None)
    stream = httpx.ByteStream(body)
    after = httpx.Request(method, url, headers=headers, stream=stream, extensions=request.extensions)
    after.read()
    return after


def _location(base: httpx.URL, response: httpx.Response) -> httpx.URL | None:
    """The address to which it redirects, as httpx understands it; None: none."""
    if not response.has_redirect_location:
        return None
    try:
        url = httpx.URL(response.headers["location"])
        if url.scheme and not url.host:
            url = url.copy_with(host=base.host)
        url = base.join(url) if url.is_relative_url else url
        return url.copy_with(fragment=base.fragment) if base.fragment and not url.fragment else url
    except httpx.InvalidURL:
        return None


def is_same_origin(one: httpx.URL, other: httpx.URL) -> bool:
    """True if the one's secrets may be sent to the other: the same origin, or the same host by https now."""
    ports = [url.port or _PORTS.get(url.scheme) for url in (one, other)]
    if one.host != other.host:
        return False
    is_upgrade = (one.scheme, other.scheme) == ("http", "https") and ports == [80, 443]
    return is_upgrade or (one.scheme == other.scheme and ports[0] == ports[1])
