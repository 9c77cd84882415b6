"""The addressed field: floors, gates, weights, scores, bounded work (L1–L7, W1)."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest

from sporewright.errors import BadValueKindError, ConfigError, UnknownLevelError, WriteUpError
from sporewright.policy.field import AddressedField
from sporewright.policy.field_writer import FieldWriter

HERE = {"workspace": "acme", "device": "A"}
THERE = {"workspace": "acme", "device": "B"}


def field(**priors: float) -> AddressedField:
    """Two layers, and a prior cost at the root for each option named."""
    made = AddressedField(["workspace", "device"])
    for option, cost in priors.items():
        made.root_writer().set_prior({}, option, "cost", cost)
    return made


def test_a_field_of_one_root() -> None:
    """L1: no layers at all is a field; its one node has variance 1."""
    made = AddressedField([])
    made.root_writer().set_prior({}, "x", "cost", 2.0)
    trace = made.decide({}).alternative("x").trace("cost")

    assert (trace.mean, trace.variance) == (2.0, 1.0)


def test_process_variances_are_by_layer() -> None:
    """L1: an instance without measurements has the sum of the variances along the path."""
    made = AddressedField(["workspace", "device"], {"device": 0.25}, root_variance=4.0)
    made.root_writer().set_prior({}, "x", "cost", 0.0)

    found = [made.decide(address).alternative("x").variance for address in ({}, {"workspace": "acme"}, HERE)]
    assert found == [4.0, 5.0, 5.25]


def test_siblings_inherit_through_the_shared_prefix() -> None:
    """L2: a measurement here moves the sibling half as far as the shared part of the path; a stranger less."""
    made = field(x=0.0)
    touched = made.writer("device").observe(HERE, "x", "cost", 4.0, 1.0)
    means = [
        made.decide(address).alternative("x").trace("cost").mean
        for address in (HERE, THERE, {"workspace": "other", "device": "A"})
    ]

    assert touched == 3
    assert means == pytest.approx([3.0, 2.0, 1.0], abs=1e-15)
    nodes = made.decide(HERE).alternative("x").trace("cost").nodes
    assert [node.depth for node in nodes] == [0, 1, 2]
    assert sum(node.residual for node in nodes) == pytest.approx(3.0)
    assert [node.observations for node in nodes] == [0, 0, 1]


def test_learning_costs_the_path_and_no_more() -> None:
    """L2: one measurement looks at the nodes of its path, however many siblings there are."""
    made = field(x=1.0)
    writer = made.root_writer()
    for at in range(500):
        writer.observe({"workspace": f"w{at}"}, "x", "cost", float(at), 1.0)

    assert writer.observe(HERE, "x", "cost", 1.0, 1.0) == 3


def test_deciding_among_the_allowed_looks_at_nothing_else() -> None:
    """L7: a thousand other options, here and elsewhere, add no look; strangers and the shared slot are left out."""
    made = field(x=1.0, y=2.0)
    before = made.decide_among(HERE, ["x"])
    for at in range(1000):
        made.root_writer().set_prior({}, f"old-{at}", "cost", -1.0)
        made.root_writer().observe({"workspace": f"w{at}"}, f"elsewhere-{at}", "cost", -1.0, 1.0)
    after = made.decide_among(HERE, ["x", "absent", ""])

    assert after.order == before.order == ["x"]
    assert after.visited == before.visited == 1
    assert set(made.decide_among(HERE, {"y", "x"}).order) == {"x", "y"}


def test_deciding_looks_at_the_path_only() -> None:
    """L7: declarations in other branches add no look to a decision here, and are no candidates here."""
    made = field(x=1.0)
    before = made.decide(HERE)
    for at in range(200):
        made.root_writer().set_prior({"workspace": f"w{at}", "device": "A"}, "x", "cost", -1.0)
        made.root_writer().set_prior({"workspace": f"w{at}", "device": "A"}, "z", "cost", -1.0)

    assert made.decide(HERE) == before


def test_a_gate_is_hard_at_any_depth() -> None:
    """L5: closed above or here, at any temperature; the first in (dimension, depth) order is named; True lifts it."""
    made = field(x=0.0, y=1.0)
    writer = made.root_writer()
    writer.set_gate({"workspace": "acme"}, "x", "reach", is_open=False)
    writer.set_gate({}, "x", "trust", is_open=False)

    for temperature in (0.0, 1e6):
        assert made.resolve(HERE, temperature) == ["y"]
        assert made.decide(HERE, temperature).alternatives[-1].gate == ("reach", 1)
    writer.set_gate({"workspace": "acme"}, "x", "reach", is_open=True)
    assert made.decide(HERE).alternative("x").gate == ("trust", 0)
    writer.set_gate({}, "x", "trust", is_open=True)
    assert made.resolve(HERE) == ["x", "y"]
    assert made.resolve({"workspace": "other"}) == ["x", "y"]


def test_weights_add_along_the_path() -> None:
    """L5: shared slot and own, from the root down; 1 where none is set; an option of weights alone is no candidate."""
    made = field(x=3.0, y=1.0)
    writer = made.root_writer()
    assert [each.trace("cost").weight for each in made.decide(HERE).alternatives] == [1.0, 1.0]
    writer.set_weight({}, "cost", 2.0)
    writer.set_weight({"workspace": "acme"}, "cost", -1.5)
    writer.set_option_weight(HERE, "x", "cost", 0.25)
    writer.set_option_weight({}, "ghost", "cost", 1.0)

    decision = made.decide(HERE)
    assert {each.option: each.trace("cost").weight for each in decision.alternatives} == {"x": 0.75, "y": 0.5}
    assert decision.order == ["y", "x"]
    assert decision.alternatives[1].score == 3.0 * 0.75
    assert made.decide(HERE, allowed=["ghost"]).order == []


def test_temperature_pays_for_uncertainty() -> None:
    """L6: score = Σ mean·weight − temperature·√(Σ variance·weight²); equal scores by name."""
    made = field(x=0.0, y=1.0)
    writer = made.root_writer()
    writer.set_weight({}, "cost", 2.0)
    writer.set_prior({}, "y", "risk", 0.5)
    for option in "ba":
        writer.set_prior({}, option, "cost", 8.0)
    at_root = made.decide({}, 3.0)

    assert made.resolve({}) == ["x", "y", "a", "b"]
    assert at_root.alternative("x").score == 0.0 - 3.0 * 2.0
    assert at_root.alternative("y").score == 2.5 - 3.0 * math.sqrt(1.0 * 4.0 + 1.0)
    assert (at_root.alternative("y").expected, at_root.alternative("y").variance) == (2.5, 5.0)
    assert at_root.order == ["x", "y", "a", "b"]


def test_discount_is_exact_and_local() -> None:
    """L3: half the evidence of exactly that node is half its precision; nowhere else is anything to discount."""
    made, same, untold = field(x=0.0), field(x=0.0), field(x=0.0)
    made.root_writer().observe(HERE, "x", "cost", 4.0, 1.0)
    same.root_writer().observe(HERE, "x", "cost", 4.0, 2.0)
    writer = made.writer("device")

    assert not made.root_writer().discount({"workspace": "acme"}, "x", "cost", 0.0)
    assert not writer.discount(THERE, "x", "cost", 0.0)
    assert writer.discount(HERE, "x", "cost", 1.0)
    assert writer.discount(HERE, "x", "cost", 0.5)
    assert made.decide(THERE) == same.decide(THERE)
    assert made.decide(HERE) == same.decide(HERE)
    assert writer.discount(HERE, "x", "cost", 0.0)
    assert [made.decide(place).alternatives for place in (HERE, THERE)] == [
        untold.decide(place).alternatives for place in (HERE, THERE)
    ]


def test_what_was_forgotten_stays_a_candidate_and_uncertain() -> None:
    """L3: an option whose only evidence is forgotten is as unknown as before it came, beside what else is known."""
    made = field()
    writer = made.root_writer()
    writer.observe(HERE, "x", "cost", 4.0, 1.0)
    writer.observe(HERE, "x", "risk", 1.0, 1.0)
    writer.discount(HERE, "x", "cost", 0.0)
    (x,) = made.decide(HERE, 1.0).alternatives

    assert [(each.dimension, each.mean, each.variance) for each in x.dimensions] == [
        ("cost", 0.0, 3.0), ("risk", 0.75, 0.75)
    ]  # fmt: skip
    assert (made.resolve(HERE), made.resolve(THERE)) == (["x"], [])
    assert AddressedField.from_json(made.to_json()).decide(HERE, 1.0) == made.decide(HERE, 1.0)


def test_a_sibling_informs_a_candidate_and_makes_none() -> None:
    """L2, L7: what only another tenant declared or measured is no option here, also after it was folded."""
    made = field(x=0.0)
    writer = made.root_writer()
    for option in ("x", "y"):
        writer.observe(HERE, option, "cost", 4.0, 1.0)
    assert [made.resolve(place) for place in (HERE, THERE, {})] == [["x", "y"], ["x"], ["x"]]
    assert made.decide(THERE).alternative("x").expected > 0.0
    before = made.decide(THERE).alternatives

    writer.compact(HERE)
    assert made.decide(THERE).order == ["x"]
    assert made.decide_among(THERE, ["x", "y"]).order == ["x"]
    assert [(each.score, each.variance) for each in made.decide(THERE).alternatives] == [
        (each.score, each.variance) for each in before
    ]
    writer.set_prior({"workspace": "acme"}, "y", "cost", 0.0)
    assert made.decide(THERE).alternative("y").expected > 0.0


def test_compaction_frees_what_it_folds() -> None:
    """L4: the subtree's cells go, its gates and weights stay; a subtree that is not there folds nothing."""
    made = field(x=0.0)
    writer = made.root_writer()
    writer.set_prior({}, "y", "risk", 0.0)
    for at in range(10):
        writer.observe({"workspace": "acme", "device": f"d{at}"}, "x", "cost", 1.0, 1.0)
    writer.observe(HERE, "y", "risk", 1.0, 1.0)
    writer.set_gate(HERE, "x", "cost", is_open=False)
    writer.set_weight(HERE, "cost", 2.0)
    before = made.decide({"workspace": "other"})

    assert writer.compact({"workspace": "nobody"}) == 0
    assert writer.compact({"workspace": "acme"}, "x", "cost") == 11
    assert writer.compact({"workspace": "acme"}, dimension="risk") == 2
    after = made.decide({"workspace": "other"})
    assert [(each.option, each.score, each.variance) for each in after.alternatives] == [
        (each.option, each.score, each.variance) for each in before.alternatives
    ]
    assert after.alternative("x").trace("cost").nodes[0].observations == 10
    assert made.resolve(HERE) == ["y"]
    assert made.to_json().count('"address"') == 4
    assert [len(place.cells) for place in made.tree.root.below()] == [2, 0, 2]


def test_a_writer_never_writes_up() -> None:
    """W1: at its floor or finer; compaction writes to the parent, so the parent must be in reach. Nothing changes."""
    made = field(x=0.0)
    before = made.to_json()
    device, workspace = made.writer("device"), made.writer("workspace")
    ups: list[Callable[[], object]] = [
        lambda: workspace.set_prior({}, "x", "cost", 1.0),
        lambda: device.set_weight({"workspace": "acme"}, "cost", 1.0),
        lambda: device.set_option_weight({}, "x", "cost", 1.0),
        lambda: device.set_gate({"workspace": "acme"}, "x", "cost", is_open=False),
        lambda: device.observe({"workspace": "acme"}, "x", "cost", 1.0, 1.0),
        lambda: device.discount({}, "x", "cost", 0.5),
        lambda: device.compact(HERE),
        lambda: workspace.compact({"workspace": "acme"}),
    ]
    for up in ups:
        with pytest.raises(WriteUpError, match="floor"):
            up()

    assert made.to_json() == before
    assert workspace.observe(HERE, "x", "cost", 1.0, 1.0) == 3
    assert workspace.compact(HERE) == 1


@pytest.mark.parametrize(
    ("address", "error", "named"),
    [
        ({"galaxy": "x"}, UnknownLevelError, "galaxy"),
        ({"device": "A"}, ConfigError, "workspace"),
        ({"workspace": 7}, BadValueKindError, "7"),
        ([("workspace", "acme")], BadValueKindError, "acme"),
    ],
)
def test_an_address_that_is_none_is_named(address: dict[str, str], error: type[Exception], named: str) -> None:
    """T3: a strange layer, a gap, and what is no name are errors that name it; "" counts as left out."""
    with pytest.raises(error, match=named):
        field(x=1.0).decide(address)
    assert field(x=1.0).decide({"workspace": "acme", "device": ""}).address == {"workspace": "acme"}


@pytest.mark.parametrize(
    ("write", "error", "named"),
    [
        (lambda w: w.set_prior({}, "x", "cost", math.nan), ConfigError, "nan"),
        (lambda w: w.set_prior({}, "x", "cost", 10**400), ConfigError, "not finite or beyond"),
        (lambda w: w.set_prior({}, "x", "cost", "low"), BadValueKindError, "low"),
        (lambda w: w.set_prior({}, "x", "cost", True), BadValueKindError, "True"),
        (lambda w: w.set_prior({}, "", "cost", 1.0), ConfigError, "shared slot"),
        (lambda w: w.set_prior({}, 3, "cost", 1.0), BadValueKindError, "3"),
        (lambda w: w.set_prior({}, "x", 3, 1.0), BadValueKindError, "3"),
        (lambda w: w.set_weight({}, "cost", math.inf), ConfigError, "inf"),
        (lambda w: w.set_option_weight({}, "", "cost", 1.0), ConfigError, "shared slot"),
        (lambda w: w.set_gate({}, "", "cost", False), ConfigError, "shared slot"),
        (lambda w: w.observe({}, "x", "cost", math.inf, 1.0), ConfigError, "inf"),
        (lambda w: w.observe({}, "x", "cost", 1.0, 0.0), ConfigError, "variance"),
        (lambda w: w.observe({}, "x", "cost", 1.0, -1.0), ConfigError, "variance"),
        (lambda w: w.observe({}, "x", "cost", 1.0, math.nan), ConfigError, "nan"),
        (lambda w: w.discount({}, "x", "cost", 1.5), ConfigError, "1.5"),
        (lambda w: w.discount({}, "x", "cost", -0.1), ConfigError, "-0.1"),
        (lambda w: w.compact({}), ConfigError, "root"),
    ],
)
def test_a_write_that_cannot_be_changes_nothing(
    write: Callable[[FieldWriter], object], error: type[Exception], named: str
) -> None:
    """L1–L5: what is no number, not finite, out of range or misplaced is named, and the field stays as it was."""
    made = field(x=1.0)
    before = made.to_json()

    with pytest.raises(error, match=named):
        write(made.root_writer())
    assert made.to_json() == before


def test_a_node_takes_only_so_much() -> None:
    """Evidence that would outgrow a float64 is refused before it does; the extremes still decide."""
    made = field(x=0.0)
    writer = made.root_writer()
    for _ in range(3):
        writer.observe(HERE, "x", "cost", 1e75, 1e-75)
    mean = made.decide(HERE).alternative("x").trace("cost").mean
    cell = made.tree.find(("acme", "A"), "x", "cost")
    assert cell is not None
    for total in (0, 1):
        kept = cell.own[total].units
        cell.own[total].units = kept * 10**11
        with pytest.raises(ConfigError, match="no more evidence"):
            writer.observe(HERE, "x", "cost", 1e75, 1e-75)
        cell.own[total].units = kept

    assert mean == pytest.approx(1e75)


@pytest.mark.parametrize("layers", [["a", "a"], [""], [3], [f"l{at}" for at in range(65)]])
def test_layers_that_cannot_be(layers: list[str]) -> None:
    """Layers are names that differ, at most 64."""
    with pytest.raises(ConfigError, match="layers"):
        AddressedField(layers)


def test_a_field_that_cannot_be_made_or_asked() -> None:
    """A variance or a temperature that cannot work, a layer that is none, a string for a collection: named."""
    with pytest.raises(ConfigError, match="device"):
        AddressedField(["device"], {"device": 0.0})
    with pytest.raises(ConfigError, match="the root"):
        AddressedField(["device"], root_variance=math.inf)
    with pytest.raises(UnknownLevelError, match="galaxy"):
        AddressedField(["device"], {"galaxy": 1.0})
    with pytest.raises(UnknownLevelError, match="galaxy"):
        field().writer("galaxy")
    for temperature in (-1.0, math.nan, math.inf):
        with pytest.raises(ConfigError, match="temperature"):
            field().decide({}, temperature)
    with pytest.raises(BadValueKindError, match="fast"):
        field().decide({}, allowed="fast")


def test_a_decision_names_what_it_does_not_have() -> None:
    """Asking a decision for an option or a dimension it lacks names it."""
    decision = field(x=1.0).decide({})

    with pytest.raises(ConfigError, match="ghost"):
        decision.alternative("ghost")
    with pytest.raises(ConfigError, match="ghost"):
        decision.alternative("x").trace("ghost")


def test_a_path_is_no_longer_than_the_layers() -> None:
    """An address has one name a layer at most; what would be cut off is named instead."""
    field = AddressedField(["workspace", "device"])

    assert field.address(("acme",)) == {"workspace": "acme"}
    with pytest.raises(ConfigError, match="longer than the layers workspace, device"):
        field.address(("acme", "A", "lost"))
