"""Exploration and receipts (L8–L10)."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sporewright.core.tensor import Tensor
from sporewright.errors import BadValueKindError, ConfigError, DecodeError
from sporewright.policy.explore import explore_value, plan_exploration, write_explore
from sporewright.policy.field import AddressedField
from sporewright.policy.receipt import Receipt, receipt_of, receipt_of_queue

COSTS = {"sure": 1.0, "vague": 1.0, "dear": 4.0, "shut": 0.0}


def field() -> AddressedField:
    """Four options: one measured well, two not, one behind a gate."""
    made = AddressedField([])
    writer = made.root_writer()
    for option, cost in (("sure", 0.0), ("vague", 5.0), ("dear", 6.0), ("shut", -9.0)):
        writer.set_prior({}, option, "cost", cost)
    writer.observe({}, "sure", "cost", 0.0, 0.01)
    writer.observe({}, "vague", "cost", 5.0, 3.0)
    writer.set_gate({}, "shut", "reach", is_open=False)
    return made


def planned(temperature: float, executions: int, cost: float, costs: dict[str, float] = COSTS) -> list[str]:
    """The options of a plan."""
    plan = plan_exploration(field().decide({}, temperature), costs, executions, cost)
    return [each.option for each in plan.executions]


def test_the_primary_first_then_the_uncertain_for_their_cost() -> None:
    """L8: √variance per cost orders the rest; both limits hold; what does not fit is passed over; gates stay shut."""
    assert planned(0.1, 9, 9.0) == ["sure", "vague", "dear"]
    assert planned(0.1, 9, 9.0, {"sure": 1.0, "vague": 4.0, "dear": 1.0}) == ["sure", "dear", "vague"]
    assert planned(0.1, 9, 5.0, {"sure": 1.0, "vague": 4.5, "dear": 4.0}) == ["sure", "dear"]
    assert planned(0.1, 2, 9.0) == ["sure", "vague"]
    assert planned(0.1, 0, 9.0) == []


def test_curiosity_is_no_permission_to_spend() -> None:
    """L8: at temperature 0 the primary alone; an unaffordable primary is not run; an unknown cost is no cost at all."""
    assert planned(0.0, 9, 9.0) == ["sure"]
    assert planned(0.0, 9, 0.5) == []
    assert planned(0.1, 9, 2.0, {"sure": 3.0, "vague": 2.0, "dear": 1e9}) == ["vague"]
    assert planned(0.1, 9, 9.0, {"vague": 1.0}) == ["vague"]
    assert planned(0.1, 9, 0.0, {"sure": 0.0, "vague": 0.0, "dear": 0.0}) == ["sure", "dear", "vague"]


def test_a_plan_says_what_it_costs() -> None:
    """L8: each execution with its cost and deviation, the primary not exploratory."""
    plan = plan_exploration(field().decide({}, 0.1), COSTS, 2, 9.0)

    assert plan.total_cost == 2.0
    assert [each.exploratory for each in plan.executions] == [False, True]
    assert plan.executions[1].deviation == pytest.approx(math.sqrt(0.75))


@given(st.integers(0, 4), st.floats(0, 12), st.floats(0, 9), st.lists(st.floats(0, 9), min_size=4, max_size=4))
def test_limits_always_hold(most: int, limit: float, temperature: float, costs: list[float]) -> None:
    """L8: whatever it costs, no plan passes either limit or runs anything twice."""
    decision = field().decide({}, temperature)
    plan = plan_exploration(decision, dict(zip(COSTS, costs, strict=True)), most, limit)
    names = [each.option for each in plan.executions]

    assert len(names) <= most
    assert plan.total_cost <= limit
    assert len(set(names)) == len(names)
    assert "shut" not in names


@pytest.mark.parametrize(
    ("costs", "most", "limit", "named"),
    [
        ({"a": -1.0}, 1, 1.0, "'a'"),
        ({"a": math.nan}, 1, 1.0, "'a'"),
        ({}, -1, 1.0, "max_executions"),
        ({}, True, 1.0, "max_executions"),
        ({}, 1.5, 1.0, "max_executions"),
        ({}, 1, -1.0, "max_total_cost"),
        ({}, 1, math.nan, "max_total_cost"),
    ],
)
def test_a_limit_that_is_none_is_named(costs: dict[str, float], most: int, limit: float, named: str) -> None:
    """L8: a limit or a cost that is negative or no number is an error that names it."""
    with pytest.raises(ConfigError, match=named):
        plan_exploration(field().decide({}), costs, most, limit)


def test_curiosity_is_one_more_term() -> None:
    """L10, R3, R8: `explore` carries −√(Σ variance·weight²), the temperature is its weight, and the score adds up."""
    made = field()
    decision = made.decide({}, 7.0)
    tensor = Tensor(["global"])
    writer = tensor.writer("global")
    for option, cost in (("sure", 0.0), ("vague", 5.0), ("dear", 6.0)):
        writer.set_value("global", "", option, "cost", cost)
    writer.set_weight("global", "", "cost", 1.0)

    assert write_explore(writer, "global", "", decision) == 3
    assert tensor.value({}, "dear", "explore") == -1.0
    assert tensor.weight({}, "dear", "explore") == 7.0
    assert tensor.resolve({}) == decision.order == ["vague", "dear", "sure"]
    terms = tensor.explain({}).ranked[1].terms
    assert [(term.dimension, term.product) for term in terms] == [("cost", 6.0), ("explore", -7.0)]
    assert math.copysign(1.0, explore_value([])) == 1.0
    assert explore_value([(4.0, 0.5), (3.0, -1.0)]) == -2.0


def test_a_receipt_holds_the_whole_decision() -> None:
    """L9: revision, address, policy, ranked alternatives with traces, what was gated, what was taken; and back."""
    made = AddressedField(["workspace"])
    made.root_writer().observe({"workspace": "acme"}, "x", "cost", 1.0, 1.0)
    made.root_writer().set_prior({}, "y", "cost", 0.0)
    made.root_writer().set_gate({}, "y", "reach", is_open=False)
    decision = made.decide({"workspace": "acme"}, 0.5)
    receipt = receipt_of(decision, "7", decision.order[:1])

    assert (receipt.revision, receipt.address, receipt.policy) == ("7", {"workspace": "acme"}, {"temperature": 0.5})
    assert [each["option"] for each in receipt.ranked] == ["x"]
    assert receipt.ranked[0]["dimensions"][0]["nodes"][1]["observations"] == 1
    assert [(each["option"], each["gate"]) for each in receipt.dropped] == [("y", ["reach", 0])]
    assert receipt.selection == ("x",)
    assert Receipt.from_json(receipt.to_json()) == receipt
    assert Receipt.from_json(receipt.to_json()).to_json() == receipt.to_json()


def test_a_queue_has_a_receipt_too() -> None:
    """L9, R8: the receipt of a tensor's queue carries its terms and drops."""
    tensor = Tensor(["global"])
    writer = tensor.writer("global")
    writer.set_value("global", "", "x", "cost", 1.0)
    writer.set_value("global", "", "y", "reach", math.inf)
    receipt = receipt_of_queue(tensor.explain({}), {}, "1", ["x"])

    assert receipt.ranked[0]["terms"][0]["dimension"] == "cost"
    assert receipt.dropped[0]["value"] == "inf"
    assert Receipt.from_json(receipt.to_json()) == receipt


GOOD: dict[str, Any] = {"revision": "1", "address": {}, "policy": {}, "ranked": [], "dropped": [], "selection": []}


@pytest.mark.parametrize(
    ("body", "where"),
    [
        ([], "receipt: expected an object"),
        (GOOD | {"revision": 1}, "receipt.revision"),
        (GOOD | {"address": []}, "receipt.address"),
        (GOOD | {"policy": None}, "receipt.policy"),
        (GOOD | {"ranked": {}}, "receipt.ranked"),
        (GOOD | {"dropped": ["x"]}, r"receipt.dropped\[0\]"),
        (GOOD | {"selection": [1]}, r"receipt.selection\[0\]"),
    ],
)
def test_a_malformed_receipt_is_named(body: Any, where: str) -> None:
    """S3: a receipt is read strictly, and the message says where."""
    with pytest.raises(DecodeError, match=where):
        Receipt.from_json(json.dumps(body))


def test_curiosity_needs_a_variance() -> None:
    """L10: a negative variance is named with its place."""
    with pytest.raises(ConfigError, match=r"terms\[1\]: the variance -1.0"):
        explore_value([(1.0, 1.0), (-1.0, 1.0)])


@pytest.mark.parametrize("data", [math.nan, {1, 2}, object()])
def test_a_receipt_of_what_is_no_json_is_refused(data: object) -> None:
    """L9: a receipt is JSON data; what is none is a BadValueKindError when it is written down."""
    with pytest.raises(BadValueKindError, match="receipt 'r1'"):
        Receipt("r1", {}, {"policy": data}, (), (), ()).to_json()
