"""One server to a database: the one that opens it holds a claim, which ends with its process however that ends."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from filelock import FileLock, Timeout
from sqlalchemy import URL, Engine, text

from sporewright.errors import StorageError

__all__ = ["claim"]

# Any number that is ours alone: PostgreSQL's advisory locks have no names.
ADVISORY_KEY = 0x73706F7265

TAKEN = "another server has it open; two would overwrite each other's revisions"


def claim(url: URL, engine: Engine) -> Callable[[], None]:
    """Claim the database and give the way to let go of it; StorageError while another server holds it."""
    name = url.render_as_string(hide_password=True)
    if url.get_backend_name() == "sqlite":
        return _of_file(name, url.database)
    return _of_session(name, engine)


def _of_file(name: str, file: str | None) -> Callable[[], None]:
    """A lock on a file beside the database; the system lifts it from a killed process. In memory there is no other.

    Beside the file itself, by whatever symbolic link it was named: else each name would have a lock of its own.
    """
    if not file or file == ":memory:":
        return lambda: None
    file = os.path.realpath(file)
    if not Path(file).parent.is_dir():
        return lambda: None  # filelock would make a missing folder; the database says that it is missing
    lock = FileLock(f"{file}.lock", thread_local=False)  # else only the thread that took it could let go of it
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise StorageError(f"database {name}: {TAKEN}") from None
    except OSError:
        return lambda: None  # no right to the folder: the database says so itself, and better
    return lock.release


def _of_session(name: str, engine: Engine) -> Callable[[], None]:
    """An advisory lock of a connection of its own, which a killed process's connection takes along."""
    connection = engine.connect().execution_options(isolation_level="AUTOCOMMIT")
    if connection.execute(text("SELECT pg_try_advisory_lock(:key)"), {"key": ADVISORY_KEY}).scalar_one():

        def release() -> None:
            if not connection.closed:
                connection.detach()  # a pooled connection would keep the lock
                connection.close()

        return release
    connection.close()
    raise StorageError(f"database {name}: {TAKEN}")
