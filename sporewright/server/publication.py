"""Publications of a workspace, by revision: the difference to the last one, and the updates for one device.

The store's thread changes a publication while the loop's reads it: `publish` and `forget` replace the cells whole, and
in the order in which they and `updates` touch the fields a reader in between sees too much (sent again), never too
little.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sporewright.server.cells import Layers, Stated, entry_of, same
from sporewright.server.store import Publication, Published
from sporewright.wire import CellEntry, Delta, Limits, Snapshot, entry_bytes

__all__ = ["changes", "forget", "publish", "updates"]

# What a snapshot or a delta takes besides its entries, with its numbers at their longest.
FRAME_BYTES = 160
_GONE = Layers()


def changes(publication: Publication, wanted: Stated) -> Stated:
    """The cells to publish so that the workspace is shown exactly what is wanted; empty layers are tombstones."""
    shown = {at: row.layers for at, row in publication.cells.items() if row.layers != _GONE}
    changed = {at: layers for at, layers in wanted.items() if at not in shown or not same(layers, shown[at])}
    return changed | {at: _GONE for at in shown if at not in wanted}


def publish(publication: Publication, cells: Stated, revision: int) -> None:
    """Show these cells from this revision on, which becomes the head."""
    publication.cells = publication.cells | {at: Published(layers, revision) for at, layers in cells.items()}
    publication.head = revision


def forget(publication: Publication, floor: int) -> None:
    """Drop the tombstones up to that revision; a device that stands before it needs a snapshot."""
    publication.floor = floor
    publication.cells = {
        at: row for at, row in publication.cells.items() if row.layers != _GONE or row.revision > floor
    }


def updates(publication: Publication, base: int | None, limits: Limits) -> Sequence[Delta | Snapshot]:
    """The updates that bring a device from revision `base` (None: from nothing) to the head; empty if it is there.

    A delta if its base is within the horizon and it fits one message, else a snapshot in as many parts as it takes.
    """
    head, cells = publication.head, publication.cells
    if base == head:
        return ()
    if base is not None and publication.floor <= base < head:
        chunks = list(_chunks([entry_of(at, row.layers) for at, row in cells.items() if row.revision > base], limits))
        if len(chunks) == 1:
            return (Delta(base, head, chunks[0]),)
    parts = list(_chunks([entry_of(at, row.layers) for at, row in cells.items() if row.layers != _GONE], limits))
    return tuple(Snapshot(head, part, len(parts), chunk) for part, chunk in enumerate(parts, 1))


def _chunks(entries: Sequence[CellEntry], limits: Limits) -> Iterator[list[CellEntry]]:
    """The entries in messages' worth; one empty chunk if there are none."""
    chunk: list[CellEntry] = []
    size = FRAME_BYTES
    for entry in entries:
        more = entry_bytes(entry)
        if chunk and (size + more > limits.message_bytes or len(chunk) == limits.cells):
            yield chunk
            chunk, size = [], FRAME_BYTES
        chunk.append(entry)
        size += more
    yield chunk
