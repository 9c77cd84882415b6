"""`SyncRoutingTransport`: the same for httpx.Client, used by several threads at once."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from sporewright import SyncRoutingTransport
from sporewright.device.native import NativeDevice
from sporewright.device.transport import NOWHERE
from sporewright.errors import BrokenError, ClosedError, ConfigError, ExhaustedError
from sporewright.server.demo.faults import Step
from tests.device.echo_server import EchoServer
from tests.device.faulty import REQUEST, is_whole, served, upstreams_of

CHAT = "/v1/chat/completions"
SEEDS = [
    {"floor": "global", "level": "global", "inst": "", "option": option, "dim": "latency", "kind": "value", "value": x}
    for option, x in (("a", 0.01), ("b", 0.02))
]
WEIGHTS = [
    {"floor": "global", "level": "global", "inst": "", "option": "", "dim": dim, "kind": "weight", "value": 1.0}
    for dim in ("latency", "failure")
]
CONFIG = {"levels": ["global", "workspace", "device"], "seeds": SEEDS + WEIGHTS, "priors": {"failure": 0.0}}


async def in_thread(work: Callable[[], Any]) -> Any:
    """Beside the loop in which the servers run."""
    async with asyncio.timeout(30):
        return await asyncio.to_thread(work)


async def test_it_goes_on_to_the_next_and_streams() -> None:
    """A reset costs an attempt; a stream is read piece by piece, and its receipt is there."""
    async with served({"a": [Step("reset", 1), Step()], "b": [Step()]}) as servers:
        upstreams = upstreams_of(servers)

        def work() -> None:
            with httpx.Client(transport=SyncRoutingTransport(["a", "b"], upstreams), base_url=NOWHERE) as client:
                sent = {**REQUEST, "stream": True}
                with client.stream("POST", CHAT, json=sent) as response:
                    pieces = list(response.iter_bytes())
                assert len(pieces) > 1
                assert response.extensions["sporewright"].option == "b"
                assert is_whole(client.post(CHAT, json=sent))

        await in_thread(work)


def _asked(upstreams: Any, **options: Any) -> httpx.Response:
    transport = SyncRoutingTransport(["a", "b"], upstreams, **options)
    with httpx.Client(transport=transport, base_url=NOWHERE) as client:
        return client.post(CHAT, json=REQUEST)


async def test_an_option_set_aside_is_told() -> None:
    """`on_attention` hears the option, the reason and until when, in the thread of the loop."""
    async with served({"a": [Step("status", status=402)], "b": [Step()]}) as servers:
        told: list[Any] = []
        answer = await in_thread(lambda: _asked(upstreams_of(servers), on_attention=told.append))
    assert answer.extensions["sporewright"].option == "b"
    assert [(one["option"], one["reason"]) for one in told] == [("a", "credit")]


async def test_threads_share_one_transport() -> None:
    """Sixteen threads, two hundred calls: each gets the answer to its own body."""
    async with EchoServer() as server:
        transport = SyncRoutingTransport(["a"], {"a": {"url": server.url}})

        def work() -> list[str]:
            with httpx.Client(transport=transport, base_url=NOWHERE) as client, ThreadPoolExecutor(16) as pool:
                return list(pool.map(lambda n: client.post("/x", content=str(n)).json()["body"], range(200)))

        assert await in_thread(work) == [str(n) for n in range(200)]


async def test_a_reader_who_leaves_ends_the_call_upstream() -> None:
    """Closing a stream half-read lets go of its connection, and is no failure."""
    async with EchoServer() as server:
        transport = SyncRoutingTransport(["a"], {"a": {"url": server.url}})

        def work() -> Any:
            with httpx.Client(transport=transport, base_url=NOWHERE) as client:
                with client.stream("GET", "/chunked?n=999&s=0.02") as response:
                    next(response.iter_raw())
                return response.extensions["sporewright"].attempts[0].outcome

        assert await in_thread(work) == "aborted"
        async with asyncio.timeout(10):
            while server.open:
                await asyncio.sleep(0.01)


async def test_errors_are_raised_where_the_caller_waits() -> None:
    """Before the answer and within it, as of both."""
    async with EchoServer() as server:

        def work() -> None:
            transport = SyncRoutingTransport(["a"], {"a": {"url": server.url}}, limits={"retries": 0})
            with httpx.Client(transport=transport, base_url=NOWHERE, timeout=0.3) as client:
                with pytest.raises(ExhaustedError) as error:
                    client.get("/silent")
                assert isinstance(error.value, httpx.ReadTimeout)
                with pytest.raises(BrokenError):
                    client.get("/chunked?cut=1")

        await in_thread(work)


async def test_closing_ends_what_is_under_way() -> None:
    """A waiting caller is told; afterwards nothing goes out any more, and closing again does nothing."""
    async with EchoServer() as server:
        transport = SyncRoutingTransport(["a"], {"a": {"url": server.url}})
        client, errors = httpx.Client(transport=transport, base_url=NOWHERE), list[BaseException]()

        def ask() -> None:
            try:
                client.get("/silent")
            except Exception as why:
                errors.append(why)

        def work() -> None:
            thread = threading.Thread(target=ask)
            thread.start()
            while not server.seen:
                thread.join(0.01)
            transport.close()
            thread.join()
            transport.close()
            with pytest.raises(ClosedError) as error:
                transport.handle_request(httpx.Request("GET", f"{NOWHERE}/x"))
            assert isinstance(error.value, httpx.TransportError)

        await in_thread(work)
        assert [type(why).__name__ for why in errors] == ["ClosedTransportError"]
        assert "sporewright" not in [thread.name for thread in threading.enumerate()]


async def test_a_device_is_started_and_learns() -> None:
    """A failing option loses its place in the order of a device that lives in the transport's thread."""
    async with served({"a": [Step("status", status=503)], "b": [Step()]}) as servers:
        upstreams = upstreams_of(servers)
        device = NativeDevice(CONFIG, {"workspace": "acme"})

        def work() -> None:
            with httpx.Client(transport=SyncRoutingTransport(device, upstreams), base_url=NOWHERE) as client:
                for _ in range(3):
                    assert client.post(CHAT, json=REQUEST).json()["model"] == "b"

        await in_thread(work)
        assert device.queue[0] == "b"


async def test_the_caller_s_trace_is_a_plain_function() -> None:
    """As with a synchronous client."""
    async with EchoServer() as server:
        events: list[str] = []

        def work() -> None:
            transport = SyncRoutingTransport(["a"], {"a": {"url": server.url}})
            with httpx.Client(transport=transport, base_url=NOWHERE) as client:
                client.get("/x", extensions={"trace": lambda event, _: events.append(event)})

        await in_thread(work)
        assert "connection.connect_tcp.complete" in events


def test_what_cannot_work_is_said_at_once() -> None:
    """No thread is begun for it."""
    with pytest.raises(ConfigError, match="upstream a"):
        SyncRoutingTransport(["a"], {"a": {"url": "ftp://a"}})
    SyncRoutingTransport(["a"], {"a": {"url": "http://a.test"}}).close()
    assert "sporewright" not in [thread.name for thread in threading.enumerate()]
