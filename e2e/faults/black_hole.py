"""An option that says 200 with an error in 5 ms beside one that answers in 300 ms: the fast one must not win."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import httpx
from playwright.sync_api import Browser

from e2e.faults.fault import Fault
from e2e.faults.native import REQUEST, in_own_loop
from e2e.faults.page import opened
from e2e.faults.reading import words_of
from e2e.faults.seen import Place, Ran, config_of, first_of, second_of
from e2e.faults.server import Providers, Script
from e2e.faults.wire import SECOND, answer, message
from sporewright.device.native import NativeDevice
from sporewright.device.transport import NOWHERE, RoutingTransport
from sporewright.errors import SporewrightError

__all__ = ["CALLS", "Hole", "native_hole", "page_hole"]

CALLS = 20
LEAST = 18
"""Of these calls, answered by the second."""
_ERROR = {"error": {"message": "upstream overloaded", "type": "server_error", "code": 502}}
_SCRIPTS = [Script((0.005, *message(_ERROR))), Script((0.3, *message(answer(SECOND))))]
_RAN = Ran(Fault("black hole", "hole", (), None), "fetch whole", "native")


@dataclass(frozen=True)
class Hole:
    """The result: the number of calls that the second answered, and the order afterwards."""

    place: Place
    answered: int
    order: list[str]

    def is_right(self) -> bool:
        """Nearly all by the second, and the first is last in the order."""
        return self.answered >= LEAST and self.order[-1:] == [first_of(_RAN)]

    def told(self) -> str:
        """In a line."""
        names = ", ".join(name.rpartition(" ")[2] for name in self.order)
        return f"black hole, {self.place}: {self.answered} of {CALLS} calls answered by the second; order: {names}"


def native_hole() -> Hole:
    """Through `RoutingTransport`, at the plan's own limits."""
    servers = Providers()
    providers = servers.start(_SCRIPTS)
    try:
        hole: Hole = in_own_loop(_native([f"http://127.0.0.1:{provider.port}" for provider in providers]))
        return hole
    finally:
        servers.stop(providers)
        servers.close()


async def _native(addresses: list[str]) -> Hole:
    answered = 0
    async with NativeDevice(config_of([_RAN]), {"workspace": "faults"}) as device:
        upstreams: Any = {name: {"url": url} for name, url in zip(_names(), addresses, strict=True)}
        transport = RoutingTransport(device, upstreams)
        async with httpx.AsyncClient(transport=transport, base_url=NOWHERE, trust_env=False) as client:
            for _ in range(CALLS):
                try:
                    response = await client.post("/v1/chat/completions", json={**REQUEST, "stream": False})
                except SporewrightError:
                    continue
                answered += words_of(response.content, False) == (SECOND, True)
        return Hole("native", answered, device.resolve())


def page_hole(browser: Browser, origin: str) -> Hole:
    """Through `router.fetch`, at the plan's own limits."""
    servers = Providers()
    providers = servers.start(_SCRIPTS)
    try:
        with opened(browser, origin) as page:
            upstreams = {
                name: {"url": f"http://127.0.0.1:{provider.port}"}
                for name, provider in zip(_names(), providers, strict=True)
            }
            options = {"config": config_of([_RAN]), "cursor": {"workspace": "hole"}, "upstreams": upstreams}
            given = {"options": options, "request": REQUEST, "count": CALLS}
            told = page.evaluate("({ options, request, count }) => window.runHole(options, request, count)", given)
    finally:
        servers.stop(providers)
        servers.close()
    return Hole("page", sum(text == SECOND for text in told["texts"]), told["order"])


def _names() -> tuple[str, str]:
    return first_of(_RAN), second_of(_RAN)
