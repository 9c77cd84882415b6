"""Cells, and the tensor that holds them as operators see it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from sporewright.core.store import Cells, Value

__all__ = ["Cell", "CellSink", "Cursor"]

Cursor = Mapping[str, str]
"""level → instance; a level left out reads instance "" (T3)."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One coordinate with its layers; `value` and `weight` are None where unset (T1)."""

    level: str
    instance: str
    option: str
    dimension: str
    value: Value | None = None
    weight: float | None = None


class CellSink(Protocol):
    """Takes cells by level index: a `Tensor`, seen by writers, readers of JSON and roll-ups."""

    levels: tuple[str, ...]

    def level_index(self, level: str) -> int:
        """The index of the level, coarse → fine; UnknownLevelError if it does not exist."""
        ...

    def merge(
        self, level: int, instance: str, option: str, dimension: str, value: Value | None, weight: float | None
    ) -> None:
        """Set the layers given, leave the others (T5)."""
        ...

    def put_many(self, level: int, instance: str, cells: Cells, *, merge: bool = False) -> None:
        """State these cells of one instance whole, or merge them (T5)."""
        ...

    def remove(self, level: int, instance: str, option: str, dimension: str) -> bool:
        """Remove both layers; False if there was no cell."""
        ...
