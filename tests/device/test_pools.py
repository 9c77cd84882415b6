"""Pools of a native process: passed over before the wall, waited for, shared over a file, priced (P2–P7)."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import pytest

from sporewright import Tensor
from sporewright.device import allowances
from sporewright.device.native import NativeDevice
from sporewright.device.transport import RoutingTransport, SharedPools
from sporewright.errors import BudgetError, ConfigError, ExhaustedError, StorageError
from tests.device.test_transport import CONFIG

UPSTREAMS: dict[str, Any] = {"a": {"url": "https://a.example"}, "b": {"url": "https://b.example"}}
RATE = {"unit": "requests", "cap": 2, "window": 60, "options": ["a"]}
FLIGHT = {"unit": "concurrent", "cap": 2, "options": ["a", "b"]}
TOKENS = {"unit": "tokens", "cap": 1000, "window": "day", "options": ["a"]}
CHAT = {"messages": [{"role": "user", "content": "hello"}], "max_tokens": 100}


def answer(request: httpx.Request) -> httpx.Response:
    """A whole answer that counts its tokens."""
    usage = {"prompt_tokens": 7, "completion_tokens": 13, "total_tokens": 20}
    said = {"choices": [{"message": {"content": "hi"}, "finish_reason": "stop"}], "usage": usage}
    return httpx.Response(200, json=said, request=request)


class World:
    """A client over a transport with these pools; `seen`: the hosts that were called."""

    def __init__(
        self,
        pools: Any,
        order: Any = ("a", "b"),
        handler: Callable[[httpx.Request], httpx.Response] = answer,
        **more: Any,
    ) -> None:
        self.seen: list[str] = []

        async def handle(request: httpx.Request) -> httpx.Response:
            self.seen.append(request.url.host[0])
            await asyncio.sleep(0)
            return handler(request)

        upstreams = {option: UPSTREAMS[option] for option in ("a", "b")}
        inner = httpx.MockTransport(handle)
        self.transport = RoutingTransport(order, upstreams, pools=pools, transport=inner, **more)
        self.client = httpx.AsyncClient(transport=self.transport, base_url=RoutingTransport.base_url)

    async def chat(self) -> httpx.Response:
        """One chat."""
        return await self.client.post("/v1/chat/completions", json=CHAT)

    def left(self, pool: str) -> float:
        """The rest of the pool."""
        return self.transport.pools[pool].left


async def test_an_option_without_allowance_is_passed_over() -> None:
    """P3: no failure, no cooldown, and the receipt says why."""
    world = World({"rate": RATE})
    receipts = [(await world.chat()).extensions["sporewright"] for _ in range(4)]

    assert world.seen == ["a", "a", "b", "b"]
    assert receipts[2].skipped == {"a": "no-allowance"}
    assert world.transport.source.health.all() == [] or not world.transport.source.health.cooldowns.active(time.time())
    assert world.transport.pools["rate"].cap == 2
    assert world.left("rate") == 0
    await world.client.aclose()


async def test_the_soonest_is_waited_for_within_the_deadline() -> None:
    """P3: and the call that cannot wait so long ends with the code `budget`, which names the pool and the time."""
    world = World({"rate": {**RATE, "cap": 1, "window": 0.4}}, ["a"])
    began = time.monotonic()
    await world.chat()
    await world.chat()
    assert 0.3 < time.monotonic() - began < 3

    slow = World({"rate": {**RATE, "cap": 1}}, ["a"], limits={"deadline_s": 0.5})
    await slow.chat()
    with pytest.raises(BudgetError, match=r"pool 'rate' covers POST /v1/chat/completions again at 20") as found:
        await slow.chat()
    assert found.value.code == "budget"
    assert slow.seen == ["a"]


async def test_a_draw_that_no_window_covers_is_never_waited_for() -> None:
    """More than the cap: at once, and the message says so."""
    world = World({"tokens": {**TOKENS, "cap": 50}}, ["a"])
    with pytest.raises(BudgetError, match="pool 'tokens' covers POST /v1/chat/completions never"):
        await asyncio.wait_for(world.chat(), 2)


async def test_calls_in_flight_are_bounded() -> None:
    """Never more than two at a time, over both options, and every call is answered."""
    running, most = 0, 0

    async def slow(request: httpx.Request) -> httpx.Response:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.05)
        running -= 1
        return answer(request)

    upstreams = dict(UPSTREAMS)
    transport = RoutingTransport(["a", "b"], upstreams, pools={"f": FLIGHT}, transport=httpx.MockTransport(slow))
    async with httpx.AsyncClient(transport=transport, base_url=RoutingTransport.base_url) as client:
        await asyncio.gather(*(client.post("/v1/chat/completions", json=CHAT) for _ in range(6)))
        assert most == 2
        assert transport.pools["f"].left == 2


async def test_draws_are_corrected_by_the_answer() -> None:
    """P2: 20 tokens, and not the hundred that it might have been."""
    world = World({"tokens": TOKENS}, ["a"])
    await world.chat()

    assert world.left("tokens") == 980


@pytest.mark.parametrize(
    ("status", "left"),
    [(500, 1000), (400, 1000), (429, 0)],
)
async def test_a_refusal_is_no_spend(status: int, left: float) -> None:
    """P2, P6: no tokens; a 429 says that nothing is left until it may be asked again."""
    limits = {"deadline_s": 0.5}
    world = World({"tokens": TOKENS}, ["a"], lambda request: httpx.Response(status, request=request), limits=limits)
    with suppress(ExhaustedError):
        assert (await world.chat()).status_code == status

    assert world.left("tokens") == left


async def test_what_never_reached_an_option_draws_nothing() -> None:
    """P2: a connection that was refused gives all back; one that broke off draws what it may have used."""

    def refuse(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused", request=request)

    def breaks(request: httpx.Request) -> httpx.Response:
        raise httpx.ReadError("broken", request=request)

    for handler, least, most in ((refuse, 1000, 1000), (breaks, 1, 999)):
        world = World({"tokens": TOKENS}, ["a"], handler, retry="safe", limits={"deadline_s": 1})
        with pytest.raises(ExhaustedError):
            await world.chat()
        assert least <= world.left("tokens") <= most


async def test_a_call_that_is_given_up_leaves_no_reservation() -> None:
    """P2: it may have used what it held; its slot is free."""
    started = asyncio.Event()

    async def hang(request: httpx.Request) -> httpx.Response:
        started.set()
        await asyncio.sleep(60)
        return answer(request)

    pools = {"f": FLIGHT, "tokens": TOKENS}
    transport = RoutingTransport(["a"], UPSTREAMS, pools=pools, transport=httpx.MockTransport(hang))
    async with httpx.AsyncClient(transport=transport, base_url=RoutingTransport.base_url) as client:
        task = asyncio.create_task(client.post("/v1/chat/completions", json=CHAT))
        await started.wait()
        assert transport.pools["f"].left == 1
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert transport.pools["f"].left == 2
        assert 0 < transport.pools["tokens"].left < 1000


async def test_headers_that_say_what_is_left_tighten() -> None:
    """P6: somebody else draws on the same account."""
    headers = {"x-ratelimit-remaining-requests": "1", "x-ratelimit-limit-requests": "30"}
    pools = {"rate": {**RATE, "cap": 30}}
    world = World(pools, ["a"], lambda request: httpx.Response(200, headers=headers, request=request))
    await world.client.get("/v1/models")

    assert world.left("rate") == 1


async def test_processes_share_one_file(tmp_path: Path) -> None:
    """One ledger: what one transport draws the other does not have."""
    shared = SharedPools(tmp_path / "pools.db", {"rate": RATE})
    one, other = World(shared), World(shared)
    await one.chat()
    await other.chat()
    await one.chat()

    assert (one.seen, other.seen) == (["a", "b"], ["a"])
    assert (one.left("rate"), other.left("rate")) == (0, 0)
    await one.client.aclose()
    again = World(shared)
    assert again.left("rate") == 0
    await other.client.aclose()


PROCESS = """
import asyncio, sys, httpx
from sporewright.device.transport import RoutingTransport, SharedPools
async def main():
    pools = {"day": {"unit": "requests", "cap": 12, "window": "month", "options": ["a"], "hard": True}}
    async def handle(request):
        print("sent", flush=True)
        await asyncio.sleep(0.02)
        return httpx.Response(200, json={"choices": [{"message": {"content": "hi"}}]}, request=request)
    transport = RoutingTransport(["a"], {"a": {"url": "https://a.example"}}, pools=SharedPools(sys.argv[1], pools),
                                 limits={"deadline_s": 1}, transport=httpx.MockTransport(handle))
    async with httpx.AsyncClient(transport=transport, base_url=RoutingTransport.base_url) as client:
        for _ in range(9):
            try:
                await client.post("/v1/chat/completions", json={"messages": []})
            except Exception:
                break
asyncio.run(main())
"""


def test_a_hard_cap_holds_over_processes_that_are_killed(tmp_path: Path) -> None:
    """P5: four of them at once, one killed; no more calls are sent than the cap, and nothing leaks."""
    command = [sys.executable, "-c", PROCESS, str(tmp_path / "pools.db")]
    folder = Path(__file__).parents[2]
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE, cwd=folder) for _ in range(4)]
    assert processes[0].stdout is not None
    first = processes[0].stdout.readline()  # nothing, where the others were faster by all twelve
    processes[0].kill()
    sent = first.count(b"sent") + sum(process.communicate(timeout=120)[0].count(b"sent") for process in processes)

    assert 10 <= sent <= 12


async def test_a_reservation_of_a_process_that_died_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """P5: its slot is free after its time; a call that goes on keeps its own."""
    monkeypatch.setattr(allowances, "LASTS_S", 0.4)
    monkeypatch.setattr(allowances, "RENEW_S", 0.1)
    shared = SharedPools(tmp_path / "pools.db", {"f": {**FLIGHT, "cap": 1}})
    dead, alive = World(shared, ["a"]), World(shared, ["a"])
    lost = dead.transport._allowances
    assert lost is not None
    assert isinstance(lost.reserve("a", allowances.Asked()), str)
    await asyncio.sleep(0.6)
    assert alive.left("f") == 0
    assert lost._timer is not None
    lost._timer.cancel()
    await asyncio.sleep(0.6)

    assert alive.left("f") == 1
    await alive.chat()


async def test_a_file_that_cannot_be_read_admits_nothing_of_a_hard_pool(tmp_path: Path) -> None:
    """Of a soft one this process's own count decides."""
    path = tmp_path / "pools.db"
    for hard in (True, False):
        world = World(SharedPools(path, {"rate": {**RATE, "hard": hard}}), ["a"], limits={"deadline_s": 0.2})
        file = world.transport._allowances
        assert file is not None
        assert file._file is not None
        file._file.close()
        if hard:
            with pytest.raises(BudgetError, match="pool 'rate'"):
                await world.chat()
        else:
            await world.chat()
        assert world.seen == ([] if hard else ["a"])


def test_a_file_with_something_else_in_it(tmp_path: Path) -> None:
    """A ledger that does not decode is none; a file that is no database is an error with its name."""
    path = tmp_path / "pools.db"
    World(SharedPools(path, {"rate": RATE}))
    with sqlite3.connect(path) as db:
        db.execute("INSERT OR REPLACE INTO ledger VALUES (1, '{]')")
    assert World(SharedPools(path, {"rate": RATE})).left("rate") == 2
    db.close()
    other = tmp_path / "other.db"
    other.write_bytes(b"no database at all" * 100)
    with pytest.raises(StorageError, match=r"other\.db: file is not a database"):
        World(SharedPools(other, {"rate": RATE}))


def test_pools_are_checked() -> None:
    """Point 7: against the upstreams and the system's time zones."""
    with pytest.raises(ConfigError, match=r"pools\.rate\.options\[0\]: there is no option 'c'"):
        World({"rate": {**RATE, "options": ["c"]}})
    with pytest.raises(ConfigError, match=r"pools\.day\.tz: 'Mars/Base' is not a time zone"):
        World({"day": {**TOKENS, "tz": "Mars/Base"}})
    assert World(None).transport.pools == {}


def price_of(device: NativeDevice, dimension: str) -> dict[str, Any]:
    """The term of the dimension in the score of `a`."""
    ranked = device.call("explain")["ranked"]
    return next(
        term for each in ranked for term in each["terms"] if (each["option"], term["dimension"]) == ("a", dimension)
    )


async def test_a_device_bends_its_order_before_the_wall(monkeypatch: pytest.MonkeyPatch) -> None:
    """P7, D2: the price is a term of the score, and gone when the pool is slack; its config declares the pools."""
    config = {
        **CONFIG,
        "learning": {"temperature": 0},
        "pools": {"rate": {**RATE, "cap": 60}, "day": {**TOKENS, "cap": 10**9, "tz": "Europe/Vienna"}},
    }
    clock = time.time()
    monkeypatch.setattr(time, "time", lambda: clock)
    async with NativeDevice(config, {"workspace": "acme"}, device="d") as device:
        world = World(None, device)
        hosts = []
        for _ in range(200):
            clock += 0.5
            await world.chat()
            hosts.append(world.seen[-1])
            if hosts[-1] == "b":
                break
        assert len(hosts) > 10
        assert hosts[-1] == "b"
        assert world.left("rate") > 10
        assert price_of(device, "budget:rate")["value"] == 1
        assert price_of(device, "budget:rate")["weight"] > 0
        clock += 600
        await world.chat()
        assert world.transport.pools["rate"].price == 0
        assert price_of(device, "budget:rate")["weight"] == 0


async def test_a_tensor_carries_the_prices_of_its_own_slice(monkeypatch: pytest.MonkeyPatch) -> None:
    """D2: the value is the expected draw, the shared weight the price; money is priced as the tensor declares."""
    tensor = Tensor(["global", "device"])
    writer = tensor.writer("global")
    for option, latency in (("a", 0.01), ("b", 0.02)):
        writer.set_value("global", "", option, "latency", latency)
    writer.set_value("global", "", "a", "price:in", 1.0)
    writer.set_value("global", "", "a", "price:out", 2.0)
    clock = time.time()
    monkeypatch.setattr(time, "time", lambda: clock)
    pools = {"usd": {"unit": "usd", "cap": 0.001, "window": 60, "options": ["a"]}}
    world = World(pools, tensor, cursor={"device": "d"})
    await world.chat()
    assert world.left("usd") == pytest.approx(0.001 - 33e-6, abs=1e-9)
    for _ in range(20):
        clock += 1
        await world.chat()

    assert "budget:usd" in {
        term.dimension for term in tensor.explain({"device": "d"}).ranked[0].terms
    } or tensor.weight({"device": "d"}, "a", "budget:usd")
    nobody = World(pools, tensor)
    nobody.transport.source.priced({"usd": 1.0}, {"a": {"usd": 1.0}})
    assert tensor.value({}, "a", "budget:usd") is None


def test_a_body_that_says_how_much_it_wants() -> None:
    """P2: a quarter of its bytes, and the most that its answer may have, where it is a number."""
    assert allowances._asked(b"") == allowances.Asked(0.0, None)
    assert allowances._asked(b"{]") == allowances.Asked(0.5, None)
    assert allowances._asked(json.dumps({"max_completion_tokens": 9}).encode()).max_tokens == 9
    assert allowances._asked(json.dumps({"max_tokens": True}).encode()).max_tokens is None
