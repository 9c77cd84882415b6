"""SIGKILL while twenty devices write: nothing acknowledged is lost, nothing is doubled."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from websockets.exceptions import ConnectionClosed

from sporewright.server.cells import Layers
from sporewright.server.settings import Settings
from sporewright.server.store import open_store
from sporewright.server.store.contract import ClientKey
from sporewright.wire import Ack, CellEntry, Push
from tests.server.conftest import SECRET, MovableClock, Running, cell

DEVICES = [f"device-{number}" for number in range(20)]


class _Writer:
    """A device that writes one cell a push, and remembers what it was promised."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.sent: list[CellEntry] = []
        self.acks: dict[int, Ack] = {}

    async def write(self, running: Running) -> None:
        """Push on until the line is cut; first what was not acknowledged, under the same `seq`."""
        async with running.device(self.name) as device:
            assert device.welcome.seq in (len(self.acks), len(self.sent)), "an acknowledged push was lost"
            while True:
                if len(self.sent) == len(self.acks):
                    value = float(len(self.sent))
                    self.sent.append(cell(self.name, f"option-{len(self.sent)}", "latency", value))
                seq = len(self.sent)
                device.session.pushed = max(device.session.pushed, seq - 1)
                await device.say(Push(seq, (self.sent[-1],)))
                self.acks[seq] = await device.hear(Ack)

    async def say_last_again(self, running: Running) -> None:
        """The last push once more gets the ack it had, or would have had."""
        async with running.device(self.name) as device:
            await device.say(Push(len(self.sent), (self.sent[-1],)))
            again = await device.hear(Ack)
        assert again == self.acks.setdefault(len(self.sent), again) == Ack(len(self.sent), 1)


@contextmanager
def _process(running: Running) -> Iterator[subprocess.Popen[bytes]]:
    """The server as a process of its own, ready."""
    command = [sys.executable, "-m", "sporewright.cli", "serve", "--port", str(running.port)]
    environment = os.environ | {"SPOREWRIGHT_SECRET": SECRET, "SPOREWRIGHT_DATABASE": running.settings.database}
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


async def _ready(running: Running, process: subprocess.Popen[bytes]) -> None:
    for _ in range(300):
        assert process.poll() is None, "the server ended"
        try:
            await asyncio.to_thread(urllib.request.urlopen, f"http://127.0.0.1:{running.port}/readyz", None, 5)
        except OSError:
            await asyncio.sleep(0.05)
        else:
            return
    raise AssertionError("the server never got ready")


async def _write_until_killed(running: Running, writers: list[_Writer], pushes: int) -> None:
    with _process(running) as process:
        await _ready(running, process)
        tasks = [asyncio.create_task(writer.write(running)) for writer in writers]
        enough = sum(len(writer.acks) for writer in writers) + pushes
        while sum(len(writer.acks) for writer in writers) < enough:
            for task in tasks:
                assert not task.done(), task.result()
            await asyncio.sleep(0.01)
        process.send_signal(signal.SIGKILL)
        ends = await asyncio.gather(*tasks, return_exceptions=True)
    assert [end for end in ends if not isinstance(end, ConnectionClosed)] == []


async def test_nothing_acknowledged_is_lost_nothing_is_doubled(tmp_path: Path) -> None:
    """Killed twice amid writes, restarted on the same file: each push is there once, and its ack stays."""
    settings = Settings(database=f"sqlite:///{tmp_path / 'fleet.db'}", secret=SECRET)
    clock = MovableClock()
    clock.time = time.time()
    running = Running(settings, clock)
    writers = [_Writer(name) for name in DEVICES]
    for pushes in (150, 333):
        await _write_until_killed(running, writers, pushes)
    with _process(running) as process:
        await _ready(running, process)
        for writer in writers:
            await writer.say_last_again(running)
    store = open_store(settings.database)
    reports, clients = store.reports()["acme"], store.clients()
    store.close()
    assert reports == {
        ("device", writer.name, entry["option"], "latency"): Layers(entry["v"])
        for writer in writers
        for entry in writer.sent
    }
    for writer in writers:
        assert clients[ClientKey("acme", writer.name, f"client-{writer.name}")].seq == len(writer.sent)
