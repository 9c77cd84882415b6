"""SIGKILL while twenty devices write: nothing acknowledged is lost, nothing is doubled."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

from websockets.exceptions import ConnectionClosed

from sporewright.server.cells import Layers
from sporewright.server.settings import Settings
from sporewright.server.store import open_store
from sporewright.server.store.contract import ClientKey
from sporewright.wire import Ack, CellEntry, Push
from tests.server.conftest import SECRET, MovableClock, Running, cell, reported
from tests.serving import Orchestrator

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


async def _write_until_killed(server: Orchestrator, running: Running, writers: list[_Writer], pushes: int) -> None:
    await asyncio.to_thread(server.start)
    tasks = [asyncio.create_task(writer.write(running)) for writer in writers]
    enough = sum(len(writer.acks) for writer in writers) + pushes
    while sum(len(writer.acks) for writer in writers) < enough:
        for task in tasks:
            assert not task.done(), task.result()
        await asyncio.sleep(0.01)
    server.kill()
    ends = await asyncio.gather(*tasks, return_exceptions=True)
    assert [end for end in ends if not isinstance(end, ConnectionClosed)] == []


async def test_nothing_acknowledged_is_lost_nothing_is_doubled(tmp_path: Path) -> None:
    """Killed twice amid writes, restarted on the same file: each push is there once, and its ack stays."""
    server = Orchestrator(tmp_path)
    settings = Settings(database=server.database, secret=SECRET)
    clock = MovableClock()
    clock.time = time.time()
    running = Running(settings, clock)
    running.port = server.port
    writers = [_Writer(name) for name in DEVICES]
    for pushes in (150, 333):
        await _write_until_killed(server, running, writers, pushes)
    await asyncio.to_thread(server.start)
    for writer in writers:
        await writer.say_last_again(running)
    server.kill()
    store = open_store(settings.database)
    reports, clients = reported(store)["acme"], store.clients()
    store.close()
    assert reports == {
        ("device", writer.name, entry["option"], "latency"): Layers(entry["v"])
        for writer in writers
        for entry in writer.sent
    }
    for writer in writers:
        assert clients[ClientKey("acme", writer.name, f"client-{writer.name}")].seq == len(writer.sent)
