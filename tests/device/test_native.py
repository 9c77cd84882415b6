"""The native driver over real sockets and files; the fleet tests run `sporewright serve` as a process."""

from __future__ import annotations

import asyncio
import importlib.util
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection, serve

from sporewright.device.native import NativeDevice
from sporewright.device.sqlite_records import SqliteRecords
from sporewright.errors import ClosedError, ConfigError, StorageError, TimedOutError, WriteUpError
from sporewright.sync import Role, Session
from sporewright.wire import Ack, Hello, Limits, Push, Welcome
from tests.device.fleet import CONFIG, LEVELS
from tests.serving import Orchestrator

CURSOR = {"workspace": "acme"}
HAS_SERVER = importlib.util.find_spec("sporewright.cli") is not None


def is_live(device: NativeDevice) -> bool:
    """Connected, with nothing left to acknowledge."""
    return bool(device.sync["state"] == "live" and device.sync["pending"] == 0)


async def test_alone_it_decides_and_learns() -> None:
    """Without an orchestrator a native device is the engine: it observes, learns, explains, and raises its errors."""
    async with NativeDevice(CONFIG, CURSOR) as device:
        device.observe("alpha", "latency", 9.0)
        device.call("outcome", option="beta", outcome="rate_limited", retry_after_s=60)

        assert device.queue == ["gamma", "beta", "alpha"]
        assert device.resolve() == device.queue
        assert device.cooldowns["beta"] > time.time()
        with pytest.raises(WriteUpError, match="reach"):
            device.observe("alpha", "reach", 0.0)
    with pytest.raises(ClosedError):
        device.resolve()


async def test_a_file_remembers(tmp_path: Path) -> None:
    """The measurements of one run are there for the next one, under the same identity."""
    for expected in (["alpha", "beta", "gamma"], ["beta", "gamma", "alpha"]):
        records = SqliteRecords(tmp_path / "device.db")
        async with NativeDevice(CONFIG, CURSOR, records=records) as device:
            assert device.queue == expected
            device.observe("alpha", "latency", 9.0)
            device.call("gate", option="alpha", reachable=False)
            device.call("gate", option="alpha", reachable=True)
        records.close()

    records = SqliteRecords(tmp_path / "device.db")
    assert sorted(records) == list(records)
    assert len(records) == 2  # its identity and the latency: a gate that came and went is not recorded
    with pytest.raises(KeyError):
        records["nothing"]
    with pytest.raises(KeyError):
        del records["nothing"]
    records.close()


async def test_a_file_that_fails_is_said(tmp_path: Path) -> None:
    """A file that cannot be opened is a StorageError; one that breaks later is said, and routing goes on."""
    with pytest.raises(StorageError, match="nowhere"):
        SqliteRecords(tmp_path / "nowhere" / "device.db")
    records = SqliteRecords(tmp_path / "device.db")
    async with NativeDevice(CONFIG, CURSOR, records=records) as device:
        records.close()
        device.observe("alpha", "latency", 9.0)

        assert device.sync["error"]["code"] == "storage"
        assert device.queue[-1] == "alpha"


async def test_a_server_over_a_real_socket() -> None:
    """The driver greets, sends what was measured, asks its token function again when refused, and says goodbye."""
    tokens = iter(["old", "new"])
    heard: list[Any] = []

    async def token() -> str:
        return next(tokens)

    async def server(connection: ServerConnection) -> None:
        session = Session(Role.SERVER)
        async for text in connection:
            message = session.receive(text)
            heard.append(message)
            if isinstance(message, Hello) and message.token == "old":
                await connection.send('{"t":"error","code":"token","message":"expired","fatal":true}')
            elif isinstance(message, Hello):
                limits = Limits(10_000, 100)
                await connection.send(session.send(Welcome("s", "db", "acme", "A", LEVELS, 0, 0, 30.0, limits)))
            elif isinstance(message, Push):
                await connection.send(session.send(Ack(message.seq, len(message.cells))))

    async with serve(server, "127.0.0.1", 0) as listening:
        port = listening.sockets[0].getsockname()[1]
        async with NativeDevice(CONFIG, CURSOR, orchestrator=f"ws://127.0.0.1:{port}/", token=token) as device:
            device.observe("alpha", "latency", 9.0)
            await device.until(is_live)
        await asyncio.sleep(0.1)

    assert [message.t for message in heard] == ["hello", "hello", "push", "bye"]


async def test_a_token_function_that_fails_is_asked_again() -> None:
    """It throws at the start and once more: the device starts, says why, and syncs once there is a token."""
    answers: list[object] = [OSError("no network"), RuntimeError("no session"), 5, "good"]

    async def token() -> Any:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def server(connection: ServerConnection) -> None:
        session = Session(Role.SERVER)
        async for text in connection:
            if isinstance(session.receive(text), Hello):
                limits = Limits(10_000, 100)
                await connection.send(session.send(Welcome("s", "db", "acme", "A", LEVELS, 0, 0, 30.0, limits)))

    async with serve(server, "127.0.0.1", 0) as listening:
        port = listening.sockets[0].getsockname()[1]
        async with NativeDevice(CONFIG, CURSOR, orchestrator=f"ws://127.0.0.1:{port}/", token=token) as device:
            assert device.sync["error"] == {"code": "token", "message": "the token function: no network"}
            await device.until(lambda _: len(answers) < 3)
            await device.until(is_live)
            assert "error" not in device.sync

    assert answers == []


@pytest.mark.parametrize("url", ["ws://127.0.0.1:9/", "not a url", "ws://127.0.0.1:{http}/"])
async def test_an_address_that_does_not_work(url: str) -> None:
    """An address that refuses, is none, or speaks something else: the state is said, the order still served."""

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(100)
        writer.write(b"HTTP/1.0 200 OK\r\n\r\nhello")
        writer.close()

    http = await asyncio.start_server(silent, "127.0.0.1", 0)
    url = url.replace("{http}", str(http.sockets[0].getsockname()[1]))
    async with NativeDevice(CONFIG, CURSOR, orchestrator=url, token="t") as device:
        await device.until(lambda each: each.sync["state"] == "waiting")

        assert device.sync["error"]["code"] == "closed"
        device.observe("alpha", "latency", 9.0)
        assert device.queue[-1] == "alpha"
        with pytest.raises(TimedOutError, match="pending"):
            await device.until(is_live, timeout_s=0.05)
    http.close()


async def test_a_bad_start_is_raised() -> None:
    """A start that cannot work is raised where it is made."""
    with pytest.raises(ConfigError, match="limit"):
        async with NativeDevice(CONFIG, CURSOR, limit=-1):
            pass


# One holder's word is enough here: the fleet is his.
TRUSTING = {**CONFIG, "learning": {"support": 1}}


def device_of(fleet: Orchestrator, name: str, **more: Any) -> NativeDevice:
    """A device of this fleet, not yet started."""
    return NativeDevice(TRUSTING, CURSOR, orchestrator=fleet.socket_url, token=fleet.token(name), **more)


@pytest.fixture
def fleet(tmp_path: Path) -> Iterator[Orchestrator]:
    """A running server."""
    if not HAS_SERVER:
        pytest.skip("the server is not part of this tree")
    running = Orchestrator(tmp_path, TRUSTING).start()
    yield running
    running.stop()


def leads(option: str) -> Callable[[NativeDevice], bool]:
    """The option is first."""
    return lambda device: device.queue[:1] == [option]


async def test_two_devices_converge(fleet: Orchestrator) -> None:
    """A measurement of one device moves the other's order after the tick, as a workspace value (U7)."""
    async with device_of(fleet, "A") as one, device_of(fleet, "B") as two:
        await one.until(is_live, 30)
        await two.until(is_live, 30)

        one.observe("alpha", "latency", 5.0)
        await two.until(leads("beta"), 30)

        alpha = next(each for each in two.call("explain")["ranked"] if each["option"] == "alpha")
        latency = next(term for term in alpha["terms"] if term["dimension"] == "latency")
        assert latency["value"] == 5
        assert latency["value_source"] == ["workspace", "acme"]


async def test_offline_writes_arrive_and_a_killed_server_loses_nothing(fleet: Orchestrator) -> None:
    """Measured while the server is dead and kept over a restart of the device, it reaches the other one."""
    records: dict[str, str] = {}
    async with device_of(fleet, "A", records=records) as one:
        one.observe("gamma", "latency", 0.01)
        await one.until(is_live, 30)
        fleet.kill()
        await one.until(lambda each: each.sync["state"] != "live")
        one.observe("alpha", "latency", 7.0)
        assert one.sync["pending"] == 1
    fleet.start()

    async with device_of(fleet, "A", records=records) as again, device_of(fleet, "B") as two:
        assert again.queue == ["gamma", "beta", "alpha"]
        await again.until(is_live, 30)
        await two.until(lambda each: each.queue == ["gamma", "beta", "alpha"], 30)
