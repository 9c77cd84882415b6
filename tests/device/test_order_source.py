"""The source of a native call's order, and the evidence that the call gives it."""

from __future__ import annotations

import pytest

import sporewright
from sporewright import Tensor
from sporewright.device.order_source import TensorSource


def tensor() -> Tensor:
    """Two options; a is thought to be the faster."""
    made = Tensor(["global", "device"])
    writer = made.writer("global")
    writer.set_weight("global", "", "latency", 1.0)
    for option, latency in (("a", 0.5), ("b", 1.0)):
        writer.set_value("global", "", option, "latency", latency)
    return made


def test_a_tensor_learns_in_the_slice_of_its_cursor() -> None:
    """Slow answers move the order here and nowhere else; a failure is one more dimension (A1, W3)."""
    made = tensor()
    source = TensorSource(made, {"device": "A"}, {})
    assert list(source.order()) == ["a", "b"]
    for _ in range(3):
        source.outcome({"option": "a", "outcome": "ok", "latency_s": 4.0})

    assert list(source.order()) == ["b", "a"]
    assert made.resolve({"device": "B"}) == ["a", "b"]
    assert made.value({"device": "A"}, "a", "latency") == pytest.approx(4.0, rel=0.1)
    source.outcome({"option": "b", "outcome": "server_error"})
    failure = made.value({"device": "A"}, "b", "failure")
    assert failure is not None
    assert failure > 0
    assert made.value({}, "b", "failure") is None


def test_a_tensor_with_prices_learns_what_tokens_cost() -> None:
    """Tokens × price per million, of the prices at its cursor; without one nothing is said of money."""
    made = tensor()
    made.writer("global").set_value("global", "", "a", "price:in", 2.0)
    source = TensorSource(made, {"device": "A"}, {})
    for option in ("a", "b"):
        source.outcome({"option": option, "outcome": "ok", "latency_s": 1.0, "tokens_in": 1000, "tokens_out": 10})

    assert made.value({"device": "A"}, "a", "financial") == pytest.approx(0.002, rel=0.2)
    assert made.value({"device": "A"}, "b", "financial") is None


@pytest.mark.parametrize("cursor", [{}, {"device": ""}])
def test_without_an_instance_nothing_is_learned(cursor: dict[str, str]) -> None:
    """The shared slice is no device's to write."""
    made = tensor()
    before = made.to_json()
    TensorSource(made, cursor, {}).outcome({"option": "a", "outcome": "ok", "latency_s": 4.0})

    assert made.to_json() == before


def test_what_an_attempt_does_not_teach_is_not_written() -> None:
    """The caller's own mistake says nothing of the option."""
    made = tensor()
    before = made.to_json()
    TensorSource(made, {"device": "A"}, {}).outcome({"option": "a", "outcome": "refused", "latency_s": 4.0})

    assert made.to_json() == before


def test_every_public_name_can_be_had() -> None:
    """Also those that are imported when they are asked for."""
    for name in sporewright.__all__:
        assert getattr(sporewright, name) is not None
