"""Faults around a server: its database, its clock, one bad push among good ones, a frame that is no text."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.sync import client

from sporewright.errors import ConfigError, StorageError, TokenError
from sporewright.server.auth import Tokens
from sporewright.server.clock import SystemClock
from sporewright.server.store import open_store
from sporewright.wire import Ack, ErrorMessage, Hello, Ping, Pong, Push, Welcome
from tests.server.conftest import Device, Running, cell, reported
from tests.serving import SECRET, Orchestrator

Make = Callable[..., Running]


def _refusing(database: Path, table: str, when: str, event: str = "INSERT") -> None:
    """Have the database itself refuse a row."""
    with sqlite3.connect(database) as connection:
        connection.execute(
            f"CREATE TRIGGER refuse_{table} BEFORE {event} ON {table} WHEN {when} BEGIN SELECT RAISE(ABORT, 'no'); END"
        )
    connection.close()


async def _ready(running: Running) -> httpx.Response:
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{running.port}", trust_env=False) as client:
        return await client.get("/readyz")


def _deleted(file: Path) -> None:
    file.unlink()


def _replaced(file: Path) -> None:
    another = file.with_name("another.db")
    open_store(f"sqlite:///{another}").close()
    another.replace(file)


def _refusing_to_write(file: Path) -> None:
    _refusing(file, "meta", "1", "UPDATE")


@pytest.mark.parametrize("spoil", [_deleted, _replaced, _refusing_to_write])
async def test_ready_only_while_it_can_write(server: Make, tmp_path: Path, spoil: Callable[[Path], None]) -> None:
    """A database that is gone, another or refuses: not ready, and nothing is acknowledged that would be lost."""
    async with server(tick_s=60).serving() as running, running.device("A") as device:
        assert (await device.push(cell("A", "x", "latency", 1.0))).accepted == 1
        assert (await _ready(running)).status_code == 200
        spoil(tmp_path / "fleet.db")
        answer = await _ready(running)
        assert (answer.status_code, answer.json()["error"]["code"]) == (503, "storage")
        assert "fleet" not in answer.text
        await device.say(Push(2, (cell("A", "x", "latency", 2.0),)))
        refused = await device.hear(ErrorMessage)
        assert (refused.code, refused.fatal) == ("storage", True)


async def test_a_device_is_not_told_of_the_database(server: Make, tmp_path: Path) -> None:
    """A storage error crosses as its code; where the database is stays in the log."""
    async with server(tick_s=60).serving() as running, running.device("A") as device:
        _refusing(tmp_path / "fleet.db", "reports", "NEW.option = 'bad'")
        await device.say(Push(1, (cell("A", "bad", "latency", 1.0),)))
        refused = await device.hear(ErrorMessage)
    assert refused.code == "storage"
    assert not any(word in refused.message for word in ("fleet", "sqlite", str(tmp_path)))


async def test_one_bad_push_fails_alone(server: Make, tmp_path: Path) -> None:
    """Pushes that wait for one commit: one that the database refuses is refused, the others are acknowledged, kept."""
    async with server(tick_s=60).serving() as running:
        devices = [running.device(f"D{at}") for at in range(6)]
        joined = [await one.__aenter__() for one in devices]
        _refusing(tmp_path / "fleet.db", "reports", "NEW.option = 'bad'")
        async with running.app.state.hub._writing:
            for at, device in enumerate(joined):
                await device.say(Push(1, (cell(f"D{at}", "bad" if at == 3 else "good", "latency", float(at)),)))
            await asyncio.sleep(0.2)
        for at, device in enumerate(joined):
            if at == 3:
                assert (await device.hear(ErrorMessage)).code == "storage"
            else:
                assert (await device.hear(Ack)).accepted == 1
        said = {at[1] for at in reported(running.app.state.store)["acme"]}
        for one in devices:
            await one.__aexit__(None, None, None)
    assert said == {"D0", "D1", "D2", "D4", "D5"}


def test_one_file_has_one_server_by_whatever_name(tmp_path: Path) -> None:
    """A symbolic link to the file, or to its folder, is no second database."""
    (tmp_path / "real").mkdir()
    store = open_store(f"sqlite:///{tmp_path}/real/fleet.db")
    (tmp_path / "link.db").symlink_to(tmp_path / "real" / "fleet.db")
    (tmp_path / "folder").symlink_to(tmp_path / "real")
    for name in ("link.db", "folder/fleet.db"):
        with pytest.raises(StorageError, match="another server"):
            open_store(f"sqlite:///{tmp_path}/{name}")
    store.close()
    open_store(f"sqlite:///{tmp_path}/link.db").close()


@pytest.mark.parametrize("jump", [10 * 86400.0, -10 * 86400.0])
async def test_a_clock_that_is_set_ends_no_lease(server: Make, jump: float) -> None:
    """The wall clock jumps by more than the lease: what devices said stays; when the time has passed it goes."""
    async with server(lease_s=100).serving() as running:
        async with running.device("A") as a:
            await a.push(cell("A", "groq", "latency", 1.0))
            await a.until(lambda d: d.value("workspace", "acme", "groq", "latency") == 1.0)
        running.clock.set_by += jump
        async with running.device("B") as b:
            await b.push(cell("B", "groq", "latency", 3.0))
            await b.until(lambda d: d.value("workspace", "acme", "groq", "latency") == 2.0)
            running.clock.time += 101
            await b.say(Ping(1))
            await b.hear(Pong)
            await b.until(lambda d: d.value("workspace", "acme", "groq", "latency") == 3.0)


async def test_a_clock_that_was_set_back_before_a_restart(server: Make) -> None:
    """A report that the store dates in the future is as of now: it counts, and its lease ends like any other."""
    first = server(lease_s=100)
    async with first.serving(), first.device("A") as a:
        await a.push(cell("A", "groq", "latency", 1.0))
    first.clock.set_by -= 86400.0
    async with server(lease_s=100).serving() as again, again.device("B") as b:
        await b.until(lambda d: d.value("workspace", "acme", "groq", "latency") == 1.0)
        again.clock.time += 101
        await b.until(lambda d: d.value("workspace", "acme", "groq", "latency") is None)


@pytest.mark.parametrize("names", [("w" * 256, "A", "h"), ("acme", "é" * 128, "h"), ("acme", "A", "h" * 6000)])
def test_names_in_tokens_are_bounded(server: Make, names: tuple[str, str, str]) -> None:
    """A workspace, device or holder of more than 255 bytes is no token of ours, minted or shown."""
    tokens = server().tokens
    workspace, device, holder = names
    with pytest.raises(ConfigError, match="255 bytes"):
        tokens.mint(workspace, device, holder=holder, ttl_s=60)
    assert tokens.verify(tokens.mint("w" * 255, "d" * 255, holder="h" * 255, ttl_s=60)).device == "d" * 255


@pytest.mark.parametrize("name", ["d" * 6000, "\ud800"])
def test_a_long_name_in_a_signed_token_is_refused(server: Make, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Signed elsewhere with the right key, or before the bound: a token error that does not repeat the name."""
    tokens = server().tokens
    monkeypatch.setattr("sporewright.server.auth._is_short", lambda _: True)
    token = tokens.mint("acme", name, holder="h", ttl_s=60)
    monkeypatch.undo()
    with pytest.raises(TokenError) as refused:
        tokens.verify(token)
    assert len(str(refused.value)) < 200


async def test_a_text_frame_that_is_no_text(server: Make, caplog: pytest.LogCaptureFixture) -> None:
    """Before and after `welcome` it is answered by the code `decode` and a close, without a traceback."""
    async with server().serving() as running:
        for greets in (False, True):
            async with connect(running.url) as line:
                device = Device(line)
                if greets:
                    await device.say(Hello(running.tokens.mint("acme", "A", ttl_s=60), "c"))
                    await device.hear(Welcome)
                async with line.send_context():
                    line.protocol.send_text(b'{"t": "\xff"}')
                assert (await device.hear(ErrorMessage)).code == "decode"
    assert not [record for record in caplog.records if record.exc_info]


def _another_over_it(file: Path) -> None:
    """As `cp` does it: another database's bytes in the same file."""
    another = file.with_name("another.db")
    open_store(f"sqlite:///{another}").close()
    file.write_bytes(another.read_bytes())


def _zeroed(file: Path) -> None:
    with file.open("r+b") as opened:
        opened.write(bytes(file.stat().st_size))


def _emptied(file: Path) -> None:
    file.write_bytes(b"")


def _without_log(file: Path) -> None:
    file.with_name(f"{file.name}-wal").unlink()


@pytest.mark.parametrize("spoil", [_another_over_it, _zeroed, _emptied, _without_log, _deleted])
def test_a_running_server_notices_what_happens_to_its_file(tmp_path: Path, spoil: Callable[[Path], None]) -> None:
    """A process under writes whose file is overwritten, emptied or gone: not ready, and no push is acknowledged."""
    server = Orchestrator(tmp_path).start()
    try:
        with _pushing(server) as push:
            assert push(1)["t"] == "ack"
            spoil(tmp_path / "fleet.db")
            with pytest.raises(urllib.error.HTTPError, match="503"):
                urllib.request.urlopen(f"{server.origin}/readyz", timeout=10)
            assert push(2)["code"] == "storage"
            assert "Traceback" not in (tmp_path / "server.log").read_text()
    finally:
        server.stop()


def test_a_full_disk(tmp_path: Path) -> None:
    """No file may grow: not ready, nothing is acknowledged; with room again the same push is, without a restart."""
    resource = pytest.importorskip("resource", reason="limits of processes are Unix's")
    server = Orchestrator(tmp_path).start()
    try:
        assert server.process is not None
        with _pushing(server) as push:
            assert push(1)["t"] == "ack"
            limits = resource.getrlimit(resource.RLIMIT_FSIZE)
            resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (4096, limits[1]))
            assert push(2, cells=2000)["code"] == "storage"
            with pytest.raises(urllib.error.HTTPError, match="503"):
                urllib.request.urlopen(f"{server.origin}/readyz", timeout=10)
            resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, limits)
        server.await_ready()
        with _pushing(server) as push:
            assert push(2, cells=2000)["accepted"] == 2000
    finally:
        server.stop()


@contextmanager
def _pushing(server: Orchestrator) -> Iterator[Callable[..., dict[str, Any]]]:
    """A device that has greeted; a function that pushes under a number and gives the answer."""
    token = Tokens(SECRET, SystemClock()).mint("acme", "A", holder="a", ttl_s=600)
    with client.connect(server.socket_url) as line:
        line.send(json.dumps({"t": "hello", "v": 1, "token": token, "client": "c", "resume": None}))

        def push(seq: int, cells: int = 1) -> dict[str, Any]:
            said = [cell("A", f"o{number}", "latency", float(seq)) for number in range(cells)]
            line.send(json.dumps({"t": "push", "seq": seq, "cells": said}))
            while (answer := json.loads(line.recv(20)))["t"] not in ("ack", "error"):
                pass
            return dict(answer)

        yield push
