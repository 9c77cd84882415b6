"""The tables, as SQLAlchemy knows them; `migrations/` makes them so.

Names are text with NUL escaped (PostgreSQL has no NUL in text); layers are JSON texts in S2 form, which keep every
double and both infinities exactly in every database.
"""

from __future__ import annotations

import json

from sqlalchemy import BigInteger, Column, Float, Integer, MetaData, Table, Text

from sporewright.server.cells import Coordinate, Layers, entry_of, layers_of
from sporewright.wire import CellEntry

__all__ = [
    "clients",
    "coordinate",
    "from_text",
    "layers",
    "meta",
    "metadata",
    "publications",
    "published",
    "reports",
    "row",
]

metadata = MetaData()


def _names(*names: str) -> list[Column[str]]:
    return [Column(name, Text, primary_key=True) for name in names]


def _layers() -> list[Column[str]]:
    return [Column("v", Text), Column("w", Text)]


COORDINATE = ("level", "instance", "option", "dim")

meta = Table("meta", metadata, Column("id", Integer, primary_key=True), Column("epoch", Text, nullable=False),
             Column("revision", BigInteger, nullable=False), Column("fence", BigInteger, nullable=False))  # fmt: skip
reports = Table("reports", metadata, *_names("workspace", *COORDINATE), *_layers(),
                Column("revision", BigInteger, nullable=False))  # fmt: skip
published = Table("published", metadata, *_names("workspace", *COORDINATE), *_layers(),
                  Column("revision", BigInteger, nullable=False))  # fmt: skip
clients = Table("clients", metadata, *_names("workspace", "device", "client"),
                Column("seq", BigInteger, nullable=False), Column("acks", Text, nullable=False),
                Column("seen", Float(53), nullable=False), Column("holder", Text, nullable=False))  # fmt: skip
publications = Table("shelves", metadata, *_names("workspace"), Column("head", BigInteger, nullable=False),
                Column("floor", BigInteger, nullable=False))  # fmt: skip


def to_text(name: str) -> str:
    """A name as every database keeps it."""
    return name.replace("\\", "\\\\").replace("\0", "\\0") if "\\" in name or "\0" in name else name


def from_text(text: str) -> str:
    """The name that `to_text` was given."""
    return "\\".join(part.replace("\\0", "\0") for part in text.split("\\\\")) if "\\" in text else text


def row(at: Coordinate, cell: Layers) -> dict[str, str | None]:
    """The columns of a cell."""
    entry = entry_of(at, cell)
    texts = {name: json.dumps(entry[name]) if name in entry else None for name in ("v", "w")}
    return texts | dict(zip(COORDINATE, map(to_text, at), strict=True))


def coordinate(level: str, instance: str, option: str, dim: str) -> Coordinate:
    """The coordinate in those columns."""
    return from_text(level), from_text(instance), from_text(option), from_text(dim)


def layers(v: str | None, w: str | None) -> Layers:
    """The layers in those columns."""
    entry = CellEntry(level="", inst="", option="", dim="")
    if v is not None:
        entry["v"] = json.loads(v)
    if w is not None:
        entry["w"] = json.loads(w)
    return layers_of(entry)
