"""The file of an SQLite database, watched for what SQLite does not notice: that it is gone, or another by now."""

from __future__ import annotations

import os
from pathlib import Path

from sqlalchemy import URL

__all__ = ["DatabaseFile"]

# https://www.sqlite.org/fileformat2.html#the_database_header: the magic text with the page size, and the application.
MAGIC_BYTES, APPLICATION_AT, APPLICATION_BYTES = 18, 68, 4

# One large push, in the log and in the file.
ROOM_BYTES = 4 * 1024 * 1024


class DatabaseFile:
    """Its name, its inode and its header, as they were when the server opened it.

    By a descriptor that stays open: closing one would lift SQLite's own locks on the file (fcntl(2)).
    """

    def __init__(self, path: Path, application: int) -> None:
        """`application` is in the header, or will be there once SQLite's log is in the file."""
        self._path, self._log = path, Path(f"{os.path.realpath(path)}-wal")
        self._log_inode = _inode(self._log)
        self._descriptor = os.open(path, os.O_RDONLY)
        self._inode = _inode(path)
        header = self._read()
        self._headers = {header, header[:MAGIC_BYTES] + application.to_bytes(APPLICATION_BYTES, "big")}

    @classmethod
    def of(cls, url: URL, application: int) -> DatabaseFile | None:
        """The file of that address; None where it has none."""
        name = url.database if url.get_backend_name() == "sqlite" else None
        path = Path(name) if name else None
        return cls(path, application) if path is not None and path.is_file() else None

    def is_whole(self) -> bool:
        """True while what is committed is in a file of this name, to be found by whoever opens it next."""
        is_there = _inode(self._path) == self._inode and _inode(self._log) == self._log_inode
        return is_there and self._read() in self._headers

    def has_room(self) -> bool:
        """True unless the disk is as good as full: what fits SQLite's log as it is says nothing about the next push."""
        disk = os.statvfs(self._descriptor)
        return disk.f_bavail * disk.f_frsize >= ROOM_BYTES

    def close(self) -> None:
        """Let go of it, after SQLite has."""
        os.close(self._descriptor)

    def _read(self) -> bytes:
        application = os.pread(self._descriptor, APPLICATION_BYTES, APPLICATION_AT)
        return os.pread(self._descriptor, MAGIC_BYTES, 0) + application


def _inode(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino
