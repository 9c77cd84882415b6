"""Queues kept current as cells change: a write re-scores the option it concerns, a question sorts nothing anew."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Protocol

from sporewright.core.cells import Cursor
from sporewright.core.columnar import ColumnStore
from sporewright.core.live.dirty import DirtyCells
from sporewright.core.live.head import Head
from sporewright.core.live.table import Table

__all__ = ["LiveQueue"]

# A head keeps more than is read, so that options may leave it: finding the smallest anew costs the whole queue.
HEADS = 4
LEAST = 64
PART = 64  # one in so many: then finding them anew costs a bounded time for each option that had to leave


class Watched(Protocol):
    """The part of a `Tensor` that a live queue needs."""

    levels: tuple[str, ...]
    store: ColumnStore

    def path(self, cursor: Cursor) -> tuple[str, ...]:
        """The instance read at each level."""
        ...

    def follow(self, cursor: Cursor, dirty: DirtyCells) -> Callable[[], None]:
        """List in `dirty` every write at the cursor's instances; gives the function that ends it."""
        ...


class LiveQueue:
    """The queue at one cursor, always equal to `tensor.resolve(cursor)[:limit]`; made by `Tensor.watch`.

    With `among`, the queue of these options alone: the same order with the others left out, cut to `limit` after that.

    A write is noted in constant time; `order()` then re-scores only the options that were written to (all of them after
    a change in the shared slot) and moves them within the sorted head.
    """

    def __init__(
        self, tensor: Watched, cursor: Cursor, limit: int | None, among: Collection[str] | None = None
    ) -> None:
        self._tensor = tensor
        self._path = tensor.path(cursor)
        self._limit = limit
        self._least = limit or 0
        self._among = None if among is None else frozenset(among)
        self._head = Head()
        self._dirty = DirtyCells()
        self._unfollow = tensor.follow(cursor, self._dirty)
        self._order: list[str] = []
        self._revision = 0
        self._make()
        self._refresh()

    def __repr__(self) -> str:
        from sporewright.core.display import first

        cursor = {level: at for level, at in zip(self._tensor.levels, self._path, strict=True) if at}
        limit = "" if self._limit is None else f", limit {self._limit}"
        return f"<LiveQueue at {cursor}{limit}, revision {self.revision}: {first(self._order)}>"

    def order(self) -> list[str]:
        """The head of the queue, a fresh list."""
        if self._dirty:
            self._refresh()
        return self._order.copy()

    @property
    def revision(self) -> int:
        """Grows by one whenever the head is found to have changed."""
        if self._dirty:
            self._refresh()
        return self._revision

    @property
    def total(self) -> int:
        """The number of options in the whole queue."""
        if self._dirty:
            self._refresh()
        return self._table.total

    def close(self) -> None:
        """Stop following the tensor and give the memory back; the queue is empty from now on."""
        self._unfollow()
        self._dirty.clear()
        self._table = Table(self._tensor.store, self._path, ())
        self._head = Head()
        self._order = []

    def _make(self) -> None:
        self._dirty.clear()
        self._table = Table(self._tensor.store, self._path, self._among)
        self._many = LEAST + len(self._table.slots) // 2
        self._dirty.most = self._many + 1
        self._fill(self._table)

    def _refresh(self) -> None:
        """Follow what was written, and find out whether what is read is another order than before."""
        if len(self._dirty) > self._many:
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
        head, dirty = self._head, self._dirty
        if len(dirty) == 1:  # as most often: the same without books of what was moved
            ((option, dimension), note) = dirty.popitem()
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
        dirty, among = self._dirty, self._among
        weighed = False
        scores: dict[str, float | None] = {}
        folded: set[str] = set()
        for (option, dimension), note in dirty.items():
            if not option:
                weighed = table.reweigh(dimension) or weighed
            elif option not in folded and (among is None or option in among):
                if option not in scores:
                    scores[option] = table.score(option)
                if not table.take(option, dimension, note):
                    folded.add(option)
        dirty.clear()
        for option, before in scores.items():
            self._head.move(option, before, table.add_up(option))
        return weighed

    def _room(self, total: int) -> int:
        """The number of options, of so many, that a head is filled with."""
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
