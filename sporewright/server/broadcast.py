"""The updates of a workspace, encoded once for all of its devices that stand at the same revision."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from sporewright.server.cells import Coordinate, Layers, entry_of
from sporewright.server.store import Publication, Published
from sporewright.wire import Delta, Limits, Snapshot, encode, encode_entry

__all__ = ["Broadcast", "Frame"]

# What a snapshot or a delta takes besides its entries, with its numbers at their longest.
FRAME_BYTES = 160
# Revisions at which devices of one workspace stand, and whose updates are kept encoded: after a tick they are few.
KEPT_BASES = 64
_GONE = Layers()


class Frame(NamedTuple):
    """A message for many sessions: without its cells, which sessions do not look at, and as the bytes that are sent."""

    message: Delta | Snapshot
    data: bytes


class Broadcast:
    """The updates of one workspace's publication; a cell is encoded once, an update once for each revision."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._encoded: dict[Coordinate, tuple[Published, bytes]] = {}
        self._head = -1
        self._frames: OrderedDict[int | None, Sequence[Frame]] = OrderedDict()
        self._making = asyncio.Lock()

    async def updates(self, publication: Publication, base: int | None) -> Sequence[Frame]:
        """The updates from revision `base` to the head; those that nobody has had yet are made beside the loop."""
        if base == publication.head:
            return ()
        found = self._found(publication, base)
        if found is None:
            async with self._making:
                found = self._found(publication, base)
                if found is None:
                    head = publication.head
                    found = await asyncio.to_thread(self.made, publication, base)
                    if head != self._head:
                        self._head = head
                        self._frames.clear()
                    self._frames[base] = found
                    if len(self._frames) > KEPT_BASES:
                        self._frames.popitem(last=False)
        return found

    def _found(self, publication: Publication, base: int | None) -> Sequence[Frame] | None:
        return self._frames.get(base) if publication.head == self._head else None

    def made(self, publication: Publication, base: int | None) -> Sequence[Frame]:
        """The updates that bring a device from revision `base` (None: from nothing) to the head; empty if it is there.

        A delta if its base is within the horizon and it fits one message, else a snapshot in as many parts as it takes.
        """
        head, cells = publication.head, publication.cells
        if base == head:
            return ()
        if base is not None and publication.floor <= base < head:
            chunks = list(self._chunks([(at, row) for at, row in cells.items() if row.revision > base]))
            if len(chunks) == 1:
                return (_frame(Delta(base, head, ()), chunks[0]),)
        self._encoded = {at: kept for at, kept in self._encoded.items() if cells.get(at) is kept[0]}
        parts = list(self._chunks([(at, row) for at, row in cells.items() if row.layers != _GONE]))
        return tuple(_frame(Snapshot(head, part, len(parts), ()), chunk) for part, chunk in enumerate(parts, 1))

    def _chunks(self, rows: Sequence[tuple[Coordinate, Published]]) -> Iterator[list[bytes]]:
        """The entries in messages' worth; one empty chunk if there are none."""
        chunk: list[bytes] = []
        size = FRAME_BYTES
        for at, row in rows:
            entry = self._entry(at, row)
            if chunk and (size + len(entry) >= self._limits.message_bytes or len(chunk) == self._limits.cells):
                yield chunk
                chunk, size = [], FRAME_BYTES
            chunk.append(entry)
            size += len(entry) + 1
        yield chunk

    def _entry(self, at: Coordinate, row: Published) -> bytes:
        kept = self._encoded.get(at)
        if kept is None or kept[0] is not row:
            kept = self._encoded[at] = (row, encode_entry(entry_of(at, row.layers)).encode())
        return kept[1]


def _frame(message: Delta | Snapshot, entries: Sequence[bytes]) -> Frame:
    """The message with these entries, which come last in it."""
    start, end = encode(message).encode()[:-2], b"]}"
    return Frame(message, start + b",".join(entries) + end)
