"""The native driver over real sockets and files; the fleet tests run `sporewright serve` as a process."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jwt
import pytest
from websockets.asyncio.server import ServerConnection, serve

from sporewright.device.native import NativeDevice
from sporewright.device.records import SqliteRecords
from sporewright.errors import ClosedError, ConfigError, StorageError, TimedOutError, WriteUpError
from sporewright.sync import Role, Session
from sporewright.wire import Ack, Hello, Limits, Push, Welcome
from tests.device.fleet import CONFIG, LEVELS

CURSOR = {"workspace": "acme"}
SECRET = "a-secret-of-at-least-32-bytes-for-tests"
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
    """What one run measured is there for the next one, under the same identity."""
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
    assert len(records) == 3
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


class Fleet:
    """`sporewright serve` on SQLite as a process, that can be killed and started again on the same data."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        self.env = {
            **os.environ,
            "SPOREWRIGHT_SECRET": SECRET,
            "SPOREWRIGHT_TICK_S": "0.2",
        }
        (folder / "config.json").write_text(json.dumps(CONFIG))
        self.process: subprocess.Popen[bytes] | None = None

    def words(self, *more: str) -> list[str]:
        """The command line."""
        return [sys.executable, "-m", "sporewright.cli", *more]

    def start(self) -> None:
        """Start the server and wait until it is ready."""
        more = ["serve", "--host", "127.0.0.1", "--port", str(self.port), "--config", str(self.folder / "config.json")]
        more += ["--database", f"sqlite:///{self.folder / 'fleet.db'}"]
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(self.words(*more), env=self.env, cwd=self.folder, stdout=log, stderr=log)
        until = time.monotonic() + 60
        while time.monotonic() < until and self.process.poll() is None:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/readyz", timeout=1):
                    return
            except (urllib.error.URLError, OSError):
                time.sleep(0.1)
        raise RuntimeError("the server did not start:\n" + (self.folder / "log").read_text()[-3000:])

    def end(self, how: signal.Signals) -> None:
        """End the server by this signal."""
        if self.process is not None:
            self.process.send_signal(how)
            self.process.wait(timeout=10)
            self.process = None

    def token(self, device: str) -> str:
        """A token of this server's for the device's slice (contracts §2)."""
        now = int(time.time())
        claims = {
            "sub": device,
            "workspace": "acme",
            "device": device,
            "iat": now,
            "exp": now + 600,
            "aud": "sporewright",
        }
        return jwt.encode(claims, SECRET, "HS256")

    def device(self, name: str, **more: Any) -> NativeDevice:
        """A device of this fleet, not yet started."""
        url = f"ws://127.0.0.1:{self.port}/v1/sync"
        return NativeDevice(CONFIG, CURSOR, orchestrator=url, token=self.token(name), **more)


@pytest.fixture
def fleet(tmp_path: Path) -> Iterator[Fleet]:
    """A running server."""
    if not HAS_SERVER:
        pytest.skip("the server is not part of this tree")
    running = Fleet(tmp_path)
    running.start()
    yield running
    running.end(signal.SIGTERM)


def leads(option: str) -> Callable[[NativeDevice], bool]:
    """The option is first."""
    return lambda device: device.queue[:1] == [option]


async def test_two_devices_converge(fleet: Fleet) -> None:
    """What one device measures moves the other's order after the tick, as a workspace value (U7)."""
    async with fleet.device("A") as one, fleet.device("B") as two:
        await one.until(is_live, 30)
        await two.until(is_live, 30)

        one.observe("alpha", "latency", 5.0)
        await two.until(leads("beta"), 30)

        alpha = next(each for each in two.call("explain")["ranked"] if each["option"] == "alpha")
        latency = next(term for term in alpha["terms"] if term["dimension"] == "latency")
        assert latency["value"] == 5
        assert latency["value_source"] == ["workspace", "acme"]


async def test_offline_writes_arrive_and_a_killed_server_loses_nothing(fleet: Fleet) -> None:
    """Measured while the server is dead and kept over a restart of the device, it reaches the other one."""
    records: dict[str, str] = {}
    async with fleet.device("A", records=records) as one:
        one.observe("gamma", "latency", 0.01)
        await one.until(is_live, 30)
        fleet.end(signal.SIGKILL)
        await one.until(lambda each: each.sync["state"] != "live")
        one.observe("alpha", "latency", 7.0)
        assert one.sync["pending"] == 1
    fleet.start()

    async with fleet.device("A", records=records) as again, fleet.device("B") as two:
        assert again.queue == ["gamma", "beta", "alpha"]
        await again.until(is_live, 30)
        await two.until(lambda each: each.queue == ["gamma", "beta", "alpha"], 30)
