"""One contract, every store: what is committed stays, what throws leaves nothing, revisions count transactions."""

from __future__ import annotations

import math
import sqlite3
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sporewright.errors import ConfigError, StorageError
from sporewright.server.cells import Layers
from sporewright.server.store import open_store
from sporewright.server.store.contract import Client, ClientKey, Published, Store
from tests.server.conftest import reported

A = ("device", "A", "groq", "latency")
NUL = ("device", "A", "a\\0b\0\\c😀", "note")
GONE = Layers()


Opener = Callable[[], Store]


@pytest.fixture(params=["memory", "sqlite", "postgresql"])
def opener(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Opener]:
    """A way to open one store, again and again, empty at first."""
    opened: list[Store] = []
    if request.param == "memory":
        store = open_store("memory://")
        yield lambda: store
        store.close()
        return
    address = f"sqlite:///{tmp_path}/a%20b.db"
    if request.param == "postgresql":
        psycopg = pytest.importorskip("psycopg", reason="the PostgreSQL driver psycopg is not installed")

        address = request.getfixturevalue("postgresql")
        with psycopg.connect(address, autocommit=True) as connection:
            connection.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")

    def again() -> Store:
        for earlier in opened:
            earlier.close()  # one server to a database
        opened.append(open_store(address))
        return opened[-1]

    yield again
    for store in opened:
        store.close()


def test_a_new_store_is_empty(opener: Opener) -> None:
    """Revision 0, an identity, and no rows."""
    store = opener()
    store.ping()
    assert (store.revision, reported(store), store.clients(), store.publications()) == (0, {}, {}, {})
    assert len(store.epoch) == 32


@pytest.mark.parametrize(
    "layers",
    [
        Layers(0.1, -0.0),
        Layers(math.inf, -math.inf),
        Layers(5e-324, 1.7976931348623157e308),
        Layers(b"\0\xff"),
        Layers(None, 1.0),
    ],
)
@pytest.mark.parametrize("at", [A, NUL, ("", "", "", "")])
def test_cells_come_back_bit_for_bit(opener: Opener, layers: Layers, at: tuple[str, str, str, str]) -> None:
    """Every double, document and name survives the database."""
    with opener().write() as transaction:
        transaction.report("acme\0", {at: layers})
    assert repr(reported(opener())) == repr({"acme\0": {at: layers}})


def test_nan_survives(opener: Opener) -> None:
    """A gate of NaN is still a gate after a restart (R2)."""
    with opener().write() as transaction:
        transaction.report("acme", {A: Layers(math.nan, math.nan)})
    value, weight = reported(opener())["acme"][A]
    assert isinstance(value, float)
    assert weight is not None
    assert math.isnan(value)
    assert math.isnan(weight)


def test_a_cell_is_stated_whole(opener: Opener) -> None:
    """A later report replaces both layers, and an empty one removes the cell (W4)."""
    with opener().write() as transaction:
        transaction.report("acme", {A: Layers(1.0, 2.0), NUL: Layers(1.0)})
        transaction.report("acme", {A: Layers(3.0)})
    with opener().write() as transaction:
        transaction.report("acme", {NUL: GONE})
        transaction.report("other", {NUL: GONE})
    assert reported(opener()) == {"acme": {A: Layers(3.0)}}


def test_workspaces_are_apart(opener: Opener) -> None:
    """The same coordinate in two workspaces is two cells."""
    with opener().write() as transaction:
        transaction.report("acme", {A: Layers(1.0)})
        transaction.report("umbrella", {A: Layers(2.0)})
        transaction.report("umbrella", {A: GONE})
    assert reported(opener()) == {"acme": {A: Layers(1.0)}}


def test_each_transaction_is_one_revision(opener: Opener) -> None:
    """The revision grows by one per writing transaction and survives reopening, as does the epoch."""
    store = opener()
    for expected in (1, 2, 3):
        with store.write() as transaction:
            assert transaction.revision == expected
        assert store.revision == expected
    again = opener()
    assert (again.revision, again.epoch) == (3, store.epoch)


def _write_and_throw(store: Store) -> None:
    with store.write() as transaction:
        transaction.report("acme", {A: GONE, NUL: Layers(2.0)})
        transaction.acknowledge({ClientKey("acme", "A", "c"): Client(1, "[]", 0.0, "ann")})
        transaction.publish("acme", {A: Layers(1.0)})
        raise ZeroDivisionError


def test_a_throwing_transaction_leaves_nothing(opener: Opener) -> None:
    """All of it or none: rows, acks, publications and the revision are as before."""
    store = opener()
    with store.write() as transaction:
        transaction.report("acme", {A: Layers(1.0)})
    with pytest.raises(ZeroDivisionError):
        _write_and_throw(store)
    for seen in (store, opener()):
        assert (seen.revision, reported(seen)) == (1, {"acme": {A: Layers(1.0)}})
        assert (seen.clients(), seen.publications()) == ({}, {})


def test_clients_are_remembered(opener: Opener) -> None:
    """The last word on a client counts."""
    key, other = ClientKey("acme", "A", "c\0"), ClientKey("acme", "B", "c\0")
    with opener().write() as transaction:
        transaction.acknowledge({key: Client(1, "[]", 1.5, "ann"), other: Client(7, "[]", 1.5, "bob\0")})
    with opener().write() as transaction:
        transaction.acknowledge({key: Client(2**53 - 1, '["x"]', 1764000000.123456, "ann")})
    assert opener().clients() == {
        key: Client(2**53 - 1, '["x"]', 1764000000.123456, "ann"),
        other: Client(7, "[]", 1.5, "bob\0"),
    }


def test_publications_keep_revisions_and_tombstones(opener: Opener) -> None:
    """A published cell knows its revision; tombstones stay until they are forgotten."""
    store = opener()
    with store.write() as transaction:
        transaction.publish("acme", {A: Layers(1.0), NUL: Layers(2.0)})
    with store.write() as transaction:
        transaction.publish("acme", {A: GONE})
    store = opener()
    publication = store.publications()["acme"]
    assert (publication.head, publication.floor) == (2, 0)
    assert publication.cells == {A: Published(GONE, 2), NUL: Published(Layers(2.0), 1)}
    with store.write() as transaction:
        transaction.forget("acme", 1)
    store = opener()
    assert A in store.publications()["acme"].cells
    with store.write() as transaction:
        transaction.forget("acme", 2)
    publication = opener().publications()["acme"]
    assert (publication.head, publication.floor, publication.cells) == (2, 2, {NUL: Published(Layers(2.0), 1)})


def test_sqlite_is_as_durable_as_it_gets(tmp_path: Path) -> None:
    """WAL with a sync at every commit: what is acknowledged is on the disk."""
    from sporewright.server.store.sql import SqlStore

    store = open_store(f"sqlite:///{tmp_path}/x.db")
    assert isinstance(store, SqlStore)
    with store._engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar_one() == "wal"
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar_one() == 2
    store.close()


def test_a_database_of_a_later_version_is_refused(tmp_path: Path) -> None:
    """Tables this code does not know are not written to."""
    open_store(f"sqlite:///{tmp_path}/x.db").close()
    with sqlite3.connect(tmp_path / "x.db") as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()
    with pytest.raises(StorageError, match="9999"):
        open_store(f"sqlite:///{tmp_path}/x.db")


def test_the_tables_are_what_the_migrations_make(tmp_path: Path) -> None:
    """The models and the migrated database do not differ."""
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    from sporewright.server.store.sql import SqlStore
    from sporewright.server.store.tables import metadata

    store = open_store(f"sqlite:///{tmp_path}/x.db")
    assert isinstance(store, SqlStore)
    with store._engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
    store.close()


@pytest.mark.parametrize(
    ("address", "error", "words"),
    [
        ("nonsense", ConfigError, "nonsense"),
        ("mysql://x/y", ConfigError, "mysql"),
        ("sqlite:////nowhere/at/all/x.db", StorageError, "unable to open"),
    ],
)
def test_a_bad_address_is_named(address: str, error: type[Exception], words: str) -> None:
    """A fault of a database is told in one line."""
    with pytest.raises(error, match=words):
        open_store(address)


def test_a_locked_file_is_a_storage_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A database that another process holds is told as such, after the driver's own wait."""
    from sporewright.server.store import sql

    monkeypatch.setattr(sql, "BUSY_MS", 50)
    store = open_store(f"sqlite:///{tmp_path}/x.db")
    other = sqlite3.connect(tmp_path / "x.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    started = time.monotonic()
    with pytest.raises(StorageError, match="locked"), store.write():
        pass
    assert time.monotonic() - started < 30
    other.close()
    with store.write() as transaction:
        assert transaction.revision == 1
    store.close()


def test_a_database_has_one_server(tmp_path: Path) -> None:
    """A second server is told so, and gets it once the first has let go; two would overwrite each other."""
    address = f"sqlite:///{tmp_path / 'x.db'}"
    first = open_store(address)
    with pytest.raises(StorageError, match=r"x\.db: another server has it open"):
        open_store(address)
    first.close()
    open_store(address).close()


def test_what_is_taken_back_is_nowhere_in_the_files(tmp_path: Path) -> None:
    """Forget-me: neither the database nor its log holds a byte of a value that was said, changed, shown, taken back."""
    store = open_store(f"sqlite:///{tmp_path}/x.db")
    values = [0.73914826501, 0.52817263549, 0.61728394051]

    def held() -> set[float]:
        kept = b"".join(path.read_bytes() for path in tmp_path.iterdir() if path.is_file())
        return {value for value in values if repr(value).encode() in kept}

    for value in values[:2]:  # stated twice: what was said before is gone, too
        with store.write() as transaction:
            transaction.report("acme", {A: Layers(value)})
    with store.write() as transaction:
        transaction.publish("acme", {A: Layers(values[2]), NUL: Layers(values[1])})
    assert held() == set(values)
    with store.write() as transaction:
        transaction.report("acme", {A: GONE})
    with store.write() as transaction:  # the next tick: a cell is made anew from others' words
        transaction.publish("acme", {A: Layers(1.0)})
    assert held() == {values[1]}
    with store.write() as transaction:  # a later one: a cell is gone
        transaction.publish("acme", {NUL: GONE})

    assert held() == set()
    store.close()
