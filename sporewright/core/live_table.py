"""What the options at one cursor are worth: folded values by dimension, kept as cells change (F, R1–R4)."""

from __future__ import annotations

from array import array
from collections.abc import Collection, Mapping, MutableSequence, Sequence
from math import isfinite
from typing import TYPE_CHECKING

from sporewright.core import live_scores, resolve
from sporewright.core.store import Layers, Slice, Value

if TYPE_CHECKING:
    from sporewright.core.tensor import Tensor

__all__ = ["Table"]


_NO_ROW: Mapping[str, Layers] = {}


def _effective(weight: float | None) -> float:
    """A weight that contributes nothing as 0.0, which adds nothing: values are finite, no score is −0.0 (R4)."""
    return weight if weight is not None and isfinite(weight) else 0.0


def _scalar(value: Value | None) -> float:
    """What stands in a column: 0.0 where there is no finite scalar."""
    return value if isinstance(value, float) and isfinite(value) else 0.0


class Table:
    """Every option at the cursor has a slot; every weighted dimension has a column, the folded scalars by slot.

    Where an option has no scalar its column says 0.0, which adds nothing to a score. A dimension that nobody weighs has
    no column: it only decides who is ranked. Memory: 8 bytes an option and weighted dimension, and the names.
    """

    def __init__(self, tensor: Tensor, path: Sequence[str], among: Collection[str] | None) -> None:
        self._tensor = tensor
        self._path = path
        self._upward = tuple(enumerate(path))[::-1]
        slices = self._slices()
        if among is None:
            self._names = sorted(resolve.options_at(slices))
        else:
            self._names = sorted(each for each in among if each and any(each in cells for cells in slices))
        self._in_order = True
        self._free: list[int] = []
        self.slots: dict[str, int] = {name: slot for slot, name in enumerate(self._names)}
        self._ranked = bytearray(len(self._names))
        self._scores: MutableSequence[float] = []
        self._terms: list[live_scores.Term] = []
        self._weights: dict[str, float] = {}
        self._own: dict[str, dict[int, float]] = {}
        self._columns: dict[str, array[float]] = {}
        self._gather(slices)
        self.total = sum(self._ranked)
        """How many options have a place in the queue (R1, R2)."""
        self.weigh()

    # --- made from the cells -------------------------------------------------------------------------------------

    def _slices(self) -> list[Slice]:
        return [self._tensor.store.slice(at, instance) for at, instance in enumerate(self._path)]

    def _gather(self, slices: Sequence[Slice]) -> None:
        doubtful: set[str] = set()  # a gate or a document, which may be hidden or hide
        for cells in slices:
            for option, slot in self.slots.items():
                for dimension, (value, weight) in cells.get(option, _NO_ROW).items():
                    if weight is not None:
                        self._own.setdefault(dimension, {})[slot] = _effective(weight)
                    if isinstance(value, float) and value - value == 0.0:
                        self._ranked[slot] = 1
                    elif value is not None:
                        doubtful.add(option)
            for dimension, (_, weight) in cells.get("", _NO_ROW).items():
                if weight is not None:
                    self._weights[dimension] = _effective(weight)
        for option in doubtful:
            self._ranked[self.slots[option]] = _is_ranked(slices, option)
        for dimension in {*self._own, *(each for each, weight in self._weights.items() if weight)}:
            self._add_column(slices, dimension)

    def _add_column(self, slices: Sequence[Slice], dimension: str) -> None:
        column = array("d", bytes(8 * len(self._names)))
        for cells in slices:
            for option, slot in self.slots.items():
                layers = cells.get(option, _NO_ROW).get(dimension)
                if layers is not None and layers[0] is not None:
                    column[slot] = _scalar(layers[0])
        self._columns = dict(sorted({**self._columns, dimension: column}.items()))

    # --- following the cells -------------------------------------------------------------------------------------

    def touch(self, option: str, dimension: str, value_only: bool) -> tuple[float | None, float | None]:
        """A cell of the option was written to, its value alone or any layer: fold it again and score the option.

        Gives the score before and the score now; None where the option has no place in the queue.
        """
        value, weight = self._folded(option, dimension, value_only)
        slot = self.slots.get(option)
        before = None
        if slot is not None and self._ranked[slot]:
            before = self._scores[slot]
        if slot is None or before is None or not isinstance(value, float) or value - value != 0.0:
            slot = self._seat(option, slot)
            if slot is None:
                return before, None
        if not value_only:
            self._weigh_own(slot, dimension, weight)
        column = self._columns.get(dimension)
        if column is not None:
            column[slot] = _scalar(value)
        return before, self._score(slot) if self._ranked[slot] else None

    def _folded(self, option: str, dimension: str, value_only: bool) -> tuple[Value | None, float | None]:
        """The deepest value and own weight (F1, F2); the weight is not looked for when only the value was written."""
        value: Value | None = None
        weight: float | None = None
        get = self._tensor.store.get
        for at, instance in self._upward:
            found, own = get(at, instance, option, dimension)
            if value is None:
                value = found
            if weight is None:
                weight = own
            if value is not None and (value_only or weight is not None):
                break
        return value, weight

    def _seat(self, option: str, slot: int | None) -> int | None:
        """Whether the option is here at all, and ranked, is found by the plain rules."""
        slices = self._slices()
        if not any(option in cells for cells in slices):
            if slot is not None:
                self._vacate(option, slot)
            return None
        if slot is None:
            slot = self._take(option)
        ranked = _is_ranked(slices, option)
        self.total += ranked - self._ranked[slot]
        self._ranked[slot] = ranked
        return slot

    def _take(self, option: str) -> int:
        """A slot of zeros: every cell of an option that comes is noted, so its columns are filled by `touch`."""
        self._in_order = False
        if self._free:
            slot = self._free.pop()
            self._names[slot] = option
        else:
            slot = len(self._names)
            self._names.append(option)
            self._ranked.append(0)
            for column in (self._scores, *self._columns.values()):
                column.append(0.0)
        self.slots[option] = slot
        return slot

    def _vacate(self, option: str, slot: int) -> None:
        del self.slots[option]
        self._free.append(slot)
        self.total -= self._ranked[slot]
        self._ranked[slot] = 0
        for column in self._columns.values():
            column[slot] = 0.0
        for dimension in list(self._own):
            self._weigh_own(slot, dimension, None)

    def _weigh_own(self, slot: int, dimension: str, weight: float | None) -> None:
        own = self._own.get(dimension)
        if weight is not None:
            if own is None:
                own = self._own[dimension] = {}
                if dimension not in self._columns:
                    self._add_column(self._slices(), dimension)
                self._settle_terms()
            own[slot] = _effective(weight)
        elif own is not None and own.pop(slot, None) is not None and not own:
            del self._own[dimension]
            self._settle_terms()

    # --- what they are worth -------------------------------------------------------------------------------------

    def _score(self, slot: int) -> float:
        """The score of one option, as R3 adds it."""
        score = 0.0
        if self._own:
            for weight, column, own in self._terms:
                score += (weight if own is None else own.get(slot, weight)) * column[slot]
        else:
            for weight, column, _ in self._terms:
                score += weight * column[slot]
        self._scores[slot] = score
        return score

    def reweigh(self, dimension: str) -> bool:
        """The shared slot was written to: True if the weight is another one, and `weigh` is due."""
        get = self._tensor.store.get
        weight = None
        for at, instance in self._upward:
            weight = get(at, instance, "", dimension)[1]
            if weight is not None:
                break
        effective = _effective(weight)
        if effective == self._weights.get(dimension, 0.0):
            return False
        self._weights[dimension] = effective
        if dimension not in self._columns:
            self._add_column(self._slices(), dimension)
        return True

    def weigh(self) -> None:
        """Score every option anew."""
        self._settle_terms()
        self._scores = live_scores.weigh(self._terms, len(self._names))

    def _settle_terms(self) -> None:
        self._terms = [
            (self._weights.get(each, 0.0), column, self._own.get(each)) for each, column in self._columns.items()
        ]

    def smallest(self, count: int) -> tuple[list[float], list[str]]:
        """The scores and the names of the first `count` of the queue, in order (R5)."""
        scores, names = self._scores, self._names
        ranked = None if self.total == len(names) else self._ranked
        slots = live_scores.smallest(scores, names, ranked, count, self._in_order) if count else []
        return [scores[slot] for slot in slots], [names[slot] for slot in slots]


def _is_ranked(slices: Sequence[Slice], option: str) -> bool:
    return resolve.score_option(resolve.rows_of(slices, option), ()) is not None
