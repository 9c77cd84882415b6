"""Queues kept current as cells change, bit for bit those of `resolve`."""

from sporewright.core.live.dirty import HIDDEN, DirtyCells, Note
from sporewright.core.live.queue import LiveQueue

__all__ = ["HIDDEN", "DirtyCells", "LiveQueue", "Note"]
