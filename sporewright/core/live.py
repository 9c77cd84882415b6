"""Queues kept current as cells change: a write re-scores the option it concerns, a question sorts nothing anew."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING

from sporewright.core import resolve
from sporewright.core.store import Slice

if TYPE_CHECKING:
    from sporewright.core.tensor import Tensor

__all__ = ["LiveQueue"]

_Key = tuple[bool, float, str]

# From one option in so many on, sorting everything costs less than shifting the list once for each (measured).
MANY = 16


class LiveQueue:
    """The queue at one cursor, always equal to `tensor.resolve(cursor)[:limit]`; made by `Tensor.watch`.

    With `among`, the queue of these options alone: the same order with the others left out, cut to `limit` after that.

    A write is noted in constant time; `order()` then re-scores only the options that were written to (all of them after
    a change in the shared slot) and moves them within a sorted list.
    """

    def __init__(
        self, tensor: Tensor, cursor: Mapping[str, str], limit: int | None, among: Collection[str] | None = None
    ) -> None:
        self._tensor = tensor
        self._cursor = cursor
        self._path = tensor.path(cursor)
        self._limit = limit
        self._among = None if among is None else frozenset(among) - {""}
        self._keys: dict[str, _Key] = {}
        self._sorted: list[_Key] = []
        self._dirty: set[str] = set()
        self._all_dirty = True
        self._head: list[str] = []
        self._revision = 0
        self._unlisten = tensor.listen(self._written)
        self._refresh()

    def order(self) -> list[str]:
        """The head of the queue, a fresh list."""
        self._refresh()
        return list(self._head)

    @property
    def revision(self) -> int:
        """Grows by one whenever the head is found to have changed."""
        self._refresh()
        return self._revision

    @property
    def total(self) -> int:
        """How many options the whole queue has."""
        self._refresh()
        return len(self._sorted)

    def close(self) -> None:
        """Stop following the tensor and give the memory back; the queue is empty from now on."""
        self._unlisten()
        self._keys.clear()
        self._sorted.clear()
        self._head.clear()
        self._dirty.clear()
        self._all_dirty = False

    def _written(self, level: int, instance: str, option: str, dimension: str) -> None:  # noqa: ARG002
        if self._path[level] != instance:
            return
        if not option:
            self._all_dirty = True
        elif self._among is None or option in self._among:
            self._dirty.add(option)

    def _refresh(self) -> None:
        if not (self._dirty or self._all_dirty):
            return
        slices = self._tensor.slices(self._cursor)
        if self._all_dirty:
            self._keys.clear()
            self._sorted.clear()
            self._dirty = resolve.options_at(slices) if self._among is None else set(self._among)
        self._rank(slices)
        self._dirty = set()
        self._all_dirty = False
        head = [key[2] for key in (self._sorted if self._limit is None else self._sorted[: self._limit])]
        if head != self._head:
            self._head = head
            self._revision += 1

    def _rank(self, slices: list[Slice]) -> None:
        """Re-score what was written to; a few options are moved within the sorted list, many are sorted at once."""
        few = len(self._dirty) * MANY < len(self._sorted)
        for option, score in resolve.scores(slices, self._dirty):
            key = None if score is None else resolve.rank_key(option, score)
            old = self._keys.pop(option, None)
            if key is not None:
                self._keys[option] = key
            if few and key != old:
                self._move(old, key)
        if not few:
            self._sorted = sorted(self._keys.values())

    def _move(self, old: _Key | None, key: _Key | None) -> None:
        if old is not None:
            del self._sorted[bisect_left(self._sorted, old)]
        if key is not None:
            insort(self._sorted, key)
