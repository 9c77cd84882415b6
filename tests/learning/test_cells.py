"""Beliefs in a tensor: learned values and curiosity are found by resolve and explain as they are (L10, R8)."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sporewright.core.config import TensorConfig
from sporewright.core.tensor import Tensor
from sporewright.learning.cells import LOCAL, LocalCells, count_of, is_companion, own_of, support_of
from sporewright.learning.evidence import Evidence
from sporewright.learning.exploration import Exploration
from sporewright.learning.learner import Learner
from sporewright.learning.settings import DEFAULTS, LearningSettings
from sporewright.learning.worth import told_of

LEVELS = ["global", "workspace", "device", LOCAL]


def seed(option: str, dimension: str, kind: str, value: float) -> dict[str, object]:
    """One write at global."""
    return {
        "floor": "global",
        "level": "global",
        "inst": "",
        "option": option,
        "dim": dimension,
        "kind": kind,
        "value": value,
    }


def laid(temperature: float = 0.5, device: str = "", **settings: object) -> LocalCells:
    """Options a, b, c with declared latencies 1, 2, 3 and weights 1 on latency and 2 on failure."""
    seeds = [seed(option, "latency", "value", float(at + 1)) for at, option in enumerate("abc")]
    seeds += [seed("", "latency", "weight", 1.0), seed("", "failure", "weight", 2.0)]
    tensor = TensorConfig.from_dict({"levels": LEVELS, "seeds": seeds, "priors": {"failure": 0.05}}).build()
    learner = Learner(LearningSettings(temperature=temperature, **settings), device=device)  # type: ignore[arg-type]
    cells = LocalCells(learner, tensor, {"workspace": "acme", "device": "A", LOCAL: "A/"}, {"workspace": "acme"})
    for option in "abc":
        cells.declare(option)
    return cells


def tensor_of(cells: LocalCells) -> Tensor:
    """The tensor they are laid in."""
    return cells._tensor


def learn(cells: LocalCells, now: float, option: str, latency: float) -> None:
    """One answer, and the cells after it."""
    cells.learner.learn(now, option, Evidence(latency_s=latency, failed=False))
    cells.write(now, "abc")


def test_pure_exploitation_goes_by_the_means() -> None:
    """At temperature 0 the order is that of the expected costs, the same every time."""
    cells = laid(temperature=0.0)
    learn(cells, 0.0, "a", 9.0)
    tensor = tensor_of(cells)

    assert tensor.resolve(cells.cursor) == ["b", "c", "a"]
    assert cells.best == "b"


@pytest.mark.parametrize("device", ["", "A", "B"])
def test_no_declared_value_keeps_an_option_last_for_ever(device: str) -> None:
    """An operator's 3 s against a measured 1 s: within a day, a call every ten seconds, it has had its turn.

    Tried and as slow as was said, it has few more: a look costs what it may save.
    """
    cells, wary = laid(device=device), laid(temperature=0.0, device=device)
    calls = dict.fromkeys("abc", 0)
    for call in range(8640):
        first = tensor_of(cells).resolve(cells.cursor)[0] if call else "a"
        calls[first] += 1
        learn(cells, 10.0 * call, first, {"a": 1.0, "b": 2.0, "c": 3.0}[first])
        learn(wary, 10.0 * call, "a", 1.0)
        assert tensor_of(wary).resolve(wary.cursor)[0] == "a"
    assert calls["a"] > 8600
    assert min(calls["b"], calls["c"]) >= 1


def test_a_spell_is_looked_into_and_what_came_back_leads_again() -> None:
    """Ten times slower for three calls, the leader is left, looked at again within a hundred, and leads again then."""
    cells, seconds = laid(), {"a": 1.0, "b": 2.0, "c": 3.0}
    for call, option in enumerate(["b", "c", *["a"] * 298]):
        learn(cells, 10.0 * call, option, seconds[option])
    for call in range(300, 303):
        learn(cells, 10.0 * call, "a", 10.0)
    firsts = list[str]()
    for call in range(303, 500):
        firsts.append(tensor_of(cells).resolve(cells.cursor)[0])
        learn(cells, 10.0 * call, firsts[-1], seconds[firsts[-1]])

    assert firsts[0] == "b"
    assert firsts.index("a") < 100
    assert set(firsts[firsts.index("a") :]) == {"a"}


def test_a_failure_costs_what_an_answer_there_costs() -> None:
    """`failure` weighs as declared without own evidence, and in the end 1 / (1 − p) of it: one failure says little."""
    cells, weights = laid(), list[float]()
    for call in range(200):
        failed = call % 2 == 0
        cells.learner.learn(float(call), "a", Evidence(latency_s=None if failed else 1.0, failed=failed))
        cells.write(float(call), "abc")
        weights.append(tensor_of(cells).weight(cells.cursor, "a", "failure") or 0.0)
    failing = cells.learner.cell(199.0, "a", "failure")

    assert failing is not None
    assert tensor_of(cells).weight(cells.cursor, "b", "failure") == 2.0
    assert 2.0 < weights[0] < 3.5
    assert weights[-1] == pytest.approx(2.0 / (1.0 - failing.mean), rel=0.1)
    for call in range(200, 300):
        cells.learner.learn(float(call), "a", Evidence(failed=True))
    cells.write(300.0, "abc")
    assert 50.0 < (tensor_of(cells).weight(cells.cursor, "a", "failure") or 0.0) <= 100.0


def test_explain_finds_the_belief_and_its_weight() -> None:
    """`explain` shows the learned value at `local`, the share of own evidence in it, and curiosity with its weight."""
    cells = laid()
    learn(cells, 0.0, "a", 1.5)
    learn(cells, 1.0, "b", 1.2)
    cells.write(1.0, "abc")
    found = next(each for each in tensor_of(cells).explain(cells.cursor).ranked if each.option == "a")
    terms = {term.dimension: term for term in found.terms}

    assert terms["latency"].value_source == (LOCAL, "A/")
    assert 0.5 < terms[own_of("latency")].value < 1.0
    assert terms["explore"].value < 0.0 < (terms["explore"].weight or 0.0)


def test_curiosity_brings_up_what_nobody_knows() -> None:
    """An option without measurements goes first if its prior is wide, and stops doing so once it was measured."""
    cells = laid()
    tensor = tensor_of(cells)
    tensor.writer("global").set_value("global", "", "new", "latency", 2.0)
    tensor.priors.add(("new", "latency"))
    cells.declare("new")
    learn(cells, 0.0, "a", 1.0)
    cells.write(0.0, ["new"])

    assert tensor.resolve(cells.cursor)[0] == "new"
    assert cells.called(0.0, "new", ["a", "b", "c", "new"])
    cells.learner.learn(2.0, "new", Evidence(latency_s=2.0, failed=False))
    cells.write(2.0, ["a", "b", "c", "new"])
    assert tensor.resolve(cells.cursor).index("new") > tensor.resolve(cells.cursor).index("a")
    for option, latency in (("b", 2.0), ("c", 3.0)):  # these were declared, and never measured either
        cells.learner.learn(3.0, option, Evidence(latency_s=latency, failed=False))
    cells.write(3.0, ["a", "b", "c", "new"])
    assert tensor.resolve(cells.cursor)[0] == "a"


def test_a_dimension_may_be_wanted_to_be_known_more_than_others() -> None:
    """`curiosity` multiplies the dimension's part of the explore term, as laid and as the learner says it."""
    for factor in (1.0, 3.0):
        latency = replace(DEFAULTS.dimensions["latency"], curiosity=factor)
        cells = laid(dimensions={**DEFAULTS.dimensions, "latency": latency})
        learn(cells, 0.0, "a", 1.5)
        latency_only = cells.learner.curious(0.0, "a", {"latency": 1.0})
        found = cells.learner.belief(0.0, "a", "latency")
        assert found is not None
        told = told_of(latency, found)
        assert latency_only == pytest.approx(-factor * math.sqrt(told))
        term = tensor_of(cells).value(cells.cursor, "a", "explore")
        assert term == cells.learner.curious(0.0, "a", {"latency": 1.0, "failure": 2.0})


def test_the_budget_ends_curiosity() -> None:
    """Once a window's exploratory calls are spent the temperature is 0 until the next window."""
    cells = laid(explore_calls=1)
    cells.write(0.0, "abc")
    before = tensor_of(cells).weight(cells.cursor, "b", "explore") or 0.0
    assert before > 0.0

    assert not cells.called(0.0, "a", "abc")
    assert cells.called(0.0, "b", "abc")
    cells.write(1.0, "abc")
    assert {tensor_of(cells).weight(cells.cursor, option, "explore") for option in "abc"} == {0.0}
    cells.write(3601.0, "abc")
    assert tensor_of(cells).weight(cells.cursor, "b", "explore") == pytest.approx(before)


def test_money_is_a_budget_too() -> None:
    """The extra cost of an exploratory call over the best known one is taken from the window's money."""
    cells = laid(explore_usd=0.5)
    cells.learner.declare("a", "financial", 0.1)
    cells.learner.declare("b", "financial", 0.8)
    cells.write(0.0, "abc")
    cells.called(0.0, "b", "abc")

    assert cells.learner.exploration.budget.usd == pytest.approx(0.7)
    assert not cells.learner.exploration.allowed(0.0)


def test_devices_take_turns() -> None:
    """Among a hundred holders about ten look at one option in one slot; a device alone always may."""
    settings = LearningSettings()
    weights = [Exploration(settings, f"device-{at}").weight(1000.0, "a", 100.0) for at in range(100)]

    assert 2 <= sum(weight > 0 for weight in weights) <= 25
    assert len(set(weights)) > 2
    assert Exploration(settings, "").weight(1000.0, "a", 100.0) == settings.temperature


def test_thompson_sampling_is_repeatable() -> None:
    """The same seed draws the same orders, another one others."""
    orders = []
    for number in (1, 1, 2):
        learner = Learner(LearningSettings(thompson=True, seed=number))
        orders.append([learner.curious(0.0, option, {"latency": 1.0}) for option in "abcdef"])

    assert orders[0] == orders[1] != orders[2]


def test_a_page_that_starts_anew_does_not_draw_the_same_again() -> None:
    """The count of draws begins at 0 with every page; the time goes on."""
    settings = LearningSettings(thompson=True, seed=7)
    first, again = (Learner(settings).curious(now, "a", {"latency": 1.0}) for now in (0.0, 60.0))

    assert first != again


def test_clearing_gives_the_declared_order_back() -> None:
    """Nothing of what was laid stays behind."""
    cells = laid()
    learn(cells, 0.0, "a", 9.0)
    cells.clear()

    assert tensor_of(cells).resolve(cells.cursor) == ["a", "b", "c"]


def test_companions_are_told_from_values() -> None:
    """The companion of a value is no value itself."""
    assert all(is_companion(each("latency")) for each in (count_of, support_of, own_of))
    assert not is_companion("latency")


@given(st.lists(st.tuples(st.sampled_from("abc"), st.floats(0.01, 100.0), st.booleans()), max_size=12), st.booleans())
def test_what_is_laid_is_what_is_believed(answers: list[tuple[str, float, bool]], waiting: bool) -> None:
    """The cells are the learner's own, bit for bit, though the variance of unmeasured options is remembered."""
    cells = laid()
    for at, (option, latency, failed) in enumerate(answers):
        cells.learner.learn(float(at), option, Evidence(latency_s=latency, failed=failed))
        cells.write(float(at), [option])
    if waiting:
        cells.learner.began(20.0, "a")
    cells.write(30.0, "abc")

    for option in "abc":
        weights = {"latency": 1.0, "failure": 2.0}
        found = tensor_of(cells).value(cells.cursor, option, "explore")
        assert found == cells.learner.curious(30.0, option, weights)
        cell = cells.learner.cell(30.0, option, "latency")
        if cells.learner.knows(option, "latency"):
            assert cell is not None
            assert tensor_of(cells).value(cells.cursor, option, "latency") == cell.mean
