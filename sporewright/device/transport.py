"""`sporewright.RoutingTransport`: the routed call as an httpx transport, for shells and servers."""

from __future__ import annotations

import random
import re
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import httpx

from sporewright.core.tensor import Tensor
from sporewright.device.answers import Receipt
from sporewright.device.native import NativeDevice
from sporewright.device.outgoing import Retry, Speech, Upstream, address_of, dialect_of, request_for
from sporewright.device.raw_body import received
from sporewright.device.routed import RoutedCall
from sporewright.device.sources import DeviceSource, OrderSource, Source, TensorSource
from sporewright.errors import ConfigError
from sporewright.routing.attempt import AttemptChain
from sporewright.routing.classify import is_repeatable
from sporewright.routing.terms import Facts

__all__ = ["NOWHERE", "RoutingTransport", "Speech", "Upstream", "dialect_of"]

NOWHERE = "http://sporewright.invalid"
"""Stands for "whoever answers" (RFC 6761): the base address of a client whose calls name no provider."""
_NOBODY = httpx.URL(NOWHERE).host
_ASKS_FOR_STREAM = re.compile(rb'(?<!\\)"stream"\s*:\s*true')


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
        self._bases = {option: address_of(option, upstream) for option, upstream in upstreams.items()}
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
            upstream, base = self._upstreams[option], self._bases[option]
            is_addressed = owner == option
            sent = request_for(request, body, upstream, base, path, is_addressed=is_addressed, speech=speech)
            return await received(self._inner, sent, is_raw=restart != "notify")

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
        if (url.scheme, url.host, url.port) == ("http", _NOBODY, None):
            return None, whole
        under = [
            (len(folder), option, whole[len(folder) :] or "/")
            for option, base in self._bases.items()
            if (folder := base.path.rstrip("/")) is not None
            and (base.scheme, base.host, base.port) == (url.scheme, url.host, url.port)
            and (url.path == folder or url.path.startswith(f"{folder}/"))
        ]
        return max(under)[1:] if under else None

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


def _source(order: Any, cursor: Mapping[str, str], limits: Mapping[str, float]) -> Source:
    if isinstance(order, NativeDevice):
        if limits:
            raise ConfigError("limits: a device has its own; give them to NativeDevice")
        return DeviceSource(order)
    return TensorSource(order, cursor, limits) if isinstance(order, Tensor) else OrderSource(order, limits)


def _asks_for_stream(request: httpx.Request, body: bytes) -> bool:
    if "text/event-stream" in request.headers.get("accept", "") or request.url.path.endswith(":streamGenerateContent"):
        return True
    return bool(_ASKS_FOR_STREAM.search(body))
