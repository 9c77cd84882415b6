"""One ledger of pools for several processes of a machine, in an SQLite file."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sporewright import jsontext
from sporewright.errors import DecodeError, StorageError
from sporewright.pools import Ledger

__all__ = ["PoolFile", "SharedPools"]

WAIT_S = 2.0
"""Another process holds the file for less than a millisecond."""


@dataclass(frozen=True, slots=True)
class SharedPools:
    """Pools, as in a config, whose ledger is kept in a file: all processes that name it draw on one ledger."""

    path: Path | str
    pools: Mapping[str, Any]


class PoolFile:
    """The kept ledger; each change is a transaction that no other process can come between."""

    def __init__(self, path: Path | str) -> None:
        self._path = path
        try:
            self._db = sqlite3.connect(path, isolation_level=None, timeout=WAIT_S, check_same_thread=False)
            self._db.execute("PRAGMA journal_mode = WAL")
            # A process that is killed loses nothing; a machine that loses its power, at most the last calls.
            self._db.execute("PRAGMA synchronous = NORMAL")
            self._db.execute("CREATE TABLE IF NOT EXISTS ledger (id INTEGER PRIMARY KEY CHECK (id = 1), text TEXT)")
        except sqlite3.Error as why:
            raise StorageError(f"{path}: {why}") from why

    @contextmanager
    def opened(self, fresh: Ledger) -> Iterator[Ledger]:
        """The ledger as it is kept, to be changed; StorageError where that fails, and nothing is changed."""
        try:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                row = self._db.execute("SELECT text FROM ledger").fetchone()
                fresh.restore(_read(row[0]) if row else None)
                yield fresh
                text = json.dumps(fresh.data(), separators=(",", ":"))
                self._db.execute("INSERT OR REPLACE INTO ledger VALUES (1, ?)", (text,))
                self._db.execute("COMMIT")
            except BaseException:
                self._db.execute("ROLLBACK")
                raise
        except sqlite3.Error as why:
            raise StorageError(f"{self._path}: {why}") from why

    def close(self) -> None:
        """Let go of the file."""
        self._db.close()


def _read(text: str) -> Any:
    """The kept data; of what is none nothing is known."""
    try:
        return jsontext.parse(text, "ledger")
    except DecodeError:
        return None
