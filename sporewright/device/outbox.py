"""Own cells that the orchestrator has not acknowledged: coalesced by coordinate, one push in flight, nothing lost."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sporewright import wire
from sporewright.device.calls import RefusedCell
from sporewright.device.device_records import Coord
from sporewright.errors import DecodeError, ProtocolError, TooLargeError, UnknownLevelError
from sporewright.wire import Ack, CellEntry, Limits, Push, entry_bytes

__all__ = ["Outbox"]

# What is remembered was within the orchestrator's limits when it was said.
_ANY = Limits(message_bytes=2**31, cells=2**31)

# `{"t":"push","seq":9007199254740991,"cells":[]}` and some room.
_ENVELOPE = 64


@dataclass(frozen=True)
class _Flight:
    push: Push
    coords: tuple[Coord, ...]


def _refused(coord: Coord, code: str, message: str) -> RefusedCell:
    level, inst, option, dim = coord
    return {"level": level, "inst": inst, "option": option, "dim": dim, "code": code, "message": message}


class Outbox:
    """The cells to be sent and those on their way; the values themselves stay in the tensor until they are sent."""

    def __init__(self) -> None:
        self._queued: dict[Coord, None] = {}
        self._flight: _Flight | None = None

    @property
    def pending(self) -> int:
        """The number of cells that are not acknowledged."""
        flying = self._flight.coords if self._flight else ()
        return len(self._queued) + sum(coord not in self._queued for coord in flying)

    @property
    def is_flying(self) -> bool:
        """True if a push waits for its acknowledgement."""
        return self._flight is not None

    def coords(self) -> list[Coord]:
        """Every cell that is not acknowledged."""
        return list(dict.fromkeys([*(self._flight.coords if self._flight else ()), *self._queued]))

    def flight_text(self) -> str | None:
        """The push in flight as text, to be remembered; None if there is none.

        A tab may end between a push and its ack. Its successor must not use the number for other cells: the
        orchestrator would answer with the first one's ack and never read them.
        """
        return None if self._flight is None else wire.encode(self._flight.push, _ANY)

    def restore_flight(self, text: str, entry_of: Callable[[Coord], CellEntry]) -> None:
        """Put the remembered push back in flight; its cells that have not changed since are not queued besides."""
        try:
            push = wire.decode(text, _ANY)
            if not isinstance(push, Push):
                return
            coords = tuple((cell["level"], cell["inst"], cell["option"], cell["dim"]) for cell in push.cells)
            here = [entry_of(coord) for coord in coords]
        except (DecodeError, ProtocolError, UnknownLevelError):
            return
        self._flight = _Flight(push, coords)
        for coord, cell, mine in zip(coords, push.cells, here, strict=True):
            # A cell without layers may be what `redact` left: the orchestrator may have committed what was there.
            if cell == mine and ("v" in cell or "w" in cell):
                self._queued.pop(coord, None)

    def mark(self, coord: Coord) -> None:
        """The cell changed; written twice before it is sent, it is sent once."""
        self._queued[coord] = None

    def drop(self, coord: Coord) -> None:
        """The orchestrator need not hear of it any more."""
        self._queued.pop(coord, None)

    def replace(self, coords: list[Coord]) -> None:
        """Forget everything and queue these: the slice or the database behind the orchestrator is another one."""
        self._queued, self._flight = dict.fromkeys(coords), None

    def redact(self) -> None:
        """Keep no value of the push in flight, only its number and coordinates, and queue these again.

        If the orchestrator has committed it, what is said again under its number is answered and not read; else it
        says that the cells are gone.
        """
        if self._flight is not None:
            push, coords = self._flight.push, self._flight.coords
            blank = tuple(
                CellEntry(level=level, inst=inst, option=option, dim=dim) for level, inst, option, dim in coords
            )
            self._flight = _Flight(Push(push.seq, blank), coords)
            self._queued |= dict.fromkeys(coords)

    def next_push(
        self, seq: int, limits: Limits, entry_of: Callable[[Coord], CellEntry]
    ) -> tuple[Push | None, list[RefusedCell]]:
        """A push with as many cells as fit, now in flight, and the cells that can never be sent, now dropped."""
        cells: list[CellEntry] = []
        coords: list[Coord] = []
        dropped: list[RefusedCell] = []
        room = limits.message_bytes - _ENVELOPE
        for coord in list(self._queued):
            entry = entry_of(coord)
            size = _size(entry, limits.message_bytes - _ENVELOPE)
            if isinstance(size, (DecodeError, TooLargeError)):
                dropped.append(_refused(coord, size.code, str(size)))
                del self._queued[coord]
                continue
            if size > room or len(cells) == limits.cells:
                break
            room -= size
            cells.append(entry)
            coords.append(coord)
            del self._queued[coord]
        if not cells:
            return None, dropped
        self._flight = _Flight(Push(seq, tuple(cells)), tuple(coords))
        return self._flight.push, dropped

    def resumed(self, committed: int) -> Push | None:
        """After `welcome`: the push in flight, to be said again word for word; it is answered by the same ack.

        If the orchestrator's count does not fit the push (another database), its cells are queued again.
        """
        flight = self._flight
        if flight is None or flight.push.seq in (committed, committed + 1):
            return flight.push if flight else None
        self._flight = None
        self._queued = dict.fromkeys([*flight.coords, *self._queued])
        return None

    def acked(self, ack: Ack) -> tuple[list[Coord], list[RefusedCell]]:
        """Cells that are settled, refused ones included, unless they changed since; and the refused ones."""
        flight = self._flight
        if flight is None or ack.seq != flight.push.seq:
            return [], []
        self._flight = None
        refused = [
            _refused(flight.coords[refusal.index], refusal.code, refusal.message)
            for refusal in ack.refused
            if refusal.index < len(flight.coords)
        ]
        return [coord for coord in flight.coords if coord not in self._queued], refused


def _size(entry: CellEntry, most: int) -> int | DecodeError | TooLargeError:
    try:
        size = entry_bytes(entry)
    except UnicodeEncodeError:
        return DecodeError("a name with a lone surrogate cannot be sent")
    return size if size <= most else TooLargeError(f"{size} bytes, the orchestrator takes {most} in one message")
