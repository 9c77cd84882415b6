"""`sporewright.RoutingTransport`: the routed call as an httpx transport, for shells and servers."""

from __future__ import annotations

import random
import re
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, NotRequired, Protocol, TypedDict

import httpx

from sporewright.core.tensor import Tensor
from sporewright.device.answers import Receipt
from sporewright.device.native import NativeDevice
from sporewright.device.routed import RoutedCall
from sporewright.device.sources import DeviceSource, OrderSource, Source, TensorSource
from sporewright.errors import ConfigError
from sporewright.routing.attempt import AttemptChain
from sporewright.routing.chat_request import key_headers
from sporewright.routing.chat_terms import DialectName, DialectRow
from sporewright.routing.classify import is_repeatable
from sporewright.routing.events import Listening
from sporewright.routing.providers import DIALECTS
from sporewright.routing.terms import Facts

__all__ = ["NOWHERE", "RoutingTransport", "Speech", "Upstream", "dialect_of"]

NOWHERE = "http://sporewright.invalid"
"""Stands for "whoever answers" (RFC 6761): the base address of a client whose calls name no provider."""
Retry = Literal["auto", "safe", "always"]
# Headers that prove who somebody is: a key for one provider is none of another's business.
_CREDENTIALS = ("authorization", "proxy-authorization", "cookie", "x-api-key", "api-key", "x-goog-api-key")
_ASKS_FOR_STREAM = re.compile(rb'(?<!\\)"stream"\s*:\s*true')


class Upstream(TypedDict):
    """How to call one option: the page's `Upstream`, in Python's habits."""

    url: str
    headers: NotRequired[Mapping[str, str] | Callable[[], Mapping[str, str]]]
    model: NotRequired[str]
    window: NotRequired[int]
    retry: NotRequired[Retry]
    caller_credentials: NotRequired[bool]
    dialect: NotRequired[DialectName]
    key: NotRequired[str | Callable[[], str]]
    path: NotRequired[str]


class Speech(Protocol):
    """A request that each option is sent in its own words."""

    def spoken(self, upstream: Upstream, base: str) -> tuple[str, bytes]:
        """Path and query below an address whose path is `base`, and the body."""

    def listener(self, option: str, upstream: Upstream, most: int) -> Listening:
        """Who follows this option's answer; `most` bytes of one event."""


class RoutingTransport(httpx.AsyncBaseTransport):
    """`httpx.AsyncClient(transport=RoutingTransport(order, upstreams), base_url=NOWHERE)`.

    `order`: a started `NativeDevice`, or a `Tensor` at `cursor`, which learn from every call; or what is only asked: a
    list, a function that gives one. A request to `NOWHERE`, or under an upstream's address, is routed; any other goes
    straight through.
    `limits` are laid over the plan's, in seconds (a device has its own). A request may ask for more by an extension
    `{"sporewright": {"restart": "buffer", "idempotent": True, "retry": …, "hedge": …, "on_restart": …}}`; the answer's
    extension of that name is the `Receipt`. Errors: ExhaustedError, BrokenError (in the body), TooLargeError (what
    `restart: "buffer"` would have to hold back is beyond `buffer_bytes`).
    """

    base_url = NOWHERE

    def __init__(
        self,
        order: NativeDevice | Tensor | Sequence[str] | Callable[[], Sequence[str]],
        upstreams: Mapping[str, Upstream],
        *,
        cursor: Mapping[str, str] | None = None,
        limits: Mapping[str, float] | None = None,
        retry: Retry = "auto",
        hedge: bool = True,
        transport: httpx.AsyncBaseTransport | None = None,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self.source: Source = _source(order, cursor or {}, limits or {})
        self._upstreams = dict(upstreams)
        self._bases = {option: _base(option, upstream) for option, upstream in upstreams.items()}
        self._retry, self._hedge, self._chance = retry, hedge, chance
        self._inner = httpx.AsyncHTTPTransport(retries=0) if transport is None else transport

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Route it, or hand it on."""
        found = self._target(request.url)
        if found is None:
            return await self._inner.handle_async_request(request)
        owner, path = found
        body = await request.aread()
        asked = request.extensions.get("sporewright", {})
        queue = list(self.source.order())
        is_streaming = _asks_for_stream(request, body)
        restart = asked.get("restart", "error")
        own: Retry | None = "always" if asked.get("idempotent") else asked.get("retry")
        chain = AttemptChain(
            queue,
            self._upstreams,
            health=self.source.health,
            now=time.time(),
            plan=self.source.plan,
            repeatable=self._may_repeat(own or self._retry, request, path),
            streaming=is_streaming,
            restart=restart,
            hedge=asked.get("hedge", self._hedge),
            facts={option: self._facts(option, own, request, path) for option in self._upstreams},
        )

        speech: Speech | None = asked.get("speech")
        most = self.source.plan["limits"]["event_bytes"]

        async def send(option: str) -> httpx.Response:
            sent = self._request(request, body, option, owner, path, speech)
            response = await self._inner.handle_async_request(sent)
            response.request = sent
            return response

        call = RoutedCall(
            self.source,
            chain,
            Receipt(queue),
            send=send,
            what=f"{request.method} {path.split('?')[0]}",
            chance=self._chance,
            is_streaming=is_streaming,
            is_held=restart == "buffer",
            on_restart=asked.get("on_restart"),
            listen=None if speech is None else lambda option: speech.listener(option, self._upstreams[option], most),
        )
        return await call.run()

    async def aclose(self) -> None:
        """Close the connections."""
        await self._inner.aclose()

    def _target(self, url: httpx.URL) -> tuple[str | None, str] | None:
        """Whose address the caller wrote, and the path and query below it; None for somebody else's."""
        whole = url.raw_path.decode("ascii")
        if str(url.copy_with(raw_path=b"/")).rstrip("/") == NOWHERE:
            return None, whole
        under = [
            (len(folder), option, whole[len(folder) :] or "/")
            for option, base in self._bases.items()
            if (folder := base.path.rstrip("/")) is not None
            and (base.scheme, base.host, base.port) == (url.scheme, url.host, url.port)
            and (url.path == folder or url.path.startswith(f"{folder}/"))
        ]
        return max(under)[1:] if under else None

    def _request(
        self, request: httpx.Request, body: bytes, option: str, owner: str | None, path: str, speech: Speech | None
    ) -> httpx.Request:
        upstream, base = self._upstreams[option], self._bases[option]
        headers = httpx.Headers([item for item in request.headers.multi_items() if item[0] != "host"])
        if owner != option and not upstream.get("caller_credentials", False):
            for name in _CREDENTIALS:
                headers.pop(name, None)
        if speech is not None:
            path, body = speech.spoken(upstream, base.path)
            headers.pop("content-length", None)
        key = upstream.get("key")
        headers.update(key_headers(dialect_of(upstream), key() if callable(key) else key))
        own = upstream.get("headers", {})
        headers.update(own() if callable(own) else own)
        bare, _, query = path.partition("?")
        search = "&".join(filter(None, (base.query.decode("ascii"), query)))  # the base's own comes first
        whole = base.path.rstrip("/") + bare + (f"?{search}" if search else "")
        url = base.copy_with(raw_path=whole.encode("ascii"))
        extensions = {name: value for name, value in request.extensions.items() if name == "timeout"}
        # The chain alone decides when it is too late.
        extensions["timeout"] = dict.fromkeys(("connect", "read", "write", "pool"))
        return httpx.Request(request.method, url, headers=headers, content=body, extensions=extensions)

    def _may_repeat(self, rule: Retry, request: httpx.Request, path: str) -> bool:
        bare = "" if rule == "safe" else path.split("?")[0]
        return rule == "always" or is_repeatable(request.method, bare, list(request.headers), self.source.plan)

    def _facts(self, option: str, own: Retry | None, request: httpx.Request, path: str) -> Facts:
        upstream, facts = self._upstreams[option], Facts()
        if "model" in upstream:
            facts["model"] = upstream["model"]
        if "window" in upstream:
            facts["window"] = upstream["window"]
        rule = own or upstream.get("retry")
        if rule is not None:
            facts["repeatable"] = self._may_repeat(rule, request, path)
        return facts


def dialect_of(upstream: Upstream) -> DialectRow:
    """How this option is spoken to."""
    return DIALECTS[upstream.get("dialect", "openai")]


def _source(order: Any, cursor: Mapping[str, str], limits: Mapping[str, float]) -> Source:
    if isinstance(order, NativeDevice):
        if limits:
            raise ConfigError("limits: a device has its own; give them to NativeDevice")
        return DeviceSource(order)
    return TensorSource(order, cursor, limits) if isinstance(order, Tensor) else OrderSource(order, limits)


def _base(option: str, upstream: Upstream) -> httpx.URL:
    try:
        url = httpx.URL(upstream["url"])
    except (httpx.InvalidURL, KeyError, TypeError) as why:
        raise ConfigError(f"upstream {option}: its url is no address: {type(why).__name__}: {why}") from None
    if upstream.get("dialect", "openai") not in DIALECTS:
        raise ConfigError(f"upstream {option}: dialect {upstream['dialect']!r} is none of {', '.join(DIALECTS)}")
    if url.scheme not in ("http", "https"):
        raise ConfigError(f"upstream {option}: {str(url)!r} is no http address")
    return url


def _asks_for_stream(request: httpx.Request, body: bytes) -> bool:
    if "text/event-stream" in request.headers.get("accept", "") or request.url.path.endswith(":streamGenerateContent"):
        return True
    return bool(_ASKS_FOR_STREAM.search(body))
