"""The statements of a device on itself, and the effect of a capability gate (A1, A2, D3)."""

from __future__ import annotations

import math
import re

import pytest

from sporewright.core.tensor import Tensor
from sporewright.errors import BadValueKindError, ConfigError, WriteUpError
from sporewright.policy.gates import Device, gate_capabilities

HERE = {"device": "A"}


def fleet() -> Tensor:
    """Two options declared at the coarsest level."""
    tensor = Tensor(["global", "workspace", "device"])
    writer = tensor.writer("global")
    writer.set_value("global", "", "x", "latency", 1.0)
    writer.set_value("global", "", "y", "latency", 2.0)
    writer.set_weight("global", "", "latency", 1.0)
    return tensor


def test_observe_moves_only_this_devices_queue() -> None:
    """A1, W3: a measurement is a value in the device's own slice; another device's queue stays."""
    tensor = fleet()
    Device(tensor, "device", "A").observe("x", "latency", 9.0)

    assert tensor.resolve(HERE) == ["y", "x"]
    assert tensor.resolve({"device": "B"}) == ["x", "y"]


def test_gate_drops_and_lifts() -> None:
    """A1, R2: an unreachable option is dropped here by `reach` and comes back when it is lifted."""
    tensor = fleet()
    device = Device(tensor, "device", "A")
    device.gate("x", reachable=False)

    assert tensor.resolve(HERE) == ["y"]
    assert tensor.explain(HERE).dropped[0].dimension == "reach"
    device.gate("x", reachable=True)
    assert tensor.resolve(HERE) == ["x", "y"]


@pytest.mark.parametrize("dimension", ["reach", "priv:gpu", "budget:pool"])
def test_observe_lifts_no_gate(dimension: str) -> None:
    """A1: `observe` refuses reserved dimensions and changes nothing."""
    tensor = fleet()
    before = tensor.to_json()

    with pytest.raises(WriteUpError, match=dimension):
        Device(tensor, "device", "A").observe("x", dimension, 0.0)

    assert tensor.to_json() == before


def test_observe_refuses_what_is_no_number() -> None:
    """A string is no measurement."""
    with pytest.raises(BadValueKindError, match="fast"):
        Device(fleet(), "device", "A").observe("x", "latency", "fast")  # type: ignore[arg-type]


def test_a_gate_is_said_by_true_or_false() -> None:
    """Words that are only like them, as a form or a script would send, are refused."""
    with pytest.raises(BadValueKindError, match="'no' is neither True nor False"):
        Device(fleet(), "device", "A").gate("x", reachable="no")  # type: ignore[arg-type]


def test_attest_is_a_vote() -> None:
    """A1, U5: two devices that attest corroborate; an option does not vote for itself."""
    tensor = fleet()
    for name in ("A", "B", "x"):
        Device(tensor, "device", name).attest("x", "scrape", can=True)
    Device(tensor, "device", "A").attest("y", "scrape", can=False)

    assert tensor.corroborate("device", "global", "", 3) == 0
    assert tensor.corroborate("device", "global", "", 2) == 1
    assert tensor.value({}, "x", "can:scrape") == 1.0
    assert tensor.value({}, "y", "can:scrape") is None


def test_a_capability_gate_only_adds() -> None:
    """A2, D3: every option that lacks a required capability gets +∞ on `priv:<capability>`; no gate is lifted."""
    tensor = fleet()
    writer = tensor.writer("global")
    offers = {"x": {"eu"}}

    gates = gate_capabilities(
        writer, "global", "", ["x", "y"], ["eu"], lambda option, cap: cap in offers.get(option, ())
    )

    assert gates == 1
    assert tensor.resolve({}) == ["x"]
    assert tensor.value({}, "y", "priv:eu") == math.inf
    assert gate_capabilities(writer, "global", "", ["x", "y"], ["eu"], lambda _option, _cap: True) == 0
    assert tensor.resolve({}) == ["x"]


def test_the_shared_slot_is_no_option() -> None:
    """A device that names option "" is told so by each of its three hands, and nothing is written (T2)."""
    t = Tensor(["global", "device"])
    device = Device(t, "device", "A")

    for call, shown in [
        (lambda: device.observe("", "latency", 1.0), "observe('', 'latency', 1.0)"),
        (lambda: device.gate("", reachable=False), "gate('')"),
        (lambda: device.gate("", reachable=True), "gate('')"),
        (lambda: device.attest("", "vision", can=True), "attest('', 'vision')"),
    ]:
        with pytest.raises(ConfigError, match=re.escape(f"{shown}: '' is the slot that all options share")):
            call()
    assert t.cells() == []
