"""The rows through `RoutingTransport` and `sporewright.chat`, each call with a fresh device."""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Coroutine, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx

import sporewright
from e2e.faults.fault import LIMITS
from e2e.faults.reading import words_of
from e2e.faults.seen import Ran, aside_of, belief_of, config_of, first_of
from sporewright.device.native import NativeDevice
from sporewright.device.transport import NOWHERE, RoutingTransport

__all__ = ["REQUEST", "in_own_loop", "run_native"]

REQUEST = {"model": "m", "messages": [{"role": "user", "content": "count"}]}
_VERIFY = ssl.create_default_context()
"""Made once: reading the system's certificates holds up the loop for longer than a row may take."""


def run_native(runs: Sequence[tuple[Ran, Mapping[str, str]]], at_once: int) -> None:
    """Make the calls, so many at a time, and note in each what came of it; with the addresses of its two options."""

    async def every() -> None:
        turn = asyncio.Semaphore(at_once)
        await asyncio.gather(*(_one(ran, addresses, turn) for ran, addresses in runs))

    in_own_loop(every())


def in_own_loop(work: Coroutine[Any, Any, Any]) -> Any:
    """Run it on a separate thread: beside a browser that is driven, the caller's has a loop already."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, work).result()


async def _one(ran: Ran, addresses: Mapping[str, str], turn: asyncio.Semaphore) -> None:
    records: dict[str, str] = {}
    limits = {**LIMITS, **ran.fault.limits}
    async with turn, NativeDevice(config_of([ran]), {"workspace": "faults"}, limits=limits, records=records) as device:
        upstreams: Any = {name: {"url": url} for name, url in addresses.items()}
        inner = _Counting(addresses)
        transport = RoutingTransport(device, upstreams, hedge=False, transport=inner)
        async with httpx.AsyncClient(transport=transport, base_url=NOWHERE, trust_env=False) as client:
            began = time.monotonic()
            try:
                await asyncio.wait_for(_call(ran, client), 30)
            except sporewright.SporewrightError as why:
                ran.error, ran.message = why.code, str(why)
            except Exception as why:  # nothing raw may cross: it is told as what it is
                ran.error, ran.message = f"raw {type(why).__name__}", str(why)
            ran.seconds = time.monotonic() - began
        ran.attempts = ran.attempts or [(name, "?") for name in inner.asked]
        ran.order = device.resolve()
        ran.belief = belief_of(records, first_of(ran))
        ran.aside = aside_of(device.call("explain"), first_of(ran))


async def _call(ran: Ran, client: httpx.AsyncClient) -> None:
    stream = not ran.way.endswith("whole")
    if ran.way.startswith("chat"):
        await _chat(ran, client, stream)
        return
    asked = {"restart": "buffer"} if ran.way == "fetch held" else {}
    sent = {**REQUEST, "stream": stream}
    async with client.stream("POST", "/v1/chat/completions", json=sent, extensions={"sporewright": asked}) as response:
        receipt = response.extensions["sporewright"]
        ran.status, ran.option = response.status_code, receipt.option
        try:
            raw = await response.aread()
        finally:
            ran.attempts, ran.option = [(each.option, each.outcome) for each in receipt.attempts], receipt.option
        ran.body = raw.decode("utf-8", "replace")
        ran.text, ran.is_whole = words_of(raw, stream)


async def _chat(ran: Ran, client: httpx.AsyncClient, stream: bool) -> None:
    chat = sporewright.chat(client, {**REQUEST, "stream": stream})
    said: list[str] = []
    try:
        async for event in chat:
            if event["type"] == "restart":
                said = []
            elif event["type"] == "text":
                said.append(event["text"])
            elif event["type"] == "tool" and event.get("name"):
                said.append(f"<{event['name']}>")
            ran.is_whole = ran.is_whole or event["type"] == "done"
    finally:
        ran.option, ran.text = chat.option, "".join(said)
        if chat.receipt is not None:
            ran.attempts = [(each.option, each.outcome) for each in chat.receipt.attempts]


class _Counting(httpx.AsyncHTTPTransport):
    """The options that a call was sent to, in order; for the calls whose error has no receipt."""

    def __init__(self, addresses: Mapping[str, str]) -> None:
        super().__init__(retries=0, verify=_VERIFY)
        self._names = {str(httpx.URL(url)).rstrip("/"): name for name, url in addresses.items()}
        self.asked: list[str] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        base = str(request.url.copy_with(raw_path=b"/")).rstrip("/")
        self.asked.append(self._names.get(base, base))
        return await super().handle_async_request(request)
