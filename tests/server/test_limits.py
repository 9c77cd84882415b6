"""Limits on one device, or many: a server cannot be made to keep or say too much, to wait for ever, or to trip."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from sporewright.errors import StorageError
from sporewright.server.run import listening
from sporewright.server.settings import Settings, load_settings
from sporewright.wire import Ack, ErrorMessage, Hello, Ping, Pong, Push
from tests.server.conftest import SECRET, Device, Running, cell, reported

Make = Callable[..., Running]


async def test_a_device_keeps_so_many_cells(server: Make) -> None:
    """One cell too many is refused and the others of the push are committed; removing one makes room."""
    async with server(slice_cells=3).serving() as running, running.device("A") as device:
        ack = await device.push(*(cell("A", f"o{number}", "latency", 1.0) for number in range(4)))
        assert (ack.accepted, [(one.index, one.code) for one in ack.refused]) == (3, [(3, "too-large")])
        gone = {"level": "device", "inst": "A", "option": "o0", "dim": "latency"}
        assert (await device.push(gone)).accepted == 1  # type: ignore[arg-type]
        assert (await device.push(cell("A", "o3", "latency", 1.0), cell("A", "o1", "latency", 2.0))).accepted == 2


async def test_long_names_are_refused(server: Make) -> None:
    """Names longer than a database's key are refused by themselves."""
    async with server().serving() as running, running.device("A") as device:
        ack = await device.push(cell("A", "é" * 600, "latency", 1.0), cell("A", "ok", "latency", 1.0))
    assert (ack.accepted, [(one.index, one.code) for one in ack.refused]) == (1, [(0, "too-large")])


async def test_an_ack_of_refusals_alone_fits(server: Make) -> None:
    """As many refusals as a push can hold fit one ack, and it comes back the same."""
    foreign = [cell("B", f'\u0001\\"é{number}' * 2, "latency", 1.0) for number in range(480)]
    async with server(message_cells=512, message_bytes=1 << 16).serving() as running, running.device("A") as device:
        ack = await device.push(*foreign)
        assert [one.index for one in ack.refused] == list(range(480))
        await device.say(Push(1, foreign))
        assert await device.hear(Ack) == ack


async def test_a_client_id_is_short(server: Make) -> None:
    """A client id over its limit is a protocol error, before it reaches a database's key."""
    async with server().serving() as running, connect(running.url) as line:
        device = Device(line)
        await device.say(Hello(token=running.tokens.mint("acme", "A", ttl_s=60), client="c" * 201))
        refused = await device.hear(ErrorMessage)
    assert (refused.code, refused.fatal) == ("protocol", True)


async def test_a_full_house(server: Make) -> None:
    """One session more than the limit is refused, and let in once another has left."""
    async with server(connections=1).serving() as running:
        async with running.device("A"), connect(running.url) as line:
            late = Device(line)
            await late.say(Hello(token=running.tokens.mint("acme", "B", ttl_s=60), client="c"))
            assert (await late.hear(ErrorMessage)).code == "too-large"
        assert await _in_time(lambda: b"sporewright_connections 0.0" in running.app.state.metrics.text())
        async with running.device("B") as welcome:
            assert welcome.welcome.device == "B"


async def test_a_consumer_that_takes_nothing_is_cut_off(server: Make) -> None:
    """A device that reads nothing holds no other up, and is dropped after the send time-out."""
    async with server(send_timeout_s=0.3, tick_s=0.3).serving() as running, running.device("A") as writer:
        for turn in range(20):
            await writer.push(*(cell("A", f"{turn}-{at}" + "x" * 900, "latency", 1.0) for at in range(400)))
        await writer.until(lambda device: len(device.shared) == 16_000)  # each with its support
        with socket.socket() as narrow:
            narrow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            narrow.connect(("127.0.0.1", running.port))
            narrow.setblocking(False)
            async with connect(running.url, sock=narrow, compression=None, max_queue=1, close_timeout=0.1) as line:
                stuck = Device(line)
                await stuck.say(Hello(token=running.tokens.mint("acme", "S", ttl_s=60), client="s"))
                await line.recv()
                assert b"sporewright_connections 2.0" in running.app.state.metrics.text()
                line.transport.pause_reading()
                assert await _in_time(lambda: b"sporewright_connections 1.0" in running.app.state.metrics.text())
                await writer.say(Ping(1))
                assert await writer.hear(Pong) == Pong(1)


async def test_a_small_frame_does_not_wait_for_the_one_before() -> None:
    """Connections of the served socket have TCP_NODELAY: `welcome` and the first snapshot leave at once."""
    accepted: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    async def take(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        taken: socket.socket = writer.get_extra_info("socket")
        accepted.set_result(taken.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
        writer.close()

    listener = listening("127.0.0.1", 0)
    async with await asyncio.start_server(take, sock=listener):
        with socket.create_connection(listener.getsockname()):
            assert await asyncio.wait_for(accepted, 10)


async def _in_time(true: Callable[[], bool]) -> bool:
    for _ in range(500):
        if true():
            return True
        await asyncio.sleep(0.02)
    return False


@pytest.mark.parametrize(("error", "code"), [(StorageError("disk full"), "storage"), (ZeroDivisionError(), "internal")])
async def test_a_failed_commit_is_not_acknowledged(
    server: Make, monkeypatch: pytest.MonkeyPatch, error: Exception, code: str
) -> None:
    """If the store throws, nothing is acknowledged or kept; the push goes through once the store works again."""
    async with server(tick_s=60).serving() as running:
        store = running.app.state.store

        def write() -> None:
            raise error

        async with running.device("A") as device:
            monkeypatch.setattr(store, "write", write)
            await device.say(Push(1, (cell("A", "x", "latency", 1.0),)))
            refused = await device.hear(ErrorMessage)
            assert (refused.code, refused.fatal) == (code, True)
            with pytest.raises(ConnectionClosed):
                await device.socket.recv()
        assert reported(store) == {}
        monkeypatch.undo()
        async with running.device("A") as device:
            assert device.welcome.seq == 0
            assert (await device.push(cell("A", "x", "latency", 1.0))).accepted == 1


async def test_many_pushes_are_one_commit(server: Make) -> None:
    """Pushes that wait together are committed together: fewer revisions than pushes, and every push acknowledged."""
    async with server(tick_s=60).serving() as running, asyncio.TaskGroup() as tasks:
        stack = [running.device(f"D{number}") for number in range(20)]
        devices = [await one.__aenter__() for one in stack]
        before = running.app.state.store.revision
        acks = [
            tasks.create_task(device.push(cell(f"D{at}", "x", "latency", 1.0))) for at, device in enumerate(devices)
        ]
        assert [(await ack).accepted for ack in acks] == [1] * 20
        assert running.app.state.store.revision - before < 20
        for one in stack:
            await one.__aexit__(None, None, None)


def test_settings_come_from_flags_then_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """A flag wins over SPOREWRIGHT_*, which wins over the default; a secret never shows."""
    monkeypatch.setenv("SPOREWRIGHT_PORT", "1234")
    monkeypatch.setenv("SPOREWRIGHT_LEASE_S", "5")
    monkeypatch.setenv("SPOREWRIGHT_SECRET", SECRET)
    settings = load_settings(port=4321, database=None)
    assert (settings.port, settings.lease_s, settings.tick_s) == (4321, 5.0, 2.0)
    assert SECRET not in repr(settings)
    assert isinstance(settings, Settings)
