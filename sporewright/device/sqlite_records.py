"""A device's records in one SQLite file, as IndexedDB is for a tab; for shells and servers, no browser loads it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, MutableMapping
from pathlib import Path
from typing import Any

from sporewright.errors import StorageError

__all__ = ["SqliteRecords"]


class SqliteRecords(MutableMapping[str, str]):
    """Text under text keys, each write in its own transaction; StorageError names the file."""

    def __init__(self, path: Path | str) -> None:
        self._path = path
        try:
            # A write-ahead log without a sync each: a crash of the machine may lose the last writes, never the file.
            self._db = sqlite3.connect(path, isolation_level=None)
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.execute("PRAGMA synchronous = NORMAL")
            self._db.execute("CREATE TABLE IF NOT EXISTS records (key TEXT PRIMARY KEY, text TEXT NOT NULL)")
        except sqlite3.Error as why:
            raise StorageError(f"{path}: {why}") from why

    def __getitem__(self, key: str) -> str:
        for (text,) in self._run("SELECT text FROM records WHERE key = ?", key):
            return str(text)
        raise KeyError(key)

    def __setitem__(self, key: str, text: str) -> None:
        self._run("INSERT INTO records VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET text = excluded.text", key, text)

    def __delitem__(self, key: str) -> None:
        if not self._run("DELETE FROM records WHERE key = ? RETURNING key", key):
            raise KeyError(key)

    def __iter__(self) -> Iterator[str]:
        return iter([str(key) for (key,) in self._run("SELECT key FROM records ORDER BY key")])

    def __len__(self) -> int:
        return int(self._run("SELECT count(*) FROM records")[0][0])

    def close(self) -> None:
        """Let go of the file."""
        self._db.close()

    def _run(self, statement: str, *values: str) -> list[tuple[Any, ...]]:
        try:
            return self._db.execute(statement, values).fetchall()
        except sqlite3.Error as why:
            raise StorageError(f"{self._path}: {why}") from why
