"""The way up over columns is the way up over lists: bit for bit, at once and renewed (U1–U6)."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from sporewright.core import rollup
from sporewright.core.columnar.rollup import Middles, Sums
from sporewright.core.rollup import Corroborated, Median, Operator, Rollup, Sum, Support
from sporewright.core.tensor import Tensor
from sporewright.errors import BadValueKindError, UnknownLevelError
from tests.core.dice import Dice
from tests.core.sizes import narrow, tiny
from tests.strategies import LEVELS, Write, built, dimensions, finite, options, scalars, values, writes

UP = ("device", "workspace", "acme")
devices = st.sampled_from(["", "A", "A/x", "B", "a", "b", "c", "d"])
reports = st.lists(
    st.builds(Write, st.just("device"), devices, options, dimensions, st.just("value"), values), max_size=40
)
electors = st.none() | st.frozensets(devices, max_size=6)


def everything_up(tensor: Tensor, quorum: int, who: Any) -> list[Any]:
    """Each operator's answer, and what stands afterwards."""
    pairs = sorted(tensor.store.pairs(2))
    return [
        tensor.roll_up(*UP, instances=who, dimensions=lambda name: name != "reach"),
        tensor.corroborate("device", "global", "", quorum, instances=who),
        [tensor.reduce_sum("device", "workspace", "sums", *pair, instances=who) for pair in pairs],
        [tensor.reduce_median("device", "workspace", "middles", *pair, instances=who) for pair in pairs],
        [tensor.support("device", *pair) for pair in pairs],
        tensor.to_json(),
    ]


@settings(max_examples=300)
@given(reports, writes, st.integers(0, 3), electors)
def test_columns_and_dicts_give_the_same_bits(moves: list[Write], more: list[Write], quorum: int, who: Any) -> None:
    """Every operator, at sizes at which cells move: results, what is written and its JSON are those of the dicts."""
    with narrow():
        wanted = everything_up(built([*moves, *more]), quorum, who)
    with tiny():
        assert repr(everything_up(built([*moves, *more]), quorum, who)) == repr(wanted)


class RollupMachine(RuleBasedStateMachine):
    """The state kept from one renewal to the next equals the operators over the cells as they are."""

    def __init__(self) -> None:
        super().__init__()
        self._sizes = tiny()
        self._sizes.__enter__()
        self.tensor = Tensor(LEVELS)
        self.kept = {make: Rollup(self.tensor, "device", operator()) for make, operator in OPERATORS.items()}
        self.who: Any = None
        self.asleep = False

    def teardown(self) -> None:
        """Put the sizes back."""
        self._sizes.__exit__(None, None, None)

    @rule(moves=reports)
    def write(self, moves: list[Write]) -> None:
        """Some reports."""
        for move in moves:
            move.apply(self.tensor)

    @rule(
        device=devices, cells=st.dictionaries(st.tuples(options, dimensions), st.tuples(scalars, st.none()), max_size=9)
    )
    def push(self, device: str, cells: Any) -> None:
        """One device states many cells."""
        self.tensor.put_many(2, device, cells)

    @rule(device=devices)
    def leave(self, device: str) -> None:
        """One device goes."""
        self.tensor.clear("device", device)

    @rule(device=devices, option=options, dimension=dimensions)
    def unset(self, device: str, option: str, dimension: str) -> None:
        """One cell goes."""
        self.tensor.remove(2, device, option, dimension)

    @rule(who=electors)
    def elect(self, who: Any) -> None:
        """Others vote from now on."""
        self.who = who

    @rule(asleep=st.booleans())
    def sleep(self, asleep: bool) -> None:
        """No renewal for a while: many things have changed at once by then."""
        self.asleep = asleep

    @invariant()
    def equals_the_definition(self) -> None:
        """Results and reported changes, for every operator; a second renewal has nothing to say."""
        for make, kept in self.kept.items() if not self.asleep else ():
            before = dict(kept.results)
            changes = kept.renew(self.who)
            wanted = {
                pair: found
                for pair in self.tensor.store.pairs(2)
                for votes in [list(self.tensor.store.column(2, *pair))]
                for found in [
                    OPERATORS[make]().of_votes(pair, [v for v in votes if self.who is None or v[0] in self.who])
                ]
                if found is not None
            }
            assert repr(sorted(kept.results.items())) == repr(sorted(wanted.items()))
            told = {**before, **changes}
            assert repr(sorted((p, x) for p, x in told.items() if x is not None)) == repr(sorted(wanted.items()))
            assert all(repr(before.get(pair)) != repr(x) for pair, x in changes.items())
            assert kept.renew(self.who) == {}


OPERATORS: dict[str, Any] = {
    "support": Support,
    "median": Median,
    "sum": Sum,
    "two": lambda: Corroborated(2),
    "any": lambda: Corroborated(0),
}
RollupMachine.TestCase.settings = settings(max_examples=100, stateful_step_count=20)
TestRollup = RollupMachine.TestCase


def test_a_seeded_walk_over_every_move() -> None:
    """The machine's moves from fixed seeds: what Hypothesis may or may not come to is always walked."""
    for seed in range(25):
        walk, dice = RollupMachine(), Dice(seed)
        moves = [
            lambda w=walk, d=dice: w.write([Write("device", d.instance(), *d.pair(), "value", d.number())]),
            lambda w=walk, d=dice: w.push(d.instance(), d.cells()),
            lambda w=walk, d=dice: w.leave(d.instance()),
            lambda w=walk, d=dice: w.unset(d.instance(), *d.pair()),
            lambda w=walk, d=dice: w.elect(None if d.chance(0.5) else {d.instance() for _ in range(4)}),
            lambda w=walk, d=dice: w.sleep(d.chance(0.5)),
        ]
        for _ in range(50):
            dice.pick(moves, [6, 4, 1, 6, 1, 2])()
            walk.equals_the_definition()
        walk.teardown()


@pytest.mark.parametrize("operator", [Median, Sum, Support, lambda: Corroborated(1)])
def test_those_who_go_take_their_word_with_them(operator: Any) -> None:
    """U7: nothing is left of what only they said, though the voters are others now for the same reason."""
    tensor = Tensor(LEVELS)
    everybody = [f"device-{at}" for at in range(300)]
    for name in everybody:
        tensor.put_many(2, name, {("mini", "can:x"): (1.0, None), ("mini", "latency"): (0.5, None)})
    kept = Rollup(tensor, "device", operator())
    assert len(kept.renew(everybody)) == 2
    for name in everybody:
        tensor.clear("device", name)

    assert kept.renew([]) == {("mini", "can:x"): None, ("mini", "latency"): None}
    assert not kept.results


@given(st.lists(st.lists(finite, min_size=1, max_size=40), min_size=1, max_size=5))
def test_a_bracket_is_only_a_guess(rounds: list[list[float]]) -> None:
    """U1: whatever stood there the last time, the median is that of the numbers now, the sign of a zero included."""
    middles = Middles()
    for numbers in rounds:
        assert repr(middles.median(("o", "d"), np.array(numbers))) == repr(rollup.median(numbers))


@settings(max_examples=200)
@given(
    st.lists(scalars, min_size=1, max_size=40), st.lists(st.lists(st.tuples(st.integers(0, 39), scalars), max_size=6))
)
def test_a_mended_order_is_the_order(numbers: list[float], changes: list[list[tuple[int, float]]]) -> None:
    """U2: sums after a few changes are those of sorting anew, every rounding included."""
    sums, now = Sums(), np.array(numbers)
    for change in [[], *changes]:
        for at, x in change:
            now[at % len(now)] = x
        known = [x for x in now.tolist() if math.isfinite(x)]
        found = sums.total(("o", "d"), now)
        assert repr(found) == repr(rollup.ordered_sum(known) if known else None)


@pytest.mark.parametrize("count", [1, 2, 7, 8, 9, 127, 128, 129, 1000])
def test_a_sum_is_added_one_by_one(count: int) -> None:
    """U2: not pairwise, not in blocks, however many numbers there are."""
    dice = np.random.default_rng(count)
    numbers = dice.standard_normal(count) * 10.0 ** dice.integers(-20, 20, count)

    assert repr(Sums().total(("o", "d"), numbers)) == repr(rollup.ordered_sum(numbers.tolist()))


def fleet(devices: int) -> Tensor:
    """So many devices that say the same five things of four options."""
    tensor = Tensor(LEVELS)
    for at in range(devices):
        cells = {(f"o{o}", f"d{d}"): (float(at * 7 % 101 + o * d), None) for o in range(4) for d in range(5)}
        tensor.put_many(2, f"dev{at}", cells)
    return tensor


def test_a_fleet_lies_in_columns() -> None:
    """Many devices that say the same are one panel along the instances, a line a pair; a small fleet stays in dicts."""
    wide = fleet(200).store.across(2)

    assert wide is not None
    assert (wide.size, len(wide.panel.lines)) == (4000, 20)
    assert fleet(10).store.across(2) is None


def test_one_pair_of_a_wide_fleet_is_reduced_from_its_line() -> None:
    """U1, U2, U6: a single coordinate of columns, all voters and some, is what the dicts give."""
    wide = fleet(200)
    with narrow():
        plain = fleet(200)
    for who in (None, {"dev3", "dev4", "dev9"}):
        for reduce in ("reduce_median", "reduce_sum"):
            found = [getattr(each, reduce)(*UP, "o1", "d2", instances=who) for each in (wide, plain)]
            assert found[0] == found[1] is not None


def test_only_what_changed_is_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    """A renewal reads the lines written to since, and none when nothing was."""
    tensor, read = fleet(200), []
    kept = Rollup(tensor, "device", Median())
    real = Median.of_line
    monkeypatch.setattr(Median, "of_line", lambda self, pair, *rest: read.append(pair) or real(self, pair, *rest))
    kept.renew()
    assert len(read) == 20

    tensor.put(2, "dev3", "o1", "d2", 1e6, None)
    assert kept.renew(["dev1", "dev2"]) != {}
    assert len(read) == 40
    tensor.put(2, "dev3", "o1", "d2", -1e6, None)
    assert kept.renew(["dev1", "dev2"]) == {}
    assert read[40:] == [("o1", "d2")]


def test_a_rollup_says_what_is_wrong() -> None:
    """Bad levels, predicates and voters are errors that name them."""
    tensor = Tensor(LEVELS)
    operator: Operator = Median()
    with pytest.raises(UnknownLevelError, match="galaxy"):
        Rollup(tensor, "galaxy", operator)
    with pytest.raises(BadValueKindError, match="predicate"):
        Rollup(tensor, "device", operator, dimensions="latency")  # type: ignore[arg-type]
    with pytest.raises(BadValueKindError, match="instances"):
        Rollup(tensor, "device", operator).renew("abc")
    with pytest.raises(BadValueKindError, match=r"instances\[0\]"):
        Rollup(tensor, "device", operator).renew({3})  # type: ignore[arg-type]
