"""Fold, resolve and explain, rule by rule, and against a second definition (F, R)."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sporewright.core.resolve import Dropped, Ranked, Term, fold_value, fold_values, rows_of
from sporewright.core.tensor import Tensor
from tests.core import plain
from tests.strategies import LEVELS, Write, built, cursors, dimensions, options, scalars, writes

INF, NAN = math.inf, math.nan


def tensor_of(*cells: tuple[str, str, float]) -> Tensor:
    """Values at the coarsest shared instance, every dimension with the shared weight 1."""
    tensor = Tensor(LEVELS)
    writer = tensor.writer("global")
    for option, dimension, value in cells:
        writer.set_value("global", "", option, dimension, value)
        writer.set_weight("global", "", dimension, 1.0)
    return tensor


@given(writes, cursors)
def test_the_queue_and_its_scores_are_the_second_definitions(moves: list[Write], cursor: dict[str, str]) -> None:
    """R1–R7: an independent reading of the rules gives the same options, order and scores, bit for bit."""
    tensor = built(moves)
    ranked = tensor.explain(cursor).ranked
    wanted = plain.queue(tensor.cells(), LEVELS, cursor)

    assert tensor.resolve(cursor) == [option for option, _ in wanted]
    assert [(each.option, repr(each.score)) for each in ranked] == [(option, repr(score)) for option, score in wanted]


@given(writes, cursors, options, dimensions)
def test_reading_one_coordinate_folds_each_layer_apart(
    moves: list[Write], cursor: dict[str, str], option: str, dimension: str
) -> None:
    """F1–F4: value, document and weight each come from the deepest level that sets them."""
    tensor = built(moves)
    here = plain.here_at(tensor.cells(), LEVELS, cursor)
    value = plain.value_at(here, option, dimension)

    assert repr(tensor.value(cursor, option, dimension)) == repr(value if isinstance(value, float) else None)
    assert tensor.document(cursor, option, dimension) == (value if isinstance(value, bytes) else None)
    assert repr(tensor.weight(cursor, option, dimension)) == repr(plain.weight_at(here, option, dimension))
    assert tensor.options(cursor) == sorted({cell.option for cell in here} - {""})
    slices = tensor.slices(cursor)
    every = fold_values(rows_of(slices, option))
    assert (repr(every.get(dimension)), None in every.values()) == (repr(fold_value(slices, option, dimension)), False)


@given(writes, cursors)
def test_every_term_names_where_it_was_folded_from(moves: list[Write], cursor: dict[str, str]) -> None:
    """R8: reading the layer at a term's source gives the term's value and weight; a drop's source gives its gate."""
    tensor = built(moves)
    cells = {(c.level, c.instance, c.option, c.dimension): c for c in tensor.cells()}
    resolution = tensor.explain(cursor)

    for ranked in resolution.ranked:
        for term in ranked.terms:
            assert repr(cells[*term.value_source, ranked.option, term.dimension].value) == repr(term.value)
            assert (term.weight is None) == (term.weight_source is None)
            if term.weight_source is not None:
                sources = [(*term.weight_source, who, term.dimension) for who in (ranked.option, "")]
                assert repr(term.weight) in [repr(cells[at].weight) for at in sources if at in cells]
    for drop in resolution.dropped:
        assert repr(cells[drop.level, drop.instance, drop.option, drop.dimension].value) == repr(drop.value)


def test_the_deepest_level_wins_each_layer() -> None:
    """F1, F2: the device's value is read with the workspace's weight."""
    tensor = Tensor(LEVELS)
    writer = tensor.writer("global")
    writer.set_value("global", "", "a", "latency", 1.0)
    writer.set_value("device", "A", "a", "latency", 2.0)
    writer.set_option_weight("global", "", "a", "latency", 10.0)
    writer.set_option_weight("workspace", "acme", "a", "latency", 20.0)
    cursor = {"workspace": "acme", "device": "A"}

    (ranked,) = tensor.explain(cursor).ranked

    assert ranked == Ranked(
        "a", 40.0, (Term("latency", 2.0, 20.0, 40.0, ("device", "A"), ("workspace", "acme"), False),)
    )
    assert tensor.explain({}).ranked[0].score == 10.0


def test_an_own_coarse_weight_beats_a_shared_fine_one() -> None:
    """F3: the option's own weight wins wherever it stands; without one the shared slot's deepest is read."""
    tensor = tensor_of(("a", "latency", 3.0), ("b", "latency", 3.0))
    writer = tensor.writer("global")
    writer.set_option_weight("global", "", "a", "latency", 5.0)
    writer.set_weight("device", "A", "latency", 7.0)

    assert tensor.weight({"device": "A"}, "a", "latency") == 5.0
    assert tensor.weight({"device": "A"}, "b", "latency") == 7.0
    assert tensor.weight({}, "b", "latency") == 1.0
    assert tensor.weight({}, "b", "quality") is None


def test_a_document_hides_a_coarser_scalar_and_a_coarser_gate() -> None:
    """F4: where the winning value is a document there is no scalar, so no term and no gate."""
    tensor = tensor_of(("a", "latency", INF), ("a", "failure", 1.0))
    tensor.writer("device").set_document("device", "A", "a", "latency", b"why")

    assert tensor.resolve({}) == []
    assert tensor.resolve({"device": "A"}) == ["a"]
    assert tensor.value({"device": "A"}, "a", "latency") is None
    assert tensor.document({"device": "A"}, "a", "latency") == b"why"
    assert tensor.document({}, "a", "latency") is None


@pytest.mark.parametrize("gate", [INF, -INF, NAN], ids=["inf", "-inf", "nan"])
def test_a_value_that_is_not_finite_is_a_gate_at_any_weight(gate: float) -> None:
    """R2: it drops the option with no weight at all, and the first gate in the dimensions' order is named (R8)."""
    tensor = tensor_of(("a", "latency", 1.0), ("b", "latency", 1.0))
    writer = tensor.writer("global")
    writer.set_value("global", "", "a", "reach", INF)
    writer.set_value("device", "A", "a", "priv:x", gate)

    (drop,) = tensor.explain({"device": "A"}).dropped

    assert tensor.resolve({"device": "A"}) == ["b"]
    assert repr(drop) == repr(Dropped("a", "priv:x", gate, "device", "A"))
    assert tensor.explain({}).dropped == (Dropped("a", "reach", INF, "global", ""),)


@pytest.mark.parametrize("weight", [INF, -INF, NAN])
def test_a_weight_that_is_not_finite_contributes_nothing(weight: float) -> None:
    """R4: the option stays; the term shows the weight and a product of 0."""
    tensor = tensor_of(("a", "latency", 5.0), ("b", "latency", 1.0))
    tensor.writer("global").set_option_weight("global", "", "a", "latency", weight)

    first = tensor.explain({}).ranked[0]
    assert tensor.resolve({}) == ["a", "b"]

    assert (first.option, first.score, first.terms[0].product) == ("a", 0.0, 0.0)
    assert repr(first.terms[0].weight) == repr(weight)


def test_a_value_without_a_weight_contributes_nothing() -> None:
    """R4: an option with an unweighted value is a candidate with the score 0, and the term says so."""
    tensor = Tensor(LEVELS)
    tensor.writer("global").set_value("global", "", "a", "latency", 5.0)

    assert tensor.explain({}).ranked == (
        Ranked("a", 0.0, (Term("latency", 5.0, None, 0.0, ("global", ""), None, False),)),
    )


def test_what_is_no_candidate() -> None:
    """R1: the shared slot, an option of weights alone, one of documents alone, one with no cell at this cursor."""
    tensor = tensor_of(("yes", "latency", 1.0))
    writer = tensor.writer("global")
    writer.set_value("global", "", "", "latency", -9.0)
    writer.set_option_weight("global", "", "weights", "latency", 1.0)
    writer.set_document("global", "", "documents", "latency", b"")
    writer.set_value("device", "A", "elsewhere", "latency", 1.0)

    assert tensor.resolve({}) == ["yes"]
    assert tensor.explain({}).dropped == ()
    assert tensor.options({}) == ["documents", "weights", "yes"]


def test_the_sum_runs_in_code_point_order_and_rounds_each_step() -> None:
    """R3: 1e16 + 1 − 1e16 is 0 in the order of the dimensions, and 1 in another, whatever the order of writing."""
    for names in ("abc", "cab", "bca"):
        values = {"a": 1e16, "b": 1.0, "c": -1e16}
        tensor = tensor_of(*(("o", name, values[name]) for name in names))
        assert tensor.explain({}).ranked[0].score == 0.0
    assert tensor_of(("o", "a", 1e16), ("o", "b", -1e16), ("o", "c", 1.0)).explain({}).ranked[0].score == 1.0


def test_no_compensated_and_no_exact_sum() -> None:
    """R3: ten tenths give 0.9999999999999999, where math.fsum, and sum since Python 3.12, give 1.0."""
    tensor = tensor_of(*(("o", f"d{at}", 0.1) for at in range(10)), ("p", "d0", 0.9999999999999999))

    assert tensor.explain({}).ranked[0].score == 0.9999999999999999
    assert tensor.resolve({}) == ["o", "p"]


def test_a_product_is_rounded_before_it_is_added() -> None:
    """R3: (1 + 2⁻³⁰)² − (1 + 2⁻²⁹) is 0 in two roundings; a fused multiply-add would leave 2⁻⁶⁰."""
    tensor = Tensor(LEVELS)
    writer = tensor.writer("global")
    writer.set_value("global", "", "o", "a", -(1 + 2**-29))
    writer.set_weight("global", "", "a", 1.0)
    writer.set_value("global", "", "o", "b", 1 + 2**-30)
    writer.set_weight("global", "", "b", 1 + 2**-30)

    assert tensor.explain({}).ranked[0].score == 0.0


def test_ties_go_by_name_in_code_point_order() -> None:
    """R5, T6: −0.0 ties with 0.0, and U+E000 comes before U+10000, which UTF-16 would turn round."""
    tensor = tensor_of(("\U00010000", "d", -0.0), ("\ue000", "d", 0.0), ("é", "d", 0.0), ("e\u0301", "d", -0.0))

    assert tensor.resolve({}) == ["e\u0301", "é", "\ue000", "\U00010000"]


def test_a_score_that_is_no_number_sorts_last() -> None:
    """R5: overflow to ∞ − ∞ is no gate; it follows everything, +∞ included, and ties by name."""
    big = 1e308
    tensor = tensor_of(
        ("n", "a", big), ("n", "b", big), ("n", "c", -big), ("m", "a", big), ("i", "a", big), ("i", "b", big)
    )
    writer = tensor.writer("global")
    for option in "nm":
        writer.set_option_weight("global", "", option, "a", 10.0)
        writer.set_option_weight("global", "", option, "b", 1.0)
        writer.set_option_weight("global", "", option, "c", 10.0)
    writer.set_value("global", "", "m", "c", -big)

    resolution = tensor.explain({})

    assert tensor.resolve({}) == ["i", "m", "n"]
    assert [repr(each.score) for each in resolution.ranked] == ["inf", "nan", "nan"]
    assert json.loads(json.dumps(resolution.to_dict(), allow_nan=False))["ranked"][2]["score"] == "nan"


def test_a_resolution_as_json() -> None:
    """R8, S2: the explanation is plain JSON data, and what is not finite is one of three names."""
    tensor = tensor_of(("a", "latency", 2.0), ("b", "reach", -INF))
    tensor.writer("global").set_option_weight("device", "A", "a", "latency", NAN)
    tensor.writer("global").set_value("global", "", "a", "quality", 0.5)

    assert json.loads(json.dumps(tensor.explain({"device": "A"}).to_dict(), allow_nan=False)) == {
        "ranked": [
            {
                "option": "a",
                "score": 0.0,
                "terms": [
                    {
                        "dimension": "latency",
                        "value": 2.0,
                        "weight": "nan",
                        "product": 0.0,
                        "value_source": ["global", ""],
                        "weight_source": ["device", "A"],
                        "prior": False,
                    },
                    {
                        "dimension": "quality",
                        "value": 0.5,
                        "weight": None,
                        "product": 0.0,
                        "value_source": ["global", ""],
                        "weight_source": None,
                        "prior": False,
                    },
                ],
            }
        ],
        "dropped": [{"option": "b", "dimension": "reach", "value": "-inf", "level": "global", "instance": ""}],
    }


@given(st.lists(st.tuples(options, scalars), max_size=12))
def test_dropped_options_are_listed_by_name(pairs: list[tuple[str, float]]) -> None:
    """R8: drops stand in code-point order, and ranked and dropped share no option."""
    resolution = tensor_of(*((option, "d", value) for option, value in pairs)).explain({})
    dropped = [each.option for each in resolution.dropped]

    assert dropped == sorted(dropped)
    assert not {each.option for each in resolution.ranked} & set(dropped)
