"""The orchestrator's published cells, laid over the declared ones; a removal brings the declared cell back (§3)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, TypedDict

from sporewright import jsontext
from sporewright.core import codec
from sporewright.core.store import Layers
from sporewright.core.tensor import Tensor
from sporewright.device.device_records import Coord
from sporewright.device.shapes import check
from sporewright.errors import DecodeError
from sporewright.learning.cells import companions_of, judged
from sporewright.learning.settings import DEFAULTS
from sporewright.wire import Delta, Resume, Snapshot

__all__ = ["SharedLevels"]

_NOTHING: Layers = (None, None)


class _Record(TypedDict):
    epoch: str | None
    revision: int | None
    cells: list[Any]


class SharedLevels:
    """The levels above the device's own in `tensor`; layers merge separately, the published one first.

    Cells of the own level or finer are not the orchestrator's to publish and are passed over, as are unknown levels.
    What devices say, measured or only stated, is laid once `support` holders stand behind it (`support:` beside it says
    how many); until then what is declared holds. What an operator declares has no such companion and needs none.
    """

    def __init__(self, tensor: Tensor, own_level: int, support: float = DEFAULTS.support) -> None:
        self._tensor, self._support = tensor, support
        self._above = tensor.levels[:own_level]
        self._priors = frozenset(tensor.priors)
        self._declared: dict[Coord, Layers] = {
            (cell.level, cell.instance, cell.option, cell.dimension): (cell.value, cell.weight)
            for cell in tensor.cells()
            if cell.level in self._above
        }
        self._published: dict[Coord, Layers] = {}
        self._parts: dict[Coord, Layers] = {}
        self.epoch: str | None = None
        """The epoch of the database that the orchestrator had last; None before the first welcome."""
        self.revision: int | None = None
        """The revision this device stands at; None before the first whole snapshot."""

    @property
    def resume(self) -> Resume | None:
        """The epoch and revision at which this device stands, for `hello`."""
        return None if self.epoch is None or self.revision is None else Resume(self.epoch, self.revision)

    def enter(self, epoch: str) -> None:
        """The orchestrator's database is this one; a revision of another one means nothing here."""
        if epoch != self.epoch:
            self.epoch, self.revision = epoch, None

    def forget_revision(self) -> None:
        """Ask for a snapshot next time; what is known stays until it is in."""
        self.revision = None

    def begin(self) -> None:
        """A new connection: parts of a snapshot that broke off are void."""
        self._parts = {}

    def snapshot(self, message: Snapshot) -> bool:
        """One part; True once the last one has replaced what was published before."""
        self._parts.update(self._decoded(message.cells))
        if message.part < message.parts:
            return False
        fresh = {coord: layers for coord, layers in self._parts.items() if layers != _NOTHING}
        gone = dict.fromkeys((coord for coord in self._published if coord not in fresh), _NOTHING)
        self._parts = {}
        self.lay({**gone, **fresh})
        self.revision = message.revision
        return True

    def delta(self, message: Delta) -> None:
        """Lay the changes since the revision at which this device stands (the session has checked the base)."""
        self.lay(self._decoded(message.cells))
        self.revision = message.revision

    def to_text(self) -> str:
        """The record under `shared`: with it a returning device decides before it is connected."""
        cells = [codec.encode_cell(*coord, *layers) for coord, layers in sorted(self._published.items())]
        record = {"epoch": self.epoch, "revision": self.revision, "cells": cells}
        return jsontext.compact(record)

    def restore(self, text: str | None) -> None:
        """Read the record back; one that is not whole is passed over, and a snapshot will replace it."""
        if text is None:
            return
        try:
            data = jsontext.parse(text, "shared")
            check("shared", _Record, data)
            cells = self._decoded(data["cells"])
        except DecodeError:
            return
        self.epoch, self.revision = data["epoch"], data["revision"]
        self.lay(cells)

    def _decoded(self, cells: Iterable[Any]) -> dict[Coord, Layers]:
        read: dict[Coord, Layers] = {}
        for at, entry in enumerate(cells):
            cell = codec.decode_cell(entry, f"cells[{at}]")
            if cell.level in self._above:
                read[cell.level, cell.instance, cell.option, cell.dimension] = (cell.value, cell.weight)
        return read

    def lay(self, cells: Mapping[Coord, Layers]) -> None:
        """Take over cells as they were published; empty layers are what is gone."""
        for coord, layers in cells.items():
            if layers == _NOTHING:
                self._published.pop(coord, None)
            else:
                self._published[coord] = layers
        again = dict.fromkeys(cells)
        for level, instance, option, dimension in cells:
            family = [(level, instance, option, name) for name in companions_of(judged(dimension))]
            again |= dict.fromkeys(coord for coord in family if coord in self._published)
        for coord in again:
            self._put(coord)

    def _put(self, coord: Coord) -> None:
        level, instance, option, dimension = coord
        value, weight = self._published.get(coord, _NOTHING)
        if value is not None and self._is_weak(coord):
            value = None
        declared, at = self._declared.get(coord, _NOTHING), self._tensor.level_index(level)
        merged = (declared[0] if value is None else value, declared[1] if weight is None else weight)
        self._tensor.put(at, instance, option, dimension, *merged)
        # A declared prior over which nothing is published is a prior again (D4).
        if value is None and at == 0 and instance == "" and (option, dimension) in self._priors:
            self._tensor.priors.add((option, dimension))

    def _is_weak(self, coord: Coord) -> bool:
        """True if it is the judgement of a fleet with too few holders behind it to count."""
        level, instance, option, dimension = coord
        _, support, count = (
            self._published.get((level, instance, option, name), _NOTHING)[0]
            for name in companions_of(judged(dimension))
        )
        is_fleet = support is not None or count is not None
        return is_fleet and not (isinstance(support, float) and support >= self._support)
