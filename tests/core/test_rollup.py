"""The way up, rule by rule (U)."""

from __future__ import annotations

import itertools
import math
import statistics
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sporewright.core.tensor import Tensor
from sporewright.errors import BadValueKindError
from tests.core.plain import rounded
from tests.strategies import LEVELS, Write, built, finite, values, writes

UP = ("device", "workspace", "acme")
ACME = {"workspace": "acme"}


def votes(*numbers: Any, option: str = "o", dimension: str = "d") -> Tensor:
    """One device per number, named 0, 1, 2 …."""
    tensor = Tensor(LEVELS)
    for at, x in enumerate(numbers):
        Write("device", str(at), option, dimension, "value", x).apply(tensor)
    return tensor


def test_the_median_is_the_middle_or_the_rounded_mean_of_two() -> None:
    """U1: odd the middle, even `(lower + upper) / 2` with its rounding; written at the target and returned."""
    tensor = votes(3.0, 1.0, 2.0)

    assert tensor.reduce_median(*UP, "o", "d") == 2.0
    assert tensor.value(ACME, "o", "d") == 2.0
    assert votes(0.1, 0.5, 0.2, 9.0).reduce_median(*UP, "o", "d") == (0.2 + 0.5) / 2
    assert votes(0.2, 0.4).reduce_median(*UP, "o", "d") == 0.30000000000000004


@given(st.lists(finite, min_size=1, max_size=9))
def test_the_median_is_that_of_the_standard_library(numbers: list[float]) -> None:
    """U1: exact for an odd count; for an even one the sum and the half are rounded, an overflow is no median."""
    found = votes(*numbers).reduce_median(*UP, "o", "d")
    exact = statistics.median([Fraction(x) for x in numbers])
    wanted = rounded(exact) if len(numbers) % 2 else rounded(Fraction(2 * exact)) / 2

    assert found == (wanted if math.isfinite(wanted) else None)


def test_zeros_of_both_signs_have_an_order() -> None:
    """R7, U1: −0.0 stands before 0.0, so the middle one is the same in whatever order devices report."""
    for numbers in itertools.permutations([-0.0, 0.0, -0.0]):
        assert repr(votes(*numbers).reduce_median(*UP, "o", "d")) == "-0.0"
    for numbers in itertools.permutations([0.0, 0.0, -0.0]):
        assert repr(votes(*numbers).reduce_median(*UP, "o", "d")) == "0.0"


def test_only_finite_scalars_count() -> None:
    """U1, U2, U4: gates and documents do not vote; with no vote left nothing is written and None returned."""
    noise = [math.inf, -math.inf, math.nan, b"doc"]
    tensor = votes(*noise)

    assert tensor.reduce_median(*UP, "o", "d") is None
    assert tensor.reduce_sum(*UP, "o", "d") is None
    assert tensor.roll_up(*UP) == 0
    assert tensor.support("device", "o", "d") == 0
    assert [cell for cell in tensor.cells() if cell.level == "workspace"] == []
    assert votes(*noise, 4.0).reduce_median(*UP, "o", "d") == 4.0
    assert votes(*noise, 4.0, 2.0).support("device", "o", "d") == 2


def test_the_sum_is_added_in_ascending_order() -> None:
    """U2: whatever the order of writing; −1e16 + 1 + 1e16 is 0 that way and no other."""
    for numbers in itertools.permutations([1e16, 1.0, -1e16, 1.0]):
        tensor = votes(*numbers)
        assert tensor.reduce_sum(*UP, "o", "d") == ((-1e16 + 1.0) + 1.0) + 1e16
        assert tensor.value(ACME, "o", "d") == ((-1e16 + 1.0) + 1.0) + 1e16
    assert votes(*[0.1] * 10).reduce_sum(*UP, "o", "d") == 0.9999999999999999
    assert repr(votes(-0.0).reduce_sum(*UP, "o", "d")) == "0.0"


def test_an_overflow_is_not_written() -> None:
    """U6: a median or sum that is not finite is None and must not become a gate."""
    tensor = votes(1.7e308, 1.7e308)

    assert tensor.reduce_median(*UP, "o", "d") is None
    assert tensor.reduce_sum(*UP, "o", "d") is None
    assert tensor.roll_up(*UP) == 0
    assert tensor.value(ACME, "o", "d") is None


@given(writes)
def test_roll_up_is_the_median_of_each_pair(moves: list[Write]) -> None:
    """U3: it writes exactly what `reduce_median` would for each pair; a second time changes nothing."""
    by_pairs, at_once = built(moves), built(moves)
    pairs = {(c.option, c.dimension) for c in by_pairs.cells() if c.level == "device" and c.option}
    written = sum(by_pairs.reduce_median(*UP, *pair) is not None for pair in pairs)

    assert at_once.roll_up(*UP) == written
    assert at_once.to_json() == by_pairs.to_json()
    assert at_once.roll_up(*UP) == written
    assert at_once.to_json() == by_pairs.to_json()


def test_the_target_keeps_its_weight() -> None:
    """U1, T5: a value is written, the weight at the target stays; a document there gives way."""
    tensor = votes(1.0)
    writer = tensor.writer("workspace")
    writer.set_option_weight("workspace", "acme", "o", "d", 7.0)
    writer.set_document("workspace", "acme", "o", "d", b"old")
    tensor.roll_up(*UP)

    assert (tensor.value(ACME, "o", "d"), tensor.weight(ACME, "o", "d")) == (1.0, 7.0)


def test_a_quorum_of_others_attests() -> None:
    """U5: more than 0 counts, however small; 0, less, NaN, documents and the option's own word do not."""
    tensor = votes(5e-324, math.inf, 0.0, -1.0, math.nan, b"x", option="b", dimension="can:x")
    Write("device", "b", "b", "can:x", "value", 1.0).apply(tensor)

    assert tensor.corroborate(*UP, 3) == 0
    assert tensor.value(ACME, "b", "can:x") is None
    assert tensor.corroborate(*UP, 2) == 1
    assert tensor.value(ACME, "b", "can:x") == 1.0
    assert tensor.value({"device": "b"}, "b", "can:x") == 1.0


@given(writes, st.integers(1, 4))
def test_corroboration_counts_instances(moves: list[Write], quorum: int) -> None:
    """U5: 1.0 stands exactly where at least `quorum` instances other than the option carry more than 0."""
    tensor = built(moves)
    cells = tensor.cells()
    pairs = {(c.option, c.dimension) for c in cells if c.level == "device" and c.option}
    wanted = {
        (option, dimension)
        for option, dimension in pairs
        if sum(
            (c.level, c.option, c.dimension) == ("device", option, dimension)
            and c.instance != option
            and isinstance(c.value, float)
            and c.value > 0
            for c in cells
        )
        >= quorum
    }

    assert tensor.corroborate("device", "workspace", "new", quorum) == len(wanted)
    found = {(c.option, c.dimension): c.value for c in tensor.cells() if c.instance == "new"}
    assert found == dict.fromkeys(wanted, 1.0)


@given(writes)
def test_support_counts_finite_scalars(moves: list[Write]) -> None:
    """U4: how many instances of the level carry one at exactly that option and dimension."""
    tensor = built(moves)
    for option, dimension in {(c.option, c.dimension) for c in tensor.cells()}:
        for level in LEVELS:
            assert tensor.support(level, option, dimension) == sum(
                (c.level, c.option, c.dimension) == (level, option, dimension)
                and isinstance(c.value, float)
                and math.isfinite(c.value)
                for c in tensor.cells()
            )


def test_only_the_instances_named_vote() -> None:
    """U6: for median, sum, roll-up and corroboration alike; strangers among them are no votes, none is nobody."""
    tensor = votes(1.0, 2.0, 30.0)

    assert tensor.reduce_median(*UP, "o", "d", instances=["0", "1"]) == 1.5
    assert tensor.reduce_sum(*UP, "o", "d", instances={"1", "2", "stranger"}) == 32.0
    assert tensor.reduce_sum(*UP, "o", "d", instances=()) is None
    assert tensor.roll_up(*UP, instances=["2"]) == 1
    assert tensor.value(ACME, "o", "d") == 30.0
    assert tensor.corroborate(*UP, 3, instances=["0", "1"]) == 0
    assert tensor.corroborate(*UP, 2, instances=["0", "1"]) == 1


def test_one_name_is_no_collection_of_names() -> None:
    """U6: a bare string would match by its letters, so it is a BadValueKindError and nothing is written."""
    tensor = votes(1.0, option="x")
    before = tensor.to_json()
    for ask in (
        lambda: tensor.roll_up(*UP, instances="0"),
        lambda: tensor.corroborate(*UP, 1, instances="0"),
        lambda: tensor.reduce_median(*UP, "x", "d", instances="0"),
        lambda: tensor.reduce_sum(*UP, "x", "d", instances="0"),
    ):
        with pytest.raises(BadValueKindError, match="instances"):
            ask()
    assert tensor.to_json() == before


def test_only_the_dimensions_asked_for_go_up() -> None:
    """U6: `dimensions=` is a predicate, for roll-up and corroboration."""
    tensor = votes(1.0, dimension="can:x")
    Write("device", "0", "o", "latency", "value", 2.0).apply(tensor)

    assert tensor.roll_up(*UP, dimensions=lambda name: name == "latency") == 1
    assert tensor.corroborate(*UP, 1, dimensions=lambda name: name.startswith("can:")) == 1
    assert [(c.dimension, c.value) for c in tensor.cells() if c.level == "workspace"] == [
        ("can:x", 1.0),
        ("latency", 2.0),
    ]


@given(st.lists(st.tuples(st.text("ab", min_size=1, max_size=2), values), max_size=10), st.randoms())
def test_the_order_of_instances_changes_nothing(reports: list[tuple[str, Any]], chance: Any) -> None:
    """R7, U1, U2: the same reports in another order give the same bits at the target."""
    reports = list(dict(reports).items())
    shuffled = list(reports)
    chance.shuffle(shuffled)
    results = set()
    for each in (reports, shuffled):
        tensor = Tensor(LEVELS)
        for instance, x in each:
            Write("device", instance, "o", "d", "value", x).apply(tensor)
        found = (tensor.reduce_sum(*UP, "o", "d"), tensor.reduce_median(*UP, "o", "d"), tensor.to_json())
        results.add(repr(found))

    assert len(results) == 1
