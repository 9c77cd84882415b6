"""The server's durable stores; `open_store` turns an address into one."""

from __future__ import annotations

from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from sporewright.errors import ConfigError
from sporewright.server.store.contract import Client, ClientKey, LostClaimError, Publication, Published, Store
from sporewright.server.store.memory import MemoryStore
from sporewright.server.store.sql import SqlStore

__all__ = ["Client", "ClientKey", "LostClaimError", "Publication", "Published", "Store", "open_store"]


def open_store(address: str) -> Store:
    """`memory://`, `sqlite:///path` or `postgresql://…`; ConfigError for another, StorageError if it won't open."""
    if address == "memory://":
        return MemoryStore()
    try:
        url = make_url(address)
    except ArgumentError:
        raise ConfigError(f"database: {address!r} is not an address such as sqlite:///path or memory://") from None
    if url.drivername in ("postgresql", "postgres"):
        url = url.set(drivername="postgresql+psycopg")
    if url.get_backend_name() not in ("sqlite", "postgresql"):
        raise ConfigError(f"database: {url.get_backend_name()!r} is not one of memory, sqlite, postgresql")
    try:
        return SqlStore(url)
    except ModuleNotFoundError as why:
        raise ConfigError(
            f"database: the driver {why.name!r} is missing; pip install 'sporewright[postgresql]'"
        ) from None
