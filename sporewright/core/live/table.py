"""Scores of the options at one cursor: folded values by dimension, kept as cells change (F, R1–R4)."""

from __future__ import annotations

from array import array
from collections.abc import Collection, Mapping, MutableSequence, Sequence
from math import isfinite

from sporewright.core import resolve
from sporewright.core.columnar import ColumnStore, Term
from sporewright.core.live import scores as scoring
from sporewright.core.live.dirty import Note
from sporewright.core.small import laid_over, shared_weights
from sporewright.core.store import Layers, Slice

__all__ = ["Table"]

SPARE = 64
"""So many slots may be free without a thought."""

_NO_ROW: Mapping[str, Layers] = {}


class Table:
    """Every option at the cursor has a slot; every weighted dimension has a column, the folded scalars by slot.

    Where an option has no scalar its column says 0.0, which adds nothing: no score is −0.0. A dimension that nobody
    weighs has no column: it only decides who is ranked. Memory: 8 bytes an option and weighted dimension, and names.
    """

    def __init__(self, store: ColumnStore, path: Sequence[str], among: Collection[str] | None) -> None:
        self._store = store
        self._path = path
        store.settle()  # before any slice is looked at: cells may move
        slices = self._slices()
        self._weights = shared_weights(slices)
        self.missing: set[str] = set()
        """Dimensions that are weighted and have no column: the table has to be made anew."""
        self._own: dict[str, dict[int, float]] = {}
        self._columns: dict[str, array[float]] = {}
        if among is not None or not self._take_wide():
            here = resolve.options_at(slices) if among is None else _among(slices, among)
            self._take_rows(slices, sorted(here))
        self._in_order = True
        self._free: list[int] = []
        self.slots: dict[str, int] = {name: slot for slot, name in enumerate(self._names)}
        self.total = sum(self._ranked)
        """The number of options that have a place in the queue (R1, R2)."""
        self._places = {dimension: at for at, dimension in enumerate(self._columns)}
        self._terms: list[Term] = [
            (self._weights.get(each, 0.0), column, self._own.get(each)) for each, column in self._columns.items()
        ]
        self.weigh()

    # --- made from the cells -------------------------------------------------------------------------------------

    def _slices(self) -> list[Slice]:
        return [self._store.slice(at, instance) for at, instance in enumerate(self._path)]

    def _take_wide(self) -> bool:
        """Fold arrays, if the cells stand in some and no option has a weight of its own."""
        store = self._store
        if store.options is None:
            return False
        from sporewright.core.columnar.scores import columns

        found = columns(store, self._path, {each for each, weight in self._weights.items() if weight})
        if found is None:
            return False
        self._names, self._ranked, self._columns = found
        return True

    def _take_rows(self, slices: Sequence[Slice], names: list[str]) -> None:
        """Fold option by option; once more where an own weight turned up in a dimension without a column."""
        self._names = names
        self.missing = {each for each, weight in self._weights.items() if weight}
        while True:
            zeros = bytes(8 * len(names))
            self._columns = {each: array("d", zeros) for each in sorted({*self._columns, *self.missing})}
            self.missing.clear()
            self._ranked = bytearray(len(names))
            for slot, option in enumerate(names):
                self._lay(slot, _row(slices, option))
            if not self.missing:
                return

    def _lay(self, slot: int, row: Mapping[str, Layers]) -> None:
        """An option's folded cells, by the rules: values, own weights (F3, R4), whether it is ranked (R1, R2)."""
        columns, ranked, gated = self._columns, 0, False
        for dimension, (value, weight) in row.items():
            if isinstance(value, float):
                if value - value == 0.0:
                    ranked = 1
                else:
                    value, gated = 0.0, True
                if dimension in columns:
                    columns[dimension][slot] = value
            if weight is not None:
                self._own.setdefault(dimension, {})[slot] = weight if isfinite(weight) else 0.0
                if dimension not in columns:
                    self.missing.add(dimension)
        self._ranked[slot] = 0 if gated else ranked

    def _blank(self, slot: int) -> None:
        self._ranked[slot] = 0
        for column in self._columns.values():
            column[slot] = 0.0
        for dimension, own in list(self._own.items()):
            if own.pop(slot, None) is not None and not own:
                del self._own[dimension]

    # --- following the cells -------------------------------------------------------------------------------------

    def score(self, option: str) -> float | None:
        """Its score when it was last added up; None where it has no place in the queue."""
        slot = self.slots.get(option)
        return self._scores[slot] if slot is not None and self._ranked[slot] else None

    def take(self, option: str, dimension: str, note: Note) -> bool:
        """A cell of the option was written to; False: all its cells were looked at, and there is no more to take."""
        slot = self.slots.get(option)
        if slot is not None and self._ranked[slot] and note is not None:
            column = self._columns.get(dimension)
            if type(note) is float:
                if note - note == 0.0:
                    if column is not None:
                        column[slot] = note
                    return True
            elif type(note) is tuple:
                own = self._own.get(dimension)
                if not note:  # of a dimension without weight it changes nothing: the option was in the queue before
                    if column is None:
                        return True
                elif column is not None and own is not None and note[0] - note[0] == 0.0:
                    column[slot], weight = note
                    own[slot] = weight if isfinite(weight) else 0.0
                    return True
        self._refold(option, slot)
        return False

    def add_up(self, option: str) -> float | None:
        """Score the option anew; None where it has no place in the queue."""
        slot = self.slots.get(option)
        if slot is None or not self._ranked[slot]:
            return None
        score = 0.0
        if self._own:
            for weight, column, own in self._terms:
                score += (weight if own is None else own.get(slot, weight)) * column[slot]
        else:
            for weight, column, _ in self._terms:
                score += weight * column[slot]
        self._scores[slot] = score
        return score

    def _refold(self, option: str, slot: int | None) -> None:
        """Lay all the cells of an option anew."""
        row = _row(self._slices(), option)
        if slot is None:
            if not row:
                return
            slot = self._place(option)
        had = self._own.copy()
        self.total -= self._ranked[slot]
        self._blank(slot)
        self._lay(slot, row)
        self.total += self._ranked[slot]
        for dimension in had.keys() | self._own.keys():
            if dimension in self._columns and had.get(dimension) is not self._own.get(dimension):
                self._settle_term(dimension)
        if not row:
            del self.slots[option]
            self._free.append(slot)

    def _place(self, option: str) -> int:
        """A slot for an option that comes."""
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

    def reweigh(self, dimension: str) -> bool:
        """The shared slot was written to: True if the weight is another one, and `weigh` is due."""
        weight = None
        for at in range(len(self._path) - 1, -1, -1):
            weight = self._store.get(at, self._path[at], "", dimension)[1]
            if weight is not None:
                break
        effective = weight if weight is not None and isfinite(weight) else 0.0
        if effective == self._weights.get(dimension, 0.0):
            return False
        self._weights[dimension] = effective
        if dimension in self._columns:
            self._settle_term(dimension)
        else:
            self.missing.add(dimension)
        return True

    @property
    def is_hollow(self) -> bool:
        """Most slots are unused: made anew it weighs what its options weigh."""
        return len(self._free) > SPARE + len(self.slots)

    # --- what they are worth -------------------------------------------------------------------------------------

    def weigh(self) -> None:
        """Score every option anew."""
        self._scores: MutableSequence[float] = scoring.weigh(self._terms, len(self._names))

    def _settle_term(self, dimension: str) -> None:
        column = self._columns[dimension]
        self._terms[self._places[dimension]] = (self._weights.get(dimension, 0.0), column, self._own.get(dimension))

    def smallest(self, count: int) -> tuple[list[float], list[str]]:
        """The scores and the names of the first `count` of the queue, in order (R5)."""
        scores, names = self._scores, self._names
        ranked = None if self.total == len(names) else self._ranked
        slots = scoring.smallest(scores, names, ranked, count, self._in_order) if count else []
        return [scores[slot] for slot in slots], [names[slot] for slot in slots]


def _among(slices: Sequence[Slice], among: Collection[str]) -> list[str]:
    return [option for option in among if option and any(option in cells for cells in slices)]


def _row(slices: Sequence[Slice], option: str) -> Mapping[str, Layers]:
    """The option's cells in no order, each layer folded for itself (F1, F2)."""
    row = _NO_ROW
    for cells in slices:
        finer = cells.get(option)
        if finer:
            row = laid_over(row, finer) if row else finer
    return row
