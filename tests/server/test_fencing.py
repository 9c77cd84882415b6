"""Fencing: a server that has lost its claim on the database writes nothing any more, whatever became of the lock."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from sporewright.errors import StorageError
from sporewright.server.auth import Tokens
from sporewright.server.cells import Layers
from sporewright.server.clock import SystemClock
from sporewright.server.store import open_store
from sporewright.server.store.claim import ADVISORY_KEY
from sporewright.server.store.contract import LostClaimError, Store
from sporewright.wire import Ack, Hello, Push, Welcome
from tests.server.conftest import Device, cell, reported
from tests.serving import SECRET, Orchestrator

A = ("device", "A", "groq", "latency")


class Database:
    """A database, and a way to take a server's lock away without the server noticing."""

    def __init__(self, address: str, unlock: Callable[[], None]) -> None:
        self.address, self.unlock = address, unlock


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """One of each kind, empty."""
    if request.param == "sqlite":
        lock = tmp_path / "fleet.db.lock"
        yield Database(f"sqlite:///{tmp_path / 'fleet.db'}", lock.unlink)
        return
    address: str = request.getfixturevalue("postgresql")
    execute(address, "DROP SCHEMA public CASCADE; CREATE SCHEMA public")
    ours = f"locktype = 'advisory' AND objid = {ADVISORY_KEY & 0xFFFFFFFF}"
    holders = f"SELECT pg_terminate_backend(pid) FROM pg_locks WHERE {ours}"
    yield Database(address, lambda: execute(address, holders))


def execute(address: str, statement: str) -> None:
    """Run a statement of PostgreSQL."""
    import psycopg

    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute(statement)  # type: ignore[arg-type]


def _say(store: Store, value: float) -> None:
    with store.write() as transaction:
        transaction.report("acme", {A: Layers(value)})


def test_who_has_lost_the_claim_writes_nothing(database: Database) -> None:
    """The lock is gone and another server begins: the first one's next write fails as a whole, and so does all else."""
    first = open_store(database.address)
    _say(first, 1.0)
    database.unlock()
    second = open_store(database.address)
    with pytest.raises(LostClaimError, match="another server has taken it over"):
        _say(first, 2.0)
    for check in (first.ping, first.keep):
        with pytest.raises(LostClaimError):
            check()
    _say(second, 3.0)
    second.keep()
    second.ping()
    assert (second.revision, reported(second)) == (2, {"acme": {A: Layers(3.0)}})
    first.close()
    second.close()


def test_a_write_under_way_is_before_or_after_the_claim(database: Database) -> None:
    """A server that takes over waits for the write that has begun, and sees it; none comes after."""
    first = open_store(database.address)
    opened: list[Store] = []
    with first.write() as transaction:
        transaction.report("acme", {A: Layers(1.0)})
        database.unlock()
        taking = threading.Thread(target=lambda: opened.append(open_store(database.address)))
        taking.start()
        time.sleep(0.5)
        assert opened == []
    taking.join(20)
    (second,) = opened
    assert (second.revision, reported(second)) == (1, {"acme": {A: Layers(1.0)}})
    with pytest.raises(LostClaimError):
        _say(first, 2.0)
    first.close()
    second.close()


def test_a_lock_that_nobody_took_is_taken_again(postgresql: str) -> None:
    """PostgreSQL has dropped all connections: the server goes on, and a second one is refused as before."""
    store = open_store(postgresql)
    _say(store, 1.0)
    before = store.revision
    others = "pid <> pg_backend_pid() AND datname IS NOT NULL"
    execute(postgresql, f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {others}")
    store.keep()
    with pytest.raises(StorageError, match="another server has it open"):
        open_store(postgresql)
    _say(store, 2.0)
    assert store.revision == before + 1
    store.close()


def test_a_database_that_went_back_is_not_written_to(tmp_path: Path) -> None:
    """A backup was put in its place: what devices were shown since has no revision any more."""
    store = open_store(f"sqlite:///{tmp_path / 'x.db'}")
    for value in (1.0, 2.0, 3.0):
        _say(store, value)
    with closing(sqlite3.connect(tmp_path / "x.db")) as connection:
        connection.execute("UPDATE meta SET revision = 1")
        connection.commit()
    with pytest.raises(StorageError, match="went back"):
        _say(store, 4.0)
    store.close()


def test_a_file_of_two_names_is_refused(tmp_path: Path) -> None:
    """By a hard link SQLite would keep a second log, which the first server does not see."""
    open_store(f"sqlite:///{tmp_path / 'x.db'}").close()
    (tmp_path / "y.db").hardlink_to(tmp_path / "x.db")
    with pytest.raises(StorageError, match="hard links"):
        open_store(f"sqlite:///{tmp_path / 'y.db'}")


class _Served(Orchestrator):
    """A server on a database that is given."""

    address = ""

    @property
    def database(self) -> str:
        """The address of the database."""
        return self.address


async def _write_on(server: Orchestrator, device: str, acks: list[Ack]) -> None:
    token = Tokens(SECRET, SystemClock()).mint("acme", device, holder=device, ttl_s=600)
    async with connect(server.socket_url) as line:
        writer = Device(line)
        await writer.say(Hello(token, "c"))
        await writer.hear(Welcome)
        while True:
            seq = writer.session.pushed + 1
            await writer.say(Push(seq, (cell(device, f"o{seq}", "latency", float(seq)),)))
            acks.append(await writer.hear(Ack))
            await asyncio.sleep(0.05)


async def test_two_servers_never_write_side_by_side(database: Database, tmp_path: Path) -> None:
    """The lock vanishes under writes and a second one begins: the first ends by itself, and every ack holds."""

    def served(name: str) -> Orchestrator:
        (tmp_path / name).mkdir()
        # Between two ticks of a minute a server does not see to its lock, so it is the writes that notice.
        server = _Served(tmp_path / name, env={"SPOREWRIGHT_TICK_S": "60"})
        server.address = database.address
        return server

    first, second = served("first"), served("second")
    said: dict[str, list[Ack]] = {f"D{number}": [] for number in range(6)}
    await asyncio.to_thread(first.start)
    writing = [asyncio.create_task(_write_on(first, name, acks)) for name, acks in said.items()]
    try:
        while min(map(len, said.values())) < 5:
            await asyncio.sleep(0.05)
        database.unlock()
        await asyncio.to_thread(second.start)
        ends: list[Any] = await asyncio.wait_for(asyncio.gather(*writing, return_exceptions=True), 20)
        assert all(isinstance(end, ConnectionClosed | AssertionError) for end in ends), ends
        assert first.process is not None
        assert await asyncio.to_thread(first.process.wait, 20) == 2
        more: dict[str, list[Ack]] = {f"E{number}": [] for number in range(3)}
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio.gather(*(_write_on(second, *each) for each in more.items())), 2)
    finally:
        first.stop()
        second.stop()
    log = (tmp_path / "first" / "server.log").read_text()
    assert "sporewright: storage: another server has taken the database over" in log
    assert "Traceback" not in log
    store = open_store(database.address)
    kept = reported(store)["acme"]
    store.close()
    for name, acks in (said | more).items():
        assert acks
        for ack in acks:
            assert kept["device", name, f"o{ack.seq}", "latency"] == Layers(float(ack.seq))
