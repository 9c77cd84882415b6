"""The tensor: sparse cells at (level, instance, option, dimension), folded and resolved at a cursor (T, F)."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping

from sporewright.core import checks, codec, resolve, rollup
from sporewright.core.cells import Cell, Cursor
from sporewright.core.columnar import ColumnStore
from sporewright.core.live import HIDDEN, DirtyCells, LiveQueue, Note
from sporewright.core.resolve import Resolution
from sporewright.core.small import SmallResolver
from sporewright.core.store import Cells, Slice, Value
from sporewright.core.weights import Account
from sporewright.core.writer import Writer
from sporewright.errors import BadValueKindError, ConfigError, DecodeError, UnknownLevelError
from sporewright.jsontext import listed, shown

__all__ = ["Cell", "Cursor", "Listener", "Tensor"]

Listener = Callable[[int, str, str, str], None]
"""Told (level index, instance, option, dimension) after each write."""


def _pair(option: object, dimension: object) -> tuple[str, str]:
    return checks.name(option, "option"), checks.name(dimension, "dimension")


class Tensor:
    """A sparse tensor over a fixed list of levels, coarse → fine (T1, T2).

    Raises ConfigError for no levels, an empty or repeated name.
    """

    def __init__(self, levels: Iterable[str]) -> None:
        named = isinstance(levels, Iterable) and not isinstance(levels, (str, bytes))
        self.levels: tuple[str, ...] = tuple(levels) if named else ()
        if not self.levels or not all(isinstance(name, str) and name for name in self.levels):
            raise ConfigError(f"levels must be a list of names, coarse to fine, not {shown(levels)}")
        if len(set(self.levels)) != len(self.levels):
            raise ConfigError(f"levels must differ from each other: {listed(self.levels)}")
        self._finest = len(self.levels) - 1
        self._index = {name: at for at, name in enumerate(self.levels)}
        self.store = ColumnStore(len(self.levels))
        self._small = SmallResolver(self.store)
        self.weights = Account(len(self.levels))
        self.priors: set[tuple[str, str]] = set()
        """(option, dimension) whose value at the coarsest shared slot is only a declared prior (D4)."""
        self._listeners: list[list[Listener]] = [[] for _ in self.levels]
        self._followed: list[dict[str, list[DirtyCells]]] = [{} for _ in self.levels]

    def __repr__(self) -> str:
        return f"<Tensor {list(self.levels)}, {len(self.store)} cells>"

    def _repr_html_(self) -> str:
        """The table that a notebook shows."""
        from sporewright.core import display

        return display.tensor_html(self)

    def writer(self, level: str, instance: str | None = None) -> Writer:
        """A writer floored at `level`, bound to `instance` if one is named; UnknownLevelError (W1, W2)."""
        return Writer(self, self.level_index(level), ()).attenuate(level, instance)

    def level_index(self, level: str) -> int:
        """The level's position, 0 for the coarsest; UnknownLevelError if it does not exist."""
        try:
            return self._index[level]
        except (KeyError, TypeError):
            raise UnknownLevelError(f"unknown level {shown(level)}; the levels are {listed(self.levels)}") from None

    def path(self, cursor: Cursor) -> tuple[str, ...]:
        """The instance read at each level; UnknownLevelError for a level the tensor lacks (T3)."""
        if not (type(cursor) is dict or isinstance(cursor, Mapping)):
            raise BadValueKindError(f"expected a cursor, which maps levels to instances, got {shown(cursor)}")
        for level, instance in cursor.items():
            self.level_index(level)
            if not isinstance(instance, str):
                raise BadValueKindError(f"cursor: the instance of {level!r} is {shown(instance)}, not a string")
        return tuple([cursor.get(level, "") for level in self.levels])

    def slices(self, cursor: Cursor) -> list[Slice]:
        """The cells at the cursor, one slice a level, coarse → fine."""
        return [self.store.slice(at, instance) for at, instance in enumerate(self.path(cursor))]

    def resolve(self, cursor: Cursor) -> list[str]:
        """The queue: options by ascending score at the cursor (R1–R7)."""
        path, store = self.path(cursor), self.store
        if store.is_waiting:
            store.settle()
        if store.options is not None:
            from sporewright.core.columnar import fold

            folded = fold.fold(store, path)
            if folded is not None:
                return fold.queue(folded.rows, *fold.score(folded))
        return self._small.resolve(path)

    def explain(self, cursor: Cursor) -> Resolution:
        """The same order with each score's terms and each drop's gate (R8)."""
        return resolve.explain(self.slices(cursor), list(zip(self.levels, self.path(cursor), strict=True)), self.priors)

    def value(self, cursor: Cursor, option: str, dimension: str) -> float | None:
        """The folded scalar value; None when unset or a document (F1, F4)."""
        found = resolve.fold_value(self.slices(cursor), *_pair(option, dimension))
        return found if isinstance(found, float) else None

    def document(self, cursor: Cursor, option: str, dimension: str) -> bytes | None:
        """The folded document; None when unset or a scalar (F1, F4)."""
        found = resolve.fold_value(self.slices(cursor), *_pair(option, dimension))
        return found if isinstance(found, bytes) else None

    def weight(self, cursor: Cursor, option: str, dimension: str) -> float | None:
        """The option's own folded weight, else the shared slot's; None when neither is set (F3)."""
        return resolve.fold_weight(self.slices(cursor), *_pair(option, dimension))

    def options(self, cursor: Cursor) -> list[str]:
        """Options with a cell at the cursor, in code-point order; gated ones included."""
        return sorted({option for cells in self.slices(cursor) for option in cells if option})

    def watch(self, cursor: Cursor, limit: int | None = None, *, among: Collection[str] | None = None) -> LiveQueue:
        """A queue kept current as cells change; always `resolve(cursor)[:limit]`. Close it when done.

        `among` watches the order of these options alone, at the cost of these alone.
        """
        self.path(cursor)
        head = None if limit is None else checks.count(limit, "limit")
        options = None if among is None else checks.names(among, "among")
        return LiveQueue(self, dict(cursor), head, options)

    def reduce_median(
        self,
        from_level: str,
        to_level: str,
        to_instance: str,
        option: str,
        dimension: str,
        *,
        instances: Collection[str] | None = None,
    ) -> float | None:
        """The median over the instances of a level, written at the target; None and no write without one (U1, U6)."""
        return rollup.reduce_one(self, rollup.Median(), from_level, to_level, to_instance, option, dimension, instances)

    def reduce_sum(
        self,
        from_level: str,
        to_level: str,
        to_instance: str,
        option: str,
        dimension: str,
        *,
        instances: Collection[str] | None = None,
    ) -> float | None:
        """The sum, added in ascending order from 0.0, written at the target; None and no write without one (U2, U6)."""
        return rollup.reduce_one(self, rollup.Sum(), from_level, to_level, to_instance, option, dimension, instances)

    def roll_up(
        self,
        from_level: str,
        to_level: str,
        to_instance: str,
        *,
        instances: Collection[str] | None = None,
        dimensions: Callable[[str], bool] | None = None,
    ) -> int:
        """`reduce_median` for every (option, dimension) seen at the level; how many cells were written (U3, U6)."""
        return rollup.roll_up(self, rollup.Median(), from_level, to_level, to_instance, instances, dimensions)

    def corroborate(
        self,
        from_level: str,
        to_level: str,
        to_instance: str,
        quorum: int,
        *,
        instances: Collection[str] | None = None,
        dimensions: Callable[[str], bool] | None = None,
    ) -> int:
        """1.0 where at least `quorum` instances other than the option itself attest; cells written (U5, U6)."""
        operator = rollup.Corroborated(checks.count(quorum, "quorum"))
        return rollup.roll_up(self, operator, from_level, to_level, to_instance, instances, dimensions)

    def support(self, level: str, option: str, dimension: str) -> int:
        """The number of the level's instances that carry a finite scalar there (U4)."""
        return rollup.support(self, self.level_index(level), *_pair(option, dimension))

    def clear(self, level: str, instance: str) -> int:
        """Remove every cell of one instance of a level; how many there were."""
        at, instance = self.level_index(level), checks.name(instance, "instance")
        cells = [(option, dimension) for option, row in self.store.slice(at, instance).items() for dimension in row]
        self.store.clear(at, instance)
        for option, dimension in cells:
            self.weights.written(at, option, dimension, None)
            self._no_prior(at, instance, option, dimension)
            self._note(at, instance, option, dimension)
        self._tell(at, instance, cells)
        return len(cells)

    def cells(self) -> list[Cell]:
        """Every cell, sorted by (level name, instance, option, dimension) (S1)."""
        return sorted(
            (
                Cell(level, instance, option, dimension, *layers)
                for at, level in enumerate(self.levels)
                for instance in self.store.instances(at)
                for option, row in self.store.slice(at, instance).items()
                for dimension, layers in row.items()
            ),
            key=lambda cell: (cell.level, cell.instance, cell.option, cell.dimension),
        )

    def to_json(self) -> str:
        """The tensor as S1 JSON; reading it back gives the same decisions (S3)."""
        return codec.to_json(self.levels, self.cells())

    @classmethod
    def from_json(cls, text: str | bytes) -> Tensor:
        """A tensor from S1 JSON, strictly: DecodeError that says where (S3)."""
        levels, cells = codec.decode_tensor(text)
        try:
            tensor = cls(levels)
        except ConfigError as why:
            raise DecodeError(f"tensor.levels: {why}") from None
        codec.restore(tensor, cells)
        return tensor

    def apply_json(self, cells_text: str | bytes) -> codec.ApplyReport:
        """Merge cells as a trusted restore; malformed ones are skipped whole and reported (S3, W4)."""
        return codec.apply_cells(self, cells_text, None)

    def merge(
        self, level: int, instance: str, option: str, dimension: str, value: Value | None, weight: float | None
    ) -> None:
        """Set the layers given, leave the others (T5). For this package's operators: a writer admits first."""
        self.store.merge(level, instance, option, dimension, value, weight)
        if weight is not None or not option:
            self.weights.written(level, option, dimension, weight)
        if value is not None and level == 0:
            self._no_prior(level, instance, option, dimension)
        self._note(level, instance, option, dimension, value, weight)
        if self._listeners[level]:
            self._tell(level, instance, ((option, dimension),))

    def put(
        self, level: int, instance: str, option: str, dimension: str, value: Value | None, weight: float | None
    ) -> None:
        """State the whole cell: a layer given as None is unset. For trusted restores (a snapshot, a saved slice)."""
        self.store.put(level, instance, option, dimension, (value, weight))
        self.weights.written(level, option, dimension, weight)
        self._no_prior(level, instance, option, dimension)
        self._note(level, instance, option, dimension, None if weight is None else value, weight)
        if self._listeners[level]:
            self._tell(level, instance, ((option, dimension),))

    def put_many(self, level: int, instance: str, cells: Cells, *, merge: bool = False) -> None:
        """State these cells of one instance whole, or merge them (T5): much faster than one by one where it is wide."""
        self.store.put_many(level, instance, cells, merge=merge)
        for (option, dimension), (_, weight) in cells.items():
            if weight is not None or not option:
                self.weights.written(level, option, dimension, weight)
        concerns = self._listeners[level] or self.priors or instance in self._followed[level]
        for (option, dimension), (value, weight) in cells.items() if concerns else ():
            if value is not None or not merge:
                self._no_prior(level, instance, option, dimension)
            self._note(level, instance, option, dimension, value if merge or weight is not None else None, weight)
        self._tell(level, instance, cells)

    def remove(self, level: int, instance: str, option: str, dimension: str) -> bool:
        """Remove both layers; False if there was no cell."""
        gone = self.store.remove(level, instance, option, dimension)
        if gone:
            if not option:
                self.weights.written(level, option, dimension, None)
            if level == 0:
                self._no_prior(level, instance, option, dimension)
            self._note(level, instance, option, dimension)
            if self._listeners[level]:
                self._tell(level, instance, ((option, dimension),))
        return gone

    def listen(self, listener: Listener, levels: Iterable[str] | None = None) -> Callable[[], None]:
        """Tell `listener` of every write from now on, at these levels or at all; gives the function that ends it."""
        if not callable(listener):
            raise BadValueKindError(f"listener: {shown(listener)} cannot be called")
        wanted = self.levels if levels is None else checks.names(levels, "levels")
        heard = [self._listeners[self.level_index(level)] for level in wanted]
        for each in heard:
            each.append(listener)

        def end() -> None:
            for each in heard:
                if listener in each:
                    each.remove(listener)

        return end

    def follow(self, cursor: Cursor, dirty: DirtyCells) -> Callable[[], None]:
        """List in `dirty` every write at the cursor's instances from now on; gives the function that ends it.

        A write anywhere else costs a follower nothing.
        """
        path, dirty = self.path(cursor), checks.instance_of(DirtyCells, dirty, "dirty")
        for level, instance in enumerate(path):
            self._followed[level].setdefault(instance, []).append(dirty)

        def end() -> None:
            for level, instance in enumerate(path):
                left = [each for each in self._followed[level].get(instance, ()) if each is not dirty]
                self._followed[level][instance] = left
                if not left:
                    del self._followed[level][instance]

        return end

    def _no_prior(self, level: int, instance: str, option: str, dimension: str) -> None:
        """Its value was stated or removed, so it is no longer a mere prior; a weight alone changes nothing (D4)."""
        if level == 0 and instance == "":
            self.priors.discard((option, dimension))

    def _note(
        self,
        level: int,
        instance: str,
        option: str,
        dimension: str,
        value: Value | None = None,
        weight: float | None = None,
    ) -> None:
        """Note the write for those who follow; of many all are noted before a listener may ask a live queue.

        `value`, `weight`: what was written, if that is all that the cell then says besides what it said before.
        """
        followed = self._followed[level].get(instance)
        if followed is not None:
            news: Note = None
            if level == self._finest:
                news = value if weight is None or type(value) is not float else (value, weight)
            elif type(value) is float and weight is None and value - value == 0.0:
                news = HIDDEN
            at = (option, dimension)
            for dirty in followed:
                if at in dirty:
                    dirty.add(at, news)
                elif len(dirty) < dirty.most:
                    dirty[at] = news

    def _tell(self, level: int, instance: str, pairs: Iterable[tuple[str, str]]) -> None:
        """Tell the listeners of every write."""
        listeners = self._listeners[level]
        for option, dimension in pairs if listeners else ():
            for listener in tuple(listeners):
                listener(level, instance, option, dimension)
