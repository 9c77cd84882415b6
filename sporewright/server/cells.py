"""A cell between its shapes here: the entry on the wire, the layers in memory and in a store."""

from __future__ import annotations

from typing import NamedTuple, TypeAlias, cast

from sporewright.core import codec
from sporewright.core.store import Value
from sporewright.wire import CellEntry

__all__ = ["Coordinate", "Layers", "Stated", "coordinate_of", "entry_of", "layers_of", "same", "shown"]

Coordinate: TypeAlias = tuple[str, str, str, str]
"""(level, instance, option, dimension)."""


class Layers(NamedTuple):
    """The two layers of a cell; a cell with neither does not exist."""

    value: Value | None = None
    weight: float | None = None


Stated: TypeAlias = dict[Coordinate, Layers]
"""Cells, each stated whole; empty layers say that there is none."""


def coordinate_of(entry: CellEntry) -> Coordinate:
    """The coordinate of an entry."""
    return entry["level"], entry["inst"], entry["option"], entry["dim"]


def shown(coordinate: Coordinate) -> str:
    """A coordinate for a message to people."""
    return "(" + ", ".join(ascii(name) for name in coordinate) + ")"


def layers_of(entry: CellEntry) -> Layers:
    """The layers that an entry states (S2); DecodeError if it does not hold."""
    cell = codec.decode_cell(entry, "cell")
    return Layers(cell.value, cell.weight)


def entry_of(coordinate: Coordinate, layers: Layers) -> CellEntry:
    """The entry that states these layers (S2); none of them: a tombstone."""
    return cast(CellEntry, codec.encode_cell(*coordinate, *layers))


def same(one: Layers, other: Layers) -> bool:
    """Equal bit for bit: NaN is itself, and −0.0 is not 0.0."""
    return one is other or repr(one) == repr(other)
