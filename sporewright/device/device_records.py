"""The keys and forms of a device's records, whoever keeps them (docs/reference/device-records.md).

`cell/[level,inst,option,dim]` holds one own cell with its outbox flag, `identity` who this profile is, `shared` what
the orchestrator published last, `flight` the push that is not acknowledged, `heard` how far each page was heard. A
record that does not decode is passed over: storage is foreign data.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from json.encoder import encode_basestring_ascii

from sporewright import jsontext
from sporewright.core import codec
from sporewright.core.store import Layers
from sporewright.device.calls import Effect, ErrorData
from sporewright.errors import DecodeError

__all__ = ["FLIGHT", "IDENTITY", "SHARED", "Coord", "Disk", "cell_record", "is_cell", "key_of", "stored_cells"]

Coord = tuple[str, str, str, str]
"""(level, instance, option, dimension)."""

IDENTITY = "identity"
SHARED = "shared"
FLIGHT = "flight"
_CELL = "cell/"


def key_of(coord: Coord) -> str:
    """The key of an own cell's record; ASCII, whatever the names are made of."""
    return f"{_CELL}[{','.join(map(encode_basestring_ascii, coord))}]"


def is_cell(key: str) -> bool:
    """True if a record is an own cell's, or was meant to be."""
    return key.startswith(_CELL)


def cell_record(coord: Coord, layers: Layers, pending: bool) -> str | None:
    """The record of an own cell; None, that is no record, for a removal that is acknowledged."""
    if layers == (None, None) and not pending:
        return None
    return jsontext.compact({"cell": codec.encode_cell(*coord, *layers), "pending": pending})


def stored_cells(records: dict[str, str]) -> Iterator[tuple[Coord, Layers, bool]]:
    """(coordinate, layers, pending) of every own cell's record, in code-point order of the keys."""
    for key in sorted(records):
        if not is_cell(key):
            continue
        try:
            data = jsontext.parse(records[key], key)
            cell = codec.decode_cell(data.get("cell") if isinstance(data, dict) else data, key)
        except DecodeError:
            continue
        coord = (cell.level, cell.instance, cell.option, cell.dimension)
        yield coord, (cell.value, cell.weight), data.get("pending") is not False


class Disk:
    """The writes of a step, coalesced by key; what storage refused is tried again with the next write."""

    def __init__(self) -> None:
        self.records: dict[str, str] = {}
        """The records that storage held before the start."""
        self.error: ErrorData | None = None
        self._dirty: dict[str, str | None] = {}
        self._handed: dict[str, str | None] = {}
        self._failed: dict[str, str | None] = {}

    def put(self, key: str, text: str | None) -> None:
        """Save the text under the key with this step's effects; None deletes it."""
        self._dirty[key] = text

    def drain(self) -> list[Effect]:
        """The `save` effects of what was put since, with the failed ones before them."""
        if not self._dirty:
            return []
        writes = {**self._failed, **self._dirty}
        self._failed, self._dirty = {}, {}
        self._handed.update(writes)
        return [{"type": "save", "key": key, "text": text} for key, text in writes.items()]

    def saved(self, keys: Sequence[str]) -> None:
        """Storage has them; once nothing failed is left the error is over."""
        for key in keys:
            self._handed.pop(key, None)
        if not self._failed:
            self.error = None

    def failed(self, keys: Sequence[str], message: str) -> None:
        """Storage refused them: remembered, and said."""
        for key in keys:
            if key in self._handed:
                self._failed[key] = self._handed.pop(key)
        self.error = {"code": "storage", "message": message}
