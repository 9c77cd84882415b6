"""`sporewright.RoutingTransport`: the routed call as an httpx transport, for shells and servers."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import httpx

from sporewright.core.tensor import Tensor
from sporewright.device.allowances import Allowances
from sporewright.device.call_options import Arrangement, arranged, checked_call, checked_expects
from sporewright.device.native import NativeDevice
from sporewright.device.order_source import DeviceSource, OrderSource, Source, TensorSource
from sporewright.device.outgoing import (
    NOWHERE,
    Attention,
    Retry,
    Speech,
    Upstream,
    address_of,
    dialect_of,
    without_keys,
)
from sporewright.device.pool_file import SharedPools
from sporewright.device.redirects import is_same_origin, note, noted, restore
from sporewright.device.routed_request import RoutedRequest, Settings
from sporewright.errors import ConfigError
from sporewright.pools import PoolState
from sporewright.routing.call_size import TokenCount, tokens_of
from sporewright.routing.dialects.sse_events import read_json
from sporewright.routing.preferences import properties_from

__all__ = ["NOWHERE", "RoutingTransport", "SharedPools", "Speech", "Upstream", "dialect_of"]

_NOBODY = httpx.URL(NOWHERE).host


class RoutingTransport(httpx.AsyncBaseTransport):
    """An httpx transport that sends each request to the best option and, if that fails, to the next one.

    Use: `httpx.AsyncClient(transport=RoutingTransport(order, upstreams), base_url=RoutingTransport.base_url)`. A
    request to that base address, or below an upstream's address, is routed; any other request is sent as it is.

    An upstream has a `url`, or `run`: a function, of this machine's own model for example, that takes the
    `httpx.Request` and returns an `httpx.Response`. It may be asynchronous, and is cancelled when the answer is not
    wanted any more; any other is called in a thread of its own.

    `order` is a started `NativeDevice` or a `Tensor` at `cursor`, which learn from every call, or a list of options or
    a function that returns one. `limits` are laid over the plan's, in seconds; a device has limits of its own.
    `on_attention` is called for each option that is set aside. `pools` are caps as in a config, kept in memory, or
    `SharedPools` in a file that several processes share; a device's config may have them, too.

    A request can say more by the extension `{"sporewright": {"restart": "buffer", "idempotent": True, "retry": …,
    "hedge": …, "on_restart": …, "expects": …, "task": …, "cursor": …, "deadline": …}}`, and by its preferences:
    `only`, `ignore`, `order`, `prefer`, `max_cost`, `max_latency`, `needs` (docs/reference/preferences.md). The
    response's extension of that name is the `Receipt`.

    Raises ExhaustedError, of which ExcludedError says that the call's preferences leave no option; BrokenError while
    the body is read; TooLargeError if `restart: "buffer"` would have to hold more than `buffer_bytes`.
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
        on_attention: Callable[[Attention], None] | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
        chance: Callable[[], float] = random.random,
        pools: Mapping[str, Any] | SharedPools | None = None,
    ) -> None:
        self.source: Source = _source(order, cursor or {}, limits or {})
        self._bases = {option: address_of(option, upstream) for option, upstream in upstreams.items()}
        self._inner = httpx.AsyncHTTPTransport(retries=0) if transport is None else transport
        self._allowances = self._pools_of(order, upstreams, pools)
        self._settings = Settings(
            self.source,
            dict(upstreams),
            self._bases,
            self._inner,
            retry,
            hedge,
            on_attention,
            chance,
            self._allowances,
        )
        self._properties = {
            option: properties_from(upstream.get("properties", {}), f"upstream {option}: properties")
            for option, upstream in upstreams.items()
        }
        for option, upstream in upstreams.items():
            checked_expects(f"upstream {option}", upstream.get("expects"))

    def _pools_of(self, order: Any, upstreams: Mapping[str, Any], pools: Any) -> Allowances | None:
        options: Mapping[str, Any] | None = upstreams
        if pools is None and isinstance(order, NativeDevice):
            pools, options = order.config.get("pools"), None  # the engine has checked that they are its options
        if not pools:
            return None
        return Allowances(pools, options, price=self.source.price, priced=self.source.priced)

    @property
    def pools(self) -> Mapping[str, PoolState]:
        """Each pool as it stands: `unit`, `cap`, `left`, `price`, `until`."""
        return {} if self._allowances is None else self._allowances.state()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Route the request, or send it as it is."""
        redirected = noted(request)
        found = self._target(request.url)
        if redirected is not None:
            if not is_same_origin(self._bases[redirected.option], redirected.url):
                request.url = redirected.url
                return await self._inner.handle_async_request(without_keys(request))
            restore(request, redirected)
            found = (redirected.option if redirected.is_addressed else None), redirected.url.raw_path.decode("ascii")
        if found is None:
            return await self._inner.handle_async_request(request)
        owner, path = found
        asked = checked_call(request.extensions.get("sporewright", {}), self.source.plan)
        if self._allowances is not None:
            self._allowances.tick()
        if redirected is None:
            size = await _size(request, asked)
            order = arranged(asked, self.source, self._properties, size, self._settings.affinity)
        else:
            order = Arrangement([redirected.option])
        sent = 0.0 if redirected is not None else size.tokens_in
        body = await request.aread()
        routed = RoutedRequest(self._settings, request, body, owner, path, asked, order, redirected, sent)
        answer = await routed.call().run()
        option = answer.extensions["sporewright"].option
        if option in routed.sent:
            note(request, routed.sent[option], answer, option, is_addressed=owner == option)
        return answer

    async def aclose(self) -> None:
        """Close the connections and the file of the pools."""
        if self._allowances is not None:
            self._allowances.close()
        await self._inner.aclose()

    def _target(self, url: httpx.URL) -> tuple[str | None, str] | None:
        """The option whose address the caller wrote, and the path and query below it; None for any other address."""
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


async def _size(request: httpx.Request, asked: Mapping[str, Any]) -> TokenCount:
    """The size of what is asked; of a chat its own request, which each option is sent in its own words."""
    if asked.get("max_cost") is None and asked.get("affinity") is None:
        return TokenCount()
    speech: Speech | None = asked.get("speech")
    if speech is not None:
        return tokens_of(speech.request)
    try:
        return tokens_of(read_json((await request.aread()).decode("utf-8", "replace")))
    except ValueError:
        return TokenCount()


def _source(order: Any, cursor: Mapping[str, str], limits: Mapping[str, float]) -> Source:
    if isinstance(order, NativeDevice):
        if limits:
            raise ConfigError("limits: a device has its own; give them to NativeDevice")
        return DeviceSource(order)
    return TensorSource(order, cursor, limits) if isinstance(order, Tensor) else OrderSource(order, limits)
