"""The orders at cursors that native calls name: each followed from its first call on, a bounded number of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import count
from typing import Any

__all__ = ["MOST", "CursorQueues"]

MOST = 32
"""So many cursors are followed; the one called for longest ago makes room."""
WHOLE = 2**31 - 1
"""The limit of a watch that is to hold the whole order."""


class CursorQueues:
    """`call` makes a call of the bridge; what the engine pushes is to be passed on to `told`."""

    def __init__(self, call: Callable[..., dict[str, Any]]) -> None:
        self._call = call
        self._names: dict[tuple[tuple[str, str], ...], str] = {}
        self._orders: dict[str, list[str]] = {}
        self._counted = count(1)

    def order(self, cursor: Mapping[str, str]) -> list[str]:
        """The whole order there, as it stands; raises what the engine says of a cursor that there cannot be."""
        key = tuple(sorted(cursor.items()))
        name = self._names.pop(key, None)
        if name is None:
            name = f"call/{next(self._counted)}"
            self._orders[name] = self._call("watch", watch=name, limit=WHOLE, cursor=dict(cursor))["queue"]
        self._names[key] = name
        if len(self._names) > MOST:
            oldest = self._names.pop(next(iter(self._names)))
            del self._orders[oldest]
            self._call("unwatch", watch=oldest)
        return self._orders[name]

    def told(self, name: str, queue: list[str]) -> None:
        """Take a push for a watch; one that is none of these is left alone."""
        if name in self._orders:
            self._orders[name] = queue
