"""Bounds on what a server keeps for a device, a holder and a workspace, in memory and in its database."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from pathlib import Path

from websockets.asyncio.client import connect

from sporewright.server.push_validation import ACKS_BYTES, KEPT_ACKS, ack_from, acks_with
from sporewright.wire import Ack, ErrorMessage, Hello, Push, Refusal
from tests.server.conftest import Device, Running, cell, reported, seed

Make = Callable[..., Running]


def _rows(folder: Path, query: str) -> list[tuple[object, ...]]:
    with sqlite3.connect(folder / "fleet.db") as connection:
        found = connection.execute(query).fetchall()
    connection.close()
    return found


async def test_a_device_has_so_many_clients(server: Make, tmp_path: Path) -> None:
    """Client ids without end: the newest stay, after a restart, too; one that was forgotten goes on."""
    async with server(tick_s=60, device_clients=4).serving() as running:
        for number in range(20):
            running.clock.time += 1
            async with running.device("A", client=f"c{number}") as device:
                await device.push(cell("A", f"o{number}", "latency", 1.0))
        async with running.device("B") as other:
            await other.push(cell("B", "x", "latency", 1.0))
        clients = "SELECT client FROM clients WHERE device = 'A' ORDER BY seen"
        assert [name for (name,) in _rows(tmp_path, clients)] == ["c16", "c17", "c18", "c19"]
    async with server(tick_s=60, device_clients=4).serving() as again:
        async with again.device("A", client="c19") as known, again.device("A", client="c0") as forgotten:
            assert (known.welcome.seq, forgotten.welcome.seq) == (1, 0)
            assert (await forgotten.push(cell("A", "o0", "latency", 2.0))).accepted == 1
            assert (await known.push(cell("A", "o19", "latency", 2.0))).seq == 2
        assert len(reported(again.app.state.store)["acme"]) == 21


async def test_a_connected_client_is_not_forgotten(server: Make, tmp_path: Path) -> None:
    """However long ago it wrote: its next push would leave a gap."""
    async with server(tick_s=60, device_clients=3).serving() as running:
        async with running.device("A", client="first") as first:
            await first.push(cell("A", "x", "latency", 1.0))
            for number in range(6):
                running.clock.time += 1
                async with running.device("A", client=f"c{number}") as device:
                    await device.push(cell("A", "x", "latency", 1.0))
            assert (await first.push(cell("A", "x", "latency", 2.0))).accepted == 1
        assert len(_rows(tmp_path, "SELECT client FROM clients")) == 3


async def test_sessions_of_a_device_and_of_a_holder(server: Make) -> None:
    """One more than the limit is refused with a code; a client that comes again takes its own place."""
    async with server(device_clients=2, holder_connections=3).serving() as running:

        async def refused(device: str, client: str, holder: str) -> str:
            async with connect(running.url) as line:
                late = Device(line)
                await late.say(Hello(running.tokens.mint("acme", device, holder=holder, ttl_s=60), client))
                message: ErrorMessage = await late.hear(ErrorMessage)
                return f"{message.code}: {message.message}"

        async with (
            running.device("A", holder="h", client="1"),
            running.device("A", holder="h", client="2"),
            running.device("B", holder="h"),
        ):
            assert await refused("A", "3", "h") == "too-large: connections: a device has 2 at a time"
            assert await refused("C", "1", "h") == "too-large: connections: a holder has 3 at a time"
            async with running.device("C"), running.device("D", workspace="other", holder="h"):
                pass


async def test_refused_cells_take_little_room(server: Make, tmp_path: Path) -> None:
    """Megabytes of refused cells, under several client ids: what is kept of them is small, and says the same again."""
    foreign = [cell("B", f"{number}" + "x" * 180, "latency", 1.0) for number in range(4000)]
    async with server(tick_s=60, send_timeout_s=60).serving() as running:
        for client in ("1", "2"):
            async with running.device("A", client=client) as device:
                acks = [await device.push(*foreign) for _ in range(3)]
                await device.say(Push(3, tuple(foreign)))
                assert await device.hear(Ack) == acks[-1]
                assert [one.index for one in acks[-1].refused] == list(range(4000))
                assert {one.code for one in acks[-1].refused} == {"write-up"}
                assert acks[-1].refused[0].message
    sizes = [size for (size,) in _rows(tmp_path, "SELECT length(acks) FROM clients")]
    assert len(sizes) == 2
    assert max(sizes) <= ACKS_BYTES  # type: ignore[type-var, operator]


def test_kept_acks_are_bounded_and_of_either_form() -> None:
    """Alternating refusals are the worst case; those of the form before are read, too."""
    acks = "[]"
    for seq in range(1, 30):
        refused = tuple(Refusal(index, "too-large", "") for index in range(0, 4096, 2))
        acks = acks_with(acks, Ack(seq, 2048, refused))
        assert len(acks) <= ACKS_BYTES
        assert ack_from(acks, seq).refused == refused
    for seq in range(30, 60):
        acks = acks_with(acks, Ack(seq, 1))
    assert len(json.loads(acks)) == KEPT_ACKS
    before = json.dumps([{"seq": 1, "accepted": 0, "refused": [{"index": 3, "code": "c", "message": "m"}]}])
    kept = acks_with(before, Ack(2, 1))
    assert ack_from(kept, 1) == Ack(1, 0, (Refusal(3, "c", "m"),))


async def test_a_workspace_has_so_many_options_pairs_and_cells(server: Make) -> None:
    """Beyond each bound a cell is refused by itself; what is known or declared goes on, and other workspaces do."""
    declared = {"levels": ["global", "workspace", "device"], "seeds": [seed("global", "", "own", "price", "value", 1)]}
    running = server(declared, workspace_options=3, workspace_pairs=6, workspace_cells=8)
    async with running.serving(), running.device("A") as a, running.device("B") as b:
        ack = await a.push(*(cell("A", f"o{number}", "latency", 1.0) for number in range(5)))
        assert [(one.index, one.code) for one in ack.refused] == [(3, "too-large"), (4, "too-large")]
        assert "3 options" in ack.refused[0].message
        ack = await b.push(cell("B", "o9", "latency", 1.0), cell("B", "o1", "latency", 1.0), cell("B", "own", "x", 1.0))
        assert [one.index for one in ack.refused] == [0]
        ack = await b.push(*(cell("B", "o1", f"d{number}", 1.0) for number in range(4)))
        assert [one.index for one in ack.refused] == [2, 3]
        assert "6 pairs" in ack.refused[0].message
        ack = await b.push(cell("B", "o0", "latency", 1.0), cell("B", "o2", "latency", 1.0))
        assert [one.message.rpartition(" most ")[2] for one in ack.refused] == ["8 cells here"]
        async with running.device("A", workspace="other") as other:
            assert (await other.push(cell("A", "o9", "latency", 1.0))).accepted == 1
        gone = [{"level": "device", "inst": "A", "option": f"o{number}", "dim": "latency"} for number in range(3)]
        assert (await a.push(*gone)).accepted == 3  # type: ignore[arg-type]
        assert (await a.push(cell("A", "o7", "latency", 1.0))).accepted == 1
        await b.until(lambda device: device.value("workspace", "acme", "o7", "latency") == 1.0)
    async with server(workspace_options=3).serving() as again, again.device("A") as device:
        ack = await device.push(*(cell("A", f"n{number}", "latency", 1.0) for number in range(3)))
        assert len(ack.refused) == 3, "what was said before the restart counts"
