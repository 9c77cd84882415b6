"""Publications of a workspace, by revision: the difference to the last one.

The store's thread changes a publication while others read it: `publish` and `forget` replace the cells whole, and in
the order in which they and `broadcast.py` touch the fields a reader in between sees too much (sent again), never too
little.
"""

from __future__ import annotations

from sporewright.server.cells import Layers, Stated, same
from sporewright.server.store import Publication, Published

__all__ = ["changes", "forget", "publish"]

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
