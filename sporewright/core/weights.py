"""The weights at a cursor without the values: what an operator that scores for itself multiplies by (F3).

Few options have a weight of their own, and few writes concern a shared slot; both are kept account of, so that the
weights of an option are mostly those of the last one asked for.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from sporewright.core import resolve
from sporewright.core.store import Store

__all__ = ["Account", "Weights"]


class Account:
    """The weights that a tensor was told, by level."""

    def __init__(self, levels: int) -> None:
        self.own: list[set[str]] = [set() for _ in range(levels)]
        """The dimensions in which an option ever had a weight of its own."""
        self.shared = 0
        """The number of writes and removals of a shared slot's cells."""

    def written(self, level: int, option: str, dimension: str, weight: float | None) -> None:
        """A cell was written, with this weight if any."""
        if not option:
            self.shared += 1
        elif weight is not None:
            self.own[level].add(dimension)


class Weights:
    """The folded weights of these dimensions at `path`, an instance a level, as `resolve.fold_weights` has them."""

    def __init__(self, store: Store, account: Account, path: Sequence[str], dimensions: Collection[str]) -> None:
        self._store, self._account = store, account
        self._path = list(enumerate(path))
        self._dimensions = frozenset(dimensions)
        self._shared: dict[str, float] = {}
        self._as_of = -1

    def of(self, option: str) -> Mapping[str, float]:
        """dimension → the option's own deepest weight, else the shared slot's (F3); those without one left out.

        `""` is the shared slot itself.
        """
        if not option:
            return self.shared()
        own, dimensions = self._account.own, self._dimensions
        rows = [
            (at, row)
            for at, instance in reversed(self._path)
            if not dimensions.isdisjoint(own[at]) and (row := self._store.slice(at, instance).get(option))
        ]
        shared = self.shared()
        return resolve.fold_weights(rows, dimensions, shared) if rows else shared

    def shared(self) -> Mapping[str, float]:
        """The same of the shared slot."""
        if self._as_of != self._account.shared:
            self._as_of = self._account.shared
            slices = [self._store.slice(at, instance) for at, instance in self._path]
            self._shared = resolve.fold_weights(resolve.rows_of(slices, ""), self._dimensions, {})
        return self._shared
