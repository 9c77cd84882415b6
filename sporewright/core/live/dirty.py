"""The cells written to since a live queue last looked, with what is known of each write."""

from __future__ import annotations

from typing import Final

from sporewright.core.store import Value

__all__ = ["HIDDEN", "DirtyCells", "Note"]

HIDDEN: Final = ()
"""A finite scalar alone was written above the finest level, where a finer one may hide it."""

Note = Value | tuple[float, float] | tuple[()] | None
"""The knowledge of a cell that was written to. At the finest level, all there is to know: the folded value where the
value alone was written, value and own weight where both were. `HIDDEN`. None: it has to be looked at."""


class DirtyCells(dict[tuple[str, str], Note]):
    """(option, dimension) → what is known of the writes to it since the owner last cleared this.

    At most `most` cells: once as many are listed, others may have been written to as well.
    """

    most = 0

    def add(self, at: tuple[str, str], news: Note) -> None:
        """Record another write to a cell that is listed already."""
        known = self[at]
        if known is None or known is HIDDEN or news is None:
            self[at] = None if known is None else news
        elif news is not HIDDEN:
            self[at] = (news, known[1]) if type(news) is float and isinstance(known, tuple) and known else news
