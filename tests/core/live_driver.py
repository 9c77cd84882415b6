"""A seeded walk over everything that changes a tensor, each step checked: live queues against the plain definition.

Needs nothing but the package, so that the same steps run in CPython and in the browser's Python.
`make walk STEPS=1000000 SEED=0` walks as far as one likes.
"""

from __future__ import annotations

import json
import random
import struct
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass

from sporewright.core import resolve
from sporewright.core.columnar import store as column_store
from sporewright.core.live import LiveQueue
from sporewright.core.live import queue as live_queue
from sporewright.core.live import scores as live_scores
from sporewright.core.tensor import Tensor
from tests.core.sizes import narrow, patched, tiny

LEVELS = ("global", "workspace", "device")
INSTANCES = {"global": ("", "", "eu"), "workspace": ("", "acme"), "device": ("", "A", "A", "B")}
OPTIONS = ("a", "b", "c", "d", "e", "f", "\ue000", "\U00010000", "é", "e\u0301", "A", "B")
DIMENSIONS = ("can:x", "failure", "financial", "latency", "reach", "\U0001f642")
NUMBERS = (0.0, -0.0, 0.1, 0.2, 0.3, 0.5, 1.0, 1.0, 2.0, -1.0, 1e308, -1e308, 5e-324)
GATES = (float("inf"), float("-inf"), float("nan"))
MOST_QUEUES = 4
WALK = 500
"""Steps that one tensor lives for."""


SHORT = {"LEAST": 1, "HEADS": 1, "PART": 4}
"""Heads of a few names, so that they run short and grow long."""


@contextmanager
def heads(numpy: bool) -> Iterator[None]:
    """Short heads, scored by numpy however few they are, or never."""
    with patched(live_queue, SHORT), patched(live_scores, {"WIDE": 1 if numpy else sys.maxsize}):
        yield


@contextmanager
def in_dicts() -> Iterator[None]:
    """No numpy anywhere, short heads."""
    with narrow(), heads(numpy=False):
        yield


@contextmanager
def in_columns() -> Iterator[None]:
    """Cells in columns as soon as there are two, short heads."""
    with tiny(), heads(numpy=True):
        yield


KINDS: dict[str, Callable[[], AbstractContextManager[None]]] = {
    "sizes as they are": nullcontext,
    "in dicts": in_dicts,
    "in columns": in_columns,
}


@dataclass
class Watched:
    """A live queue with what it was opened for and what it said last."""

    queue: LiveQueue
    cursor: dict[str, str]
    limit: int | None
    among: frozenset[str] | None
    said: list[str]
    revision: int


def bits(x: float) -> bytes:
    """The float's eight bytes; every NaN is one, they cannot be told apart by R5."""
    return b"nan" if x != x else struct.pack("<d", x)


class Walk:
    """One tensor, its watches, and the dice."""

    def __init__(self, seed: int) -> None:
        self.dice = random.Random(seed)
        self.tensor = Tensor(LEVELS)
        self.writer = self.tensor.writer("global")
        self.watched: list[Watched] = []
        self.did = ""
        self._available = column_store.available
        self._open()

    def step(self) -> None:
        """A change or a few, then every queue is compared."""
        changes = self.dice.choices(CHANGES, WEIGHTS, k=self.dice.choice((1, 1, 2, 4)))
        self.did = ", ".join(change.__name__ for change in changes)
        for change in changes:
            change(self)
        for each in self.watched:
            self.compare(each)

    def compare(self, each: Watched) -> None:
        """Order, total, revision and scores are those of the plain definition."""
        slices = self.tensor.slices(each.cursor)
        scores = dict(resolve.scores(slices, resolve.options_at(slices)))
        keys = sorted(resolve.rank_key(name, score) for name, score in scores.items() if score is not None)
        whole = [name for _, _, name in keys if each.among is None or name in each.among]
        order = each.queue.order()
        assert order == whole[: each.limit], (self.did, order, whole[: each.limit])
        assert each.queue.total == len(whole), (self.did, each.queue.total, len(whole))
        assert (order == each.said) == (each.queue.revision == each.revision), self.did
        each.said, each.revision = order, each.queue.revision
        table = each.queue._table
        for name in whole:
            score = scores[name]
            assert score is not None
            assert bits(table._scores[table.slots[name]]) == bits(score), (self.did, name)
        if self.dice.random() < 0.1:
            ranked = self.tensor.explain(each.cursor).ranked
            assert self.tensor.resolve(each.cursor) == [r.option for r in ranked] == [name for _, _, name in keys]
            assert [bits(r.score) for r in ranked] == [bits(scores[r.option] or 0.0) for r in ranked]

    # --- what may happen -----------------------------------------------------------------------------------------

    def _at(self) -> tuple[str, str]:
        level = self.dice.choice(LEVELS)
        return level, self.dice.choice(INSTANCES[level])

    def _pair(self) -> tuple[str, str]:
        return self.dice.choice(OPTIONS), self.dice.choice(DIMENSIONS)

    def _number(self) -> float:
        draw = self.dice.random()
        if draw < 0.08:
            return self.dice.choice(GATES)
        return self.dice.choice(NUMBERS) if draw < 0.6 else self.dice.uniform(-2.0, 2.0)

    def _value(self) -> None:
        self.writer.set_value(*self._at(), *self._pair(), self._number())

    def _document(self) -> None:
        self.writer.set_document(*self._at(), *self._pair(), b"\0")

    def _own_weight(self) -> None:
        self.writer.set_option_weight(*self._at(), *self._pair(), self._number())

    def _shared_weight(self) -> None:
        self.writer.set_weight(*self._at(), self._pair()[1], self._number())

    def _shared_value(self) -> None:
        self.writer.set_value(*self._at(), "", self._pair()[1], self._number())

    def _unset(self) -> None:
        self.writer.unset(*self._at(), *self._pair())

    def _unset_shared(self) -> None:
        self.writer.unset(*self._at(), "", self._pair()[1])

    def _forget(self) -> None:
        """An option goes from everywhere."""
        option = self._pair()[0]
        for cell in self.tensor.cells():
            if cell.option == option:
                self.writer.unset(cell.level, cell.instance, option, cell.dimension)

    def _clear(self) -> None:
        self.tensor.clear(*self._at())

    def _put(self) -> None:
        level, instance = self._at()
        layers = [self.dice.choice((None, self._number(), b"x")), self.dice.choice((None, self._number()))]
        at = self.tensor.level_index(level)
        self.tensor.put(at, instance, *self._pair(), *layers)  # type: ignore[arg-type]

    def _apply(self) -> None:
        """Several cells as JSON, now and then enough to make everything anew."""
        cells = []
        for _ in range(self.dice.choice((1, 3, 8, 90))):
            (level, instance), (option, dimension) = self._at(), self._pair()
            number = self.dice.choice((1, -0.0, 0.25, "inf", {"b64": "AA=="}))
            cells.append({"level": level, "inst": instance, "option": option, "dim": dimension, "v": number})
        target = self.tensor if self.dice.random() < 0.5 else self.writer
        assert target.apply_json(json.dumps(cells)).applied == len(cells)

    def _roll_up(self) -> None:
        self.tensor.roll_up("device", *self._at())

    def _corroborate(self) -> None:
        self.tensor.corroborate("device", *self._at(), 1)

    def _put_many(self) -> None:
        """Many cells of one instance at once, stated or merged."""
        level, instance = self._at()
        pairs = {self._pair() for _ in range(self.dice.choice((2, 9, 40)))}
        plain = self.dice.random() < 0.5
        weights = {pair: None if plain else self.dice.choice((None, self._number())) for pair in sorted(pairs)}
        cells = {pair: (self._number(), weight) for pair, weight in weights.items()}
        self.tensor.put_many(self.tensor.level_index(level), instance, cells, merge=self.dice.random() < 0.5)

    def _numpy(self) -> None:
        """numpy goes, or comes back; cells that wait for it move at the next read."""
        column_store.available = self._available if column_store.available is not self._available else lambda: False
        live_scores.WIDE = self.dice.choice((1, 64))

    def _open(self) -> None:
        if len(self.watched) == MOST_QUEUES:
            return
        cursor = {level: self.dice.choice(INSTANCES[level]) for level in LEVELS if self.dice.random() < 0.8}
        limit = self.dice.choice((None, 0, 1, 2, 3, 5))
        among = frozenset(self.dice.sample(OPTIONS, 5)) if self.dice.random() < 0.3 else None
        queue = self.tensor.watch(cursor, limit, among=among)
        self.watched.append(Watched(queue, cursor, limit, among, queue.order(), queue.revision))

    def _close(self) -> None:
        if len(self.watched) > 1:
            gone = self.watched.pop(self.dice.randrange(len(self.watched)))
            gone.queue.close()
            assert (gone.queue.order(), gone.queue.total) == ([], 0)


CHANGES: tuple[Callable[[Walk], None], ...]
CHANGES, WEIGHTS = zip(
    (Walk._value, 40),
    (Walk._document, 3),
    (Walk._own_weight, 6),
    (Walk._shared_weight, 12),
    (Walk._shared_value, 1),
    (Walk._unset, 12),
    (Walk._unset_shared, 2),
    (Walk._forget, 2),
    (Walk._clear, 1),
    (Walk._put, 6),
    (Walk._apply, 2),
    (Walk._put_many, 2),
    (Walk._numpy, 2),
    (Walk._roll_up, 1),
    (Walk._corroborate, 1),
    (Walk._open, 3),
    (Walk._close, 2),
    strict=True,
)


def run(steps: int, seed: int = 0) -> int:
    """So many steps, on tensors of WALK steps each, in every kind of sizes; how many were made."""
    made = 0
    while made < steps:
        kind = list(KINDS.values())[made // WALK % len(KINDS)]
        with (
            kind(),
            patched(column_store, {"available": column_store.available}),
            patched(live_scores, {"WIDE": live_scores.WIDE}),
        ):
            walk = Walk(seed * 1_000_003 + made)
            for _ in range(min(WALK, steps - made)):
                try:
                    walk.step()
                except AssertionError as why:
                    raise AssertionError(f"step {made} of seed {seed}: {why}") from why
                made += 1
    return made


if __name__ == "__main__":
    print(
        run(int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 0), "steps: every queue was the definition's"
    )
