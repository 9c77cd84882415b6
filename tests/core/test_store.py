"""The contract of every home of cells (docs/reference/cells.md)."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from sporewright.core.columnar import ColumnStore
from sporewright.core.store import DictStore, Layers, Store
from tests.core.dice import Dice
from tests.core.sizes import tiny
from tests.strategies import dimensions, instances, options, scalars, values

levels = st.integers(0, 1)


class StoreMachine(RuleBasedStateMachine):
    """A home against a flat dict of coordinates, after every step."""

    home: type[DictStore]

    def sizes(self) -> AbstractContextManager[None]:
        """The sizes from which cells count as many here."""
        return nullcontext()

    def __init__(self) -> None:
        super().__init__()
        self._sizes = self.sizes()
        self._sizes.__enter__()
        self.store: Store = self.home(2)
        self.model: dict[tuple[int, str, str, str], Any] = {}

    @rule(
        level=levels,
        instance=instances,
        option=options,
        dimension=dimensions,
        value=st.none() | values,
        weight=st.none() | scalars,
    )
    def put(self, level: int, instance: str, option: str, dimension: str, value: Any, weight: Any) -> None:
        """State a whole cell; neither layer removes it."""
        self.store.put(level, instance, option, dimension, (value, weight))
        self.model[level, instance, option, dimension] = (value, weight)
        if value is None and weight is None:
            del self.model[level, instance, option, dimension]

    @rule(
        level=levels,
        instance=instances,
        cells=st.dictionaries(
            st.tuples(options, dimensions),
            st.one_of(st.tuples(scalars, st.none()), st.tuples(values, scalars)),
            max_size=8,
        ),
        merge=st.booleans(),
    )
    def put_many(self, level: int, instance: str, cells: dict[tuple[str, str], Layers], merge: bool) -> None:
        """State cells of one instance together, whole or over what is there (T5)."""
        self.store.put_many(level, instance, cells, merge=merge)
        for pair, (value, weight) in cells.items():
            old = self.model.get((level, instance, *pair), (None, None)) if merge else (None, None)
            self.model[level, instance, *pair] = (value, old[1] if weight is None else weight)

    def teardown(self) -> None:
        """Put the sizes back."""
        self._sizes.__exit__(None, None, None)

    @rule(
        level=levels,
        instance=instances,
        option=options,
        dimension=dimensions,
        value=st.none() | values,
        weight=st.none() | scalars,
    )
    def merge(self, level: int, instance: str, option: str, dimension: str, value: Any, weight: Any) -> None:
        """Set the layers given (T5); none given changes nothing."""
        self.store.merge(level, instance, option, dimension, value, weight)
        old, own = self.model.get((level, instance, option, dimension), (None, None))
        layers = (old if value is None else value, own if weight is None else weight)
        if layers != (None, None):
            self.model[level, instance, option, dimension] = layers

    @rule(level=levels, instance=instances, option=options, dimension=dimensions)
    def remove(self, level: int, instance: str, option: str, dimension: str) -> None:
        """Forget one cell; whether there was one is told."""
        there = self.model.pop((level, instance, option, dimension), None) is not None
        assert self.store.remove(level, instance, option, dimension) is there

    @rule(level=levels, instance=instances)
    def clear(self, level: int, instance: str) -> None:
        """Forget one instance; how many cells it had is told."""
        gone = [at for at in self.model if at[:2] == (level, instance)]
        assert self.store.clear(level, instance) == len(gone)
        for at in gone:
            del self.model[at]

    @rule(level=levels, instance=instances, option=options, dimension=dimensions)
    def read(self, level: int, instance: str, option: str, dimension: str) -> None:
        """One cell, and one column over the instances, read without leaving a trace."""
        wanted = self.model.get((level, instance, option, dimension), (None, None))
        assert repr(self.store.get(level, instance, option, dimension)) == repr(wanted)
        column = {
            at[1]: layers[0]
            for at, layers in self.model.items()
            if (at[0], *at[2:]) == (level, option, dimension) and layers[0] is not None
        }
        found = list(self.store.column(level, option, dimension))
        assert repr(sorted(found)) == repr(sorted(column.items()))

    @invariant()
    def holds_what_the_model_holds(self) -> None:
        """Length, instances, pairs and slices agree, and nothing empty is left behind."""
        assert len(self.store) == len(self.model)
        for level in range(2):
            here = {at: layers for at, layers in self.model.items() if at[0] == level}
            assert set(self.store.instances(level)) == {at[1] for at in here}
            assert self.store.pairs(level) == {at[2:] for at in here if at[2]}
            for instance in ("", "A", "nobody"):
                wanted: dict[str, dict[str, Any]] = {}
                for at, layers in here.items():
                    if at[1] == instance:
                        wanted.setdefault(at[2], {})[at[3]] = layers
                found = {option: dict(row) for option, row in self.store.slice(level, instance).items()}
                assert repr({o: dict(sorted(r.items())) for o, r in sorted(found.items())}) == repr(
                    {o: dict(sorted(r.items())) for o, r in sorted(wanted.items())}
                )


class DictStoreMachine(StoreMachine):
    """The home of nested dicts."""

    home = DictStore


DictStoreMachine.TestCase.settings = settings(max_examples=60, stateful_step_count=25)
TestDictStore = DictStoreMachine.TestCase


class ColumnStoreMachine(StoreMachine):
    """Dicts and panels, with sizes at which cells move all the time."""

    home = ColumnStore

    def sizes(self) -> AbstractContextManager[None]:
        """Cells move at every other step."""
        return tiny()


ColumnStoreMachine.TestCase.settings = settings(max_examples=150, stateful_step_count=40)
TestColumnStore = ColumnStoreMachine.TestCase


@pytest.mark.parametrize("machine", [DictStoreMachine, ColumnStoreMachine])
def test_a_seeded_walk_over_every_move(machine: type[StoreMachine]) -> None:
    """The machine's moves from fixed seeds: what Hypothesis may or may not come to is always walked."""
    for seed in range(40):
        walk, dice = machine(), Dice(seed)
        moves = [
            lambda w=walk, d=dice: w.put(*d.place(), *d.layers()),
            lambda w=walk, d=dice: w.merge(*d.place(), *d.layers()),
            lambda w=walk, d=dice: w.put_many(*d.place()[:2], d.cells(), d.chance(0.5)),
            lambda w=walk, d=dice: w.remove(*d.place()),
            lambda w=walk, d=dice: w.clear(*d.place()[:2]),
            lambda w=walk, d=dice: w.read(*d.place()),
        ]
        for _ in range(100):
            dice.pick(moves, [6, 4, 4, 6, 1, 1])()
            walk.holds_what_the_model_holds()
        walk.teardown()
