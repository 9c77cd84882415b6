"""Cells of wide tensors as dense float64 blocks (panels), read by numpy.

The door is `ColumnStore` and `available`. The other modules import numpy, so they are imported where they are used.
"""

from sporewright.core.columnar.store import ColumnStore, Term, available

__all__ = ["ColumnStore", "Term", "available"]
