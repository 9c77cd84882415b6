"""The store in a database through SQLAlchemy: SQLite (one file, WAL, every commit on disk) or PostgreSQL."""

from __future__ import annotations

import time
import uuid
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import alembic.command
import alembic.config
import alembic.util
from sqlalchemy import URL, Connection, Engine, Table, bindparam, create_engine, delete, event, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import OperationalError, SQLAlchemyError
from sqlalchemy.pool import NullPool

from sporewright.errors import StorageError
from sporewright.server.cells import Coordinate, Layers
from sporewright.server.store import tables
from sporewright.server.store.claim import LOST, claim
from sporewright.server.store.contract import (
    Client,
    ClientKey,
    LostClaimError,
    Publication,
    Published,
    Report,
    Transaction,
)
from sporewright.server.store.database_file import DatabaseFile
from sporewright.server.store.tables import from_text, to_text

__all__ = ["SqlStore"]

# How long SQLite waits for another writer (a backup, a shell) before it says "locked".
BUSY_MS = 10_000
# A PostgreSQL that does not answer (libpq's names): seconds, tries and milliseconds until its connection is given up.
WAITS = {"connect_timeout": 5, "keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 3} | {
    "tcp_user_timeout": 15_000
}
# Where a large write fails a small one may still fit: for so long after a failure a database is not writable.
FAILED_S = 5.0
# Rows that are in memory at once while everything is read.
PAGE = 10_000

_KEY = ("workspace", *tables.COORDINATE)
_AT_CLIENT = ("at_workspace", "at_device", "at_client")
_FORGET = delete(tables.clients).where(
    *(tables.clients.c[name.removeprefix("at_")] == bindparam(name) for name in _AT_CLIENT)
)
_REMOVE = delete(tables.reports).where(*(tables.reports.c[name] == bindparam(f"at_{name}") for name in _KEY))


class _SqlTransaction:
    def __init__(self, connection: Connection, revision: int) -> None:
        self._connection = connection
        self.revision = revision
        self.removed = self.buried = False
        """True if a device took something back, and if something that was shown is gone."""

    def _put(self, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
        if not rows:
            return
        insert = (postgresql if self._connection.dialect.name == "postgresql" else sqlite).insert(table)
        kept = {column.name: insert.excluded[column.name] for column in table.columns if not column.primary_key}
        self._connection.execute(insert.on_conflict_do_update(index_elements=list(table.primary_key), set_=kept), rows)

    def report(self, workspace: str, cells: Mapping[Coordinate, Layers]) -> None:
        stated = {"workspace": to_text(workspace), "revision": self.revision}
        self._put(tables.reports, [stated | tables.row(*cell) for cell in cells.items() if cell[1] != Layers()])
        gone = [tables.row(*cell) | stated for cell in cells.items() if cell[1] == Layers()]
        if gone:
            self.removed = True
            self._connection.execute(_REMOVE, [{f"at_{name}": row[name] for name in _KEY} for row in gone])

    def acknowledge(self, clients: Mapping[ClientKey, Client]) -> None:
        rows = [
            {"workspace": to_text(key.workspace), "device": to_text(key.device), "client": to_text(key.client)}
            | {"seq": client.seq, "acks": client.acks, "seen": client.seen, "holder": to_text(client.holder)}
            for key, client in clients.items()
        ]
        self._put(tables.clients, rows)

    def forget_clients(self, keys: Collection[ClientKey]) -> None:
        if keys:
            rows = [dict(zip(_AT_CLIENT, map(to_text, key), strict=True)) for key in keys]
            self._connection.execute(_FORGET, rows)

    def publish(self, workspace: str, cells: Mapping[Coordinate, Layers]) -> None:
        stated = {"workspace": to_text(workspace), "revision": self.revision}
        self._put(tables.published, [stated | tables.row(*cell) for cell in cells.items()])
        self.buried = self.buried or Layers() in cells.values()
        self._publication(workspace, head=self.revision)

    def forget(self, workspace: str, floor: int) -> None:
        table = tables.published
        tombstone = table.c.v.is_(None) & table.c.w.is_(None)
        mine = table.c.workspace == to_text(workspace)
        self._connection.execute(delete(table).where(mine, tombstone, table.c.revision <= floor))
        self._publication(workspace, floor=floor)

    def _publication(self, workspace: str, **changed: int) -> None:
        table, name = tables.publications, to_text(workspace)
        done = self._connection.execute(update(table).where(table.c.workspace == name).values(**changed))
        if not done.rowcount:
            self._connection.execute(table.insert().values({"workspace": name, "head": 0, "floor": 0} | changed))


class SqlStore:
    """A store in a database; opening it claims it, as its one writer, and brings the tables up to date."""

    def __init__(self, url: URL) -> None:
        self._name = url.render_as_string(hide_password=True)
        self._owed = False
        self._failed_at: float | None = None
        self._file: DatabaseFile | None = None
        with self._wrapped("open"):
            self._engine = _engine(url)
            self._fresh = _engine(url, poolclass=NullPool)
            """Connections that have read nothing before, to find out how the database is now."""
            try:
                self._claim = claim(url, self._engine)
            except BaseException:
                self._engine.dispose()
                raise
            try:
                with self._engine.begin() as connection:
                    _migrate(connection)
                    self.epoch, self._revision, self._fence = _claimed(connection)
                self._file = self._marked(url)
            except BaseException:
                self.close()
                raise

    @property
    def revision(self) -> int:
        """The revision of the last committed transaction."""
        return self._revision

    @contextmanager
    def write(self) -> Iterator[Transaction]:
        """One transaction, durable when the block ends; StorageError when the database cannot."""
        with self._wrapped("write"), self._engine.begin() as connection:
            transaction = _SqlTransaction(connection, self._stamp(connection, tables.meta.c.revision + 1))
            if transaction.revision <= self._revision:
                raise StorageError(f"database {self._name}: it went back to an earlier revision; start the server anew")
            yield transaction
        self._check_file()
        self._failed_at = None
        self._revision = transaction.revision
        if transaction.removed or transaction.buried or self._owed:
            self._erase()
        # What was taken back is in what is shown until the next tick has made that anew.
        self._owed = transaction.removed

    def _marked(self, url: URL) -> DatabaseFile | None:
        """An SQLite file, with this database's identity in its header."""
        application = int(self.epoch[:7], 16)
        if url.get_backend_name() == "sqlite":
            with closing(self._engine.raw_connection()) as connection:
                connection.cursor().execute(f"PRAGMA application_id = {application}").close()
            self._erase()
        return DatabaseFile.of(url, application)

    def _erase(self) -> None:
        """Let SQLite's log go, in which values that are gone from the file can still be read (forget-me).

        While somebody else reads it stays, and goes with the next one: this never fails a write that is committed.
        """
        if self._engine.dialect.name == "sqlite":
            with self._wrapped("erase"), closing(self._engine.raw_connection()) as connection:
                connection.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)").close()

    def reports(self) -> Iterator[Report]:
        """Everything the devices said, read in pages."""
        with self._wrapped("read"), self._engine.connect() as connection:
            for workspace, *at, v, w, _ in connection.execution_options(yield_per=PAGE).execute(select(tables.reports)):
                yield from_text(workspace), tables.coordinate(*at), tables.layers(v, w)

    def clients(self) -> dict[ClientKey, Client]:
        """Every client's state."""
        rows = self._all(tables.clients)
        return {
            ClientKey(*map(from_text, key)): Client(seq, acks, seen, from_text(holder))
            for *key, seq, acks, seen, holder in rows
        }

    def publications(self) -> dict[str, Publication]:
        """Every workspace's publication."""
        found = {from_text(name): Publication(head, floor) for name, head, floor in self._all(tables.publications)}
        for workspace, *at, v, w, revision in self._all(tables.published):
            found[from_text(workspace)].cells[tables.coordinate(*at)] = Published(tables.layers(v, w), revision)
        return found

    def ping(self) -> None:
        """StorageError if the database cannot be written to: a disk is full, its file gone or another's."""
        with self._wrapped("write"), self._fresh.begin() as connection:
            self._stamp(connection, tables.meta.c.revision)
        self._check_file()
        if self._failed_at is not None and time.monotonic() - self._failed_at < FAILED_S:
            raise StorageError(f"database {self._name}: cannot write: it could not a moment ago")
        if self._file is not None and not self._file.has_room():
            raise StorageError(f"database {self._name}: cannot write: the disk is full")

    def keep(self) -> None:
        """Make sure of the claim, and take it again if it was lost to nobody."""
        with self._wrapped("read"):
            self._claim.keep()
            with self._engine.connect() as connection:
                self._check_fence(connection)

    def _stamp(self, connection: Connection, revision: Any) -> int:
        """Set the revision of this database, as its one server, and give it.

        The row is locked from here to the commit, so no other server's write comes in between.
        """
        meta = tables.meta
        mine = (meta.c.epoch == self.epoch) & (meta.c.fence == self._fence)
        stamped = connection.execute(update(meta).where(mine).values(revision=revision).returning(meta.c.revision))
        found = stamped.scalar_one_or_none()
        if found is None:
            self._check_fence(connection)
            raise StorageError(f"database {self._name}: cannot write: its own row is gone")
        return int(found)

    def _check_fence(self, connection: Connection) -> None:
        row = connection.execute(select(tables.meta.c.epoch, tables.meta.c.fence)).one_or_none()
        if row is None or row.epoch != self.epoch:
            raise StorageError(f"database {self._name}: cannot write: it is another database")
        if row.fence != self._fence:
            raise LostClaimError(f"database {self._name}: {LOST}")

    def _check_file(self) -> None:
        if self._file is not None and not self._file.is_whole():
            raise StorageError(f"database {self._name}: cannot write: its file is gone, or is another")

    def close(self) -> None:
        """Let go of the claim and close the connections."""
        self._claim.release()
        self._engine.dispose()
        if self._file is not None:
            self._file.close()
            self._file = None

    def _all(self, table: Table) -> Sequence[Any]:
        with self._wrapped("read"), self._engine.connect() as connection:
            return connection.execute(select(table)).all()

    @contextmanager
    def _wrapped(self, doing: str) -> Iterator[None]:
        try:
            yield
        except (SQLAlchemyError, alembic.util.CommandError) as why:
            if doing == "write" and isinstance(why, OperationalError):  # not about what was written
                self._failed_at = time.monotonic()
            reason = getattr(why, "orig", None) or why
            raise StorageError(f"database {self._name}: cannot {doing}: {reason}") from why


def _engine(url: URL, **options: Any) -> Engine:
    if url.get_backend_name() != "sqlite":
        waits = {name: value for name, value in WAITS.items() if name not in url.query}
        return create_engine(url, connect_args=waits, **{"pool_pre_ping": True, **options})
    engine = create_engine(url, connect_args={"check_same_thread": False}, **options)

    @event.listens_for(engine, "connect")
    def _prepare(connection: Any, _: object) -> None:
        connection.isolation_level = None  # the driver's own BEGIN would come too late for a reader that writes
        # secure_delete: what is deleted is overwritten, or forget-me would leave it in the file's free space.
        for pragma in ("journal_mode=WAL", "synchronous=FULL", f"busy_timeout={BUSY_MS}", "secure_delete=ON"):
            connection.execute(f"PRAGMA {pragma}").close()

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    return engine


def _migrate(connection: Connection) -> None:
    config = alembic.config.Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    alembic.command.upgrade(config, "head")


def _claimed(connection: Connection) -> tuple[str, int, int]:
    """The epoch, the revision, and a fencing token that no server before has had: from here on they cannot write."""
    meta = tables.meta
    raised = update(meta).values(fence=meta.c.fence + 1).returning(meta.c.epoch, meta.c.revision, meta.c.fence)
    row = connection.execute(raised).one_or_none()
    if row is not None:
        return row.epoch, row.revision, row.fence
    epoch = uuid.uuid4().hex
    connection.execute(meta.insert().values(id=1, epoch=epoch, revision=0, fence=1))
    return epoch, 0, 1
