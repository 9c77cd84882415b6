"""Queues kept current as cells change: a write re-scores the option it concerns, a question sorts nothing anew."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Final

from sporewright.core.live_head import Head
from sporewright.core.live_table import Table
from sporewright.core.store import Value

if TYPE_CHECKING:
    from sporewright.core.tensor import Tensor

__all__ = ["HIDDEN", "LiveQueue", "Note", "Noted"]

# A head keeps more than is read, so that options may leave it: finding the smallest anew costs the whole queue.
HEADS = 4
LEAST = 64
PART = 64  # one in so many: then finding them anew costs a bounded time for each option that had to leave


HIDDEN: Final = ()
"""A finite scalar alone was written above the finest level, where a finer one may hide it."""

Note = Value | tuple[float, float] | tuple[()] | None
"""What is known of a cell that was written to. At the finest level, all there is to know: the folded value where the
value alone was written, value and own weight where both were. `HIDDEN`. None: it has to be looked at."""


class Noted(dict[tuple[str, str], Note]):
    """The (option, dimension) written to since its owner last cleared it, with what is known of each.

    There are never more than `most`: where there are as many, others may have been written to as well.
    """

    most = 0

    def add(self, at: tuple[str, str], news: Note) -> None:
        """What was written to before was written to once more."""
        known = self[at]
        if known is None or known is HIDDEN or news is None:
            self[at] = None if known is None else news
        elif news is not HIDDEN:
            self[at] = (news, known[1]) if type(news) is float and isinstance(known, tuple) and known else news


class LiveQueue:
    """The queue at one cursor, always equal to `tensor.resolve(cursor)[:limit]`; made by `Tensor.watch`.

    With `among`, the queue of these options alone: the same order with the others left out, cut to `limit` after that.

    A write is noted in constant time; `order()` then re-scores only the options that were written to (all of them after
    a change in the shared slot) and moves them within the sorted head.
    """

    def __init__(
        self, tensor: Tensor, cursor: Mapping[str, str], limit: int | None, among: Collection[str] | None = None
    ) -> None:
        self._tensor = tensor
        self._path = tensor.path(cursor)
        self._limit = limit
        self._least = limit or 0
        self._among = None if among is None else frozenset(among)
        self._head = Head()
        self._noted = Noted()
        self._unfollow = tensor.follow(cursor, self._noted)
        self._order: list[str] = []
        self._revision = 0
        self._make()
        self._refresh()

    def order(self) -> list[str]:
        """The head of the queue, a fresh list."""
        if self._noted:
            self._refresh()
        return self._order.copy()

    @property
    def revision(self) -> int:
        """Grows by one whenever the head is found to have changed."""
        if self._noted:
            self._refresh()
        return self._revision

    @property
    def total(self) -> int:
        """The number of options in the whole queue."""
        if self._noted:
            self._refresh()
        return self._table.total

    def close(self) -> None:
        """Stop following the tensor and give the memory back; the queue is empty from now on."""
        self._unfollow()
        self._noted.clear()
        self._table = Table(self._tensor, self._path, ())
        self._head = Head()
        self._order = []

    def _make(self) -> None:
        self._noted.clear()
        self._table = Table(self._tensor, self._path, self._among)
        self._many = LEAST + len(self._table.slots) // 2
        self._noted.most = self._many + 1
        self._fill(self._table)

    def _refresh(self) -> None:
        """Follow what was written, and find out whether what is read is another order than before."""
        if len(self._noted) > self._many:
            self._make()
        else:
            self._follow(self._table)
        limit, names = self._limit, self._head.names
        if limit is None or self._head.first < limit:
            order = names[:limit]
            if order != self._order:
                self._order = order
                self._revision += 1
        self._head.first = len(names)

    def _follow(self, table: Table) -> None:
        """Take over what was written, and move those options within the head."""
        head, noted = self._head, self._noted
        if len(noted) == 1:  # as most often: the same without books of what was moved
            ((option, dimension), note) = noted.popitem()
            weighed = not option and table.reweigh(dimension)
            if option and (self._among is None or option in self._among):
                before = table.score(option)
                table.take(option, dimension, note)
                head.move(option, before, table.add_up(option))
        else:
            weighed = self._follow_all(table)
        if table.missing or table.is_hollow:
            self._make()
        elif weighed:
            table.weigh()
            self._fill(table)
        elif len(head.names) > self._most or (len(head.names) < self._least and not head.complete):
            self._bound(table)

    def _follow_all(self, table: Table) -> bool:
        """Of many cells; whether a shared weight was among them."""
        noted, among = self._noted, self._among
        weighed = False
        scores: dict[str, float | None] = {}
        folded: set[str] = set()
        for (option, dimension), note in noted.items():
            if not option:
                weighed = table.reweigh(dimension) or weighed
            elif option not in folded and (among is None or option in among):
                if option not in scores:
                    scores[option] = table.score(option)
                if not table.take(option, dimension, note):
                    folded.add(option)
        noted.clear()
        for option, before in scores.items():
            self._head.move(option, before, table.add_up(option))
        return weighed

    def _room(self, total: int) -> int:
        """How many of so many a head is filled with."""
        room = total if self._limit is None else max(HEADS * self._limit, LEAST, total // PART)
        return total if 2 * room >= total else room

    def _fill(self, table: Table) -> None:
        room = self._room(table.total)
        self._head.fill(*table.smallest(room), room == table.total)
        self._most = 2 * room + LEAST

    def _bound(self, table: Table) -> None:
        """A head that ran short is filled again, one that grew long lets go of its end."""
        room = self._room(table.total)
        if len(self._head.names) < self._least:
            self._fill(table)
        elif room < len(self._head.names):
            self._head.trim(room)
        self._most = 2 * room + LEAST
