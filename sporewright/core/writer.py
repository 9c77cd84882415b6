"""Writers: every write goes through one, and it only ever reaches its own slice or finer (W1, W2, W4)."""

from __future__ import annotations

from sporewright.core import checks
from sporewright.core.cells import CellSink
from sporewright.core.codec import ApplyReport, apply_cells
from sporewright.errors import BadValueKindError, SporewrightError, WriteUpError
from sporewright.jsontext import shown

__all__ = ["Writer"]

_Bound = tuple[int, str]


def _within(level: int, instance: str, bound: _Bound) -> bool:
    """True if (level, instance) is the bound's slice or lies below it."""
    at, name = bound
    if level == at:
        return instance == name
    return level > at and instance.startswith(name + "/")


def _place(*coordinate: str) -> str:
    return f"({', '.join(map(repr, coordinate))})"


def _scalar(x: object, coordinate: tuple[str, str, str, str]) -> float:
    """A float64; BadValueKindError names the coordinate, which is written out for nobody else."""
    return checks.number(x, _place(*coordinate))


class Writer:
    """A handle that may write at its floor or finer, inside its slice if it is bound to one; made by `Tensor.writer`.

    A refused write changes nothing. Setting one layer of a cell leaves the other (T5).
    """

    __slots__ = ("_admitted", "_at", "_bounds", "_floor", "_tensor")

    def __init__(self, tensor: CellSink, floor: int, bounds: tuple[_Bound, ...]) -> None:
        self._tensor = tensor
        self._floor = floor
        self._bounds = bounds
        self._admitted: tuple[str, str] | None = None
        self._at = 0

    def __repr__(self) -> str:
        slices = ", ".join(map(self._slice_name, self._bounds))
        return (
            f"<Writer at level {self._tensor.levels[self._floor]!r} and finer{', within ' if slices else ''}{slices}>"
        )

    def set_value(self, level: str, instance: str, option: str, dimension: str, x: float) -> None:
        """Write a scalar value; ±∞ and NaN are gates (R2). In the shared slot "" it is kept but never read (T2)."""
        at = self._at
        if (level, instance) != self._admitted or not type(instance) is type(option) is type(dimension) is str:
            at = self._admit(level, instance, option, dimension)
        value = x if type(x) is float else _scalar(x, (level, instance, option, dimension))
        self._tensor.merge(at, instance, option, dimension, value, None)

    def set_document(self, level: str, instance: str, option: str, dimension: str, data: bytes) -> None:
        """Write opaque bytes as the value; its scalar reading is nothing (F4)."""
        at = self._admit(level, instance, option, dimension)
        if not isinstance(data, bytes | bytearray | memoryview):
            raise BadValueKindError(f"{_place(level, instance, option, dimension)}: {shown(data)} is not bytes")
        self._tensor.merge(at, instance, option, dimension, bytes(data), None)

    def set_weight(self, level: str, instance: str, dimension: str, x: float) -> None:
        """Write the weight of a dimension in the shared slot, for every option (T2)."""
        self.set_option_weight(level, instance, "", dimension, x)

    def set_option_weight(self, level: str, instance: str, option: str, dimension: str, x: float) -> None:
        """Write one option's own weight, which beats the shared one (F3)."""
        at = self._at
        if (level, instance) != self._admitted or not type(instance) is type(option) is type(dimension) is str:
            at = self._admit(level, instance, option, dimension)
        weight = x if type(x) is float else _scalar(x, (level, instance, option, dimension))
        self._tensor.merge(at, instance, option, dimension, None, weight)

    def unset(self, level: str, instance: str, option: str, dimension: str) -> bool:
        """Remove both layers of a cell (W4); False if there was none."""
        at = self._admit(level, instance, option, dimension)
        return self._tensor.remove(at, instance, option, dimension)

    def apply_json(self, text: str | bytes) -> ApplyReport:
        """Merge S1 cells, each through W1; refused and malformed ones are skipped whole and reported (W4, S3)."""
        return apply_cells(self._tensor, text, self._refusal)

    def attenuate(self, level: str, instance: str | None = None) -> Writer:
        """A writer with the finer floor and the narrower slice; WriteUpError if it would reach outside (W2)."""
        at = self._tensor.level_index(level)
        if not isinstance(instance, str | None):
            raise BadValueKindError(f"the instance of a writer's slice is a string, not {shown(instance)}")
        if instance is None:
            return Writer(self._tensor, max(self._floor, at), self._bounds)
        for bound in self._bounds:
            if not (_within(at, instance, bound) or _within(bound[0], bound[1], (at, instance))):
                raise WriteUpError(
                    f"({level!r}, {instance!r}) is outside this writer's slice {self._slice_name(bound)}"
                )
        return Writer(self._tensor, max(self._floor, at), (*self._bounds, (at, instance)))

    def _admit(self, level: str, instance: str, option: str, dimension: str) -> int:
        """The level's index, if this writer may write there; the last place is kept for those who ask often."""
        coordinate = (level, instance, option, dimension)
        for name in coordinate:
            if not isinstance(name, str):
                raise BadValueKindError(f"each name of a coordinate is a string; got {shown(name)}")
        at = self._tensor.level_index(level)
        if at < self._floor:
            floor = self._tensor.levels[self._floor]
            raise WriteUpError(f"{_place(*coordinate)}: level {level!r} is coarser than this writer's floor {floor!r}")
        for bound in self._bounds:
            if not _within(at, instance, bound):
                raise WriteUpError(f"{_place(*coordinate)}: outside this writer's slice {self._slice_name(bound)}")
        self._admitted, self._at = (level, instance), at
        return at

    def _refusal(self, level: str, instance: str, option: str, dimension: str) -> str | None:
        try:
            self._admit(level, instance, option, dimension)
        except SporewrightError as why:
            return f"{why.code}: {why}"
        return None

    def _slice_name(self, bound: _Bound) -> str:
        return _place(self._tensor.levels[bound[0]], bound[1])
