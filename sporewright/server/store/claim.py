"""One server to a database: the one that opens it holds a claim, which ends with its process however that ends.

A claim can be lost without its holder noticing (a restarted PostgreSQL, a lock file that was removed, a paused
machine). It keeps a second server from starting by mistake; what keeps one from writing after another has begun is the
fencing token in `sql.py`.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Protocol

from filelock import FileLock, Timeout
from sqlalchemy import URL, Connection, Engine, text
from sqlalchemy.exc import SQLAlchemyError

from sporewright.errors import StorageError
from sporewright.server.store.contract import LostClaimError

__all__ = ["LOST", "Claim", "claim"]

# Any number that is ours alone: PostgreSQL's advisory locks have no names.
ADVISORY_KEY = 0x73706F7265

TAKEN = "another server has it open; two would overwrite each other's revisions"
LOST = "another server has taken it over; this one writes nothing any more"


class Claim(Protocol):
    """The claim on a database."""

    def keep(self) -> None:
        """Take it again if it was lost; LostClaimError if another server has it now."""
        ...

    def release(self) -> None:
        """Let go of it."""
        ...


def claim(url: URL, engine: Engine) -> Claim:
    """Claim the database; StorageError while another server holds it."""
    name = url.render_as_string(hide_password=True)
    if url.get_backend_name() == "sqlite":
        return _FileClaim(name, url.database)
    return _SessionClaim(name, engine)


class _FileClaim:
    """A lock on a file beside the database; the system lifts it from a killed process. In memory there is no other.

    Beside the file itself, by whatever symbolic link it was named: else each name would have a lock of its own.
    """

    def __init__(self, name: str, file: str | None) -> None:
        self._lock: FileLock | None = None
        if not file or file == ":memory:":
            return
        path = Path(os.path.realpath(file))
        if not path.parent.is_dir():
            return  # filelock would make a missing folder; the database says that it is missing
        if path.exists() and path.stat().st_nlink > 1:
            raise StorageError(f"database {name}: the file has further names (hard links); SQLite keeps a log for each")
        lock = FileLock(f"{path}.lock", thread_local=False)  # else only the thread that took it could let go of it
        try:
            lock.acquire(timeout=0)
        except Timeout:
            raise StorageError(f"database {name}: {TAKEN}") from None
        except OSError:
            return  # no right to the folder: the database says so itself, and better
        self._lock = lock

    def keep(self) -> None:
        """A lock on a file stays for as long as the process does."""

    def release(self) -> None:
        """Let another server in."""
        if self._lock is not None:
            self._lock.release()


class _SessionClaim:
    """An advisory lock of a connection of its own, which a killed process's connection takes along."""

    def __init__(self, name: str, engine: Engine) -> None:
        self._name, self._engine = name, engine
        self._connection: Connection | None = None
        if not self._take():
            raise StorageError(f"database {name}: {TAKEN}")

    def keep(self) -> None:
        """Take the lock again if its connection is gone, with a restarted database for instance."""
        if self._connection is not None:
            try:
                self._connection.execute(text("SELECT 1"))
                return
            except SQLAlchemyError:
                self.release()
        if not self._take():
            raise LostClaimError(f"database {self._name}: {LOST}")

    def _take(self) -> bool:
        connection = self._engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        try:
            if not connection.execute(text("SELECT pg_try_advisory_lock(:key)"), {"key": ADVISORY_KEY}).scalar_one():
                connection.close()
                return False
        except BaseException:
            connection.close()
            raise
        self._connection = connection
        return True

    def release(self) -> None:
        """Let another server in."""
        connection, self._connection = self._connection, None
        if connection is None or connection.closed:
            return
        if not connection.invalidated:
            connection.detach()  # a pooled connection would keep the lock
        connection.close()
