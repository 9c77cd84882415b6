"""The cost of a page's watches, and the orders that they are told (docs/reference/bridge.md)."""

from __future__ import annotations

import pytest

from sporewright.core.live import LiveQueue
from sporewright.core.tensor import Tensor
from sporewright.device.watches import Watches

LEVELS = ("global", "workspace", "device")
HERE = {"device": "A"}


@pytest.fixture
def tensor() -> Tensor:
    """Three options, a the cheapest."""
    made = Tensor(LEVELS)
    writer = made.writer("global")
    writer.set_weight("global", "", "latency", 1.0)
    for at, option in enumerate("abc"):
        writer.set_value("global", "", option, "latency", float(at))
    return made


def test_a_write_reaches_the_watches_it_concerns_alone(tensor: Tensor, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a hundred watches one looks again after a write to its device; of the others not even the head is read."""
    watches = Watches(tensor)
    for at in range(100):
        watches.add(f"w{at}", {"device": f"D{at}"}, 64)
    assert watches.pushes() == []
    worked: list[LiveQueue] = []
    refresh, order = LiveQueue._refresh, LiveQueue.order
    monkeypatch.setattr(LiveQueue, "_refresh", lambda self: (worked.append(self), refresh(self))[1])
    monkeypatch.setattr(LiveQueue, "order", lambda self: (worked.append(self), order(self))[1])

    tensor.writer("device").set_value("device", "D7", "a", "latency", 5.0)
    told = watches.pushes()

    assert [push["body"]["watch"] for push in told] == ["w7"]
    assert told[0]["body"] == {"watch": "w7", "queue": ["b", "c", "a"], "total": 3, "revision": 1}
    assert len(set(worked)) == 1


def test_a_head_that_is_as_it_was_told_is_not_pushed(tensor: Tensor) -> None:
    """A change and back again is none, whatever was read in between; a total alone is one."""
    watches = Watches(tensor)
    watches.add("", HERE, 1)
    writer = tensor.writer("device")
    writer.set_value("device", "A", "a", "latency", 5.0)
    assert watches.head() == ["b"]
    writer.unset("device", "A", "a", "latency")
    assert watches.pushes() == []

    writer.set_value("device", "A", "d", "latency", 9.0)
    assert [push["body"]["total"] for push in watches.pushes()] == [4]
    assert watches.pushes() == []


def test_a_watch_that_turns_tells_what_is_new_there(tensor: Tensor) -> None:
    """A device of another name sees its own cells; a head that is the same there is not told again."""
    watches = Watches(tensor)
    watches.add("", HERE, 2)
    tensor.writer("device").set_value("device", "B", "c", "latency", -1.0)
    watches.turn("device", "A", "C")
    assert watches.pushes() == []

    watches.turn("device", "C", "B")
    assert [push["body"]["queue"] for push in watches.pushes()] == [["c", "a"]]


def test_figures_are_told_with_the_head_and_when_they_change(tensor: Tensor) -> None:
    """Measured and stated ones, none that is only a prior; a watch without them is told of its order alone."""
    tensor.writer("global").set_value("global", "", "a", "price:in", 2.0)
    tensor.merge(0, "", "a", "financial", 0.5, None)
    tensor.priors.add(("a", "financial"))
    watches = Watches(tensor)
    watches.add("plain", HERE, 2)
    reply = watches.add("figured", HERE, 2, has_figures=True)

    alone = {"a": {"latency": 0.0, "price_in": 2.0}, "b": {"latency": 1.0}}
    scored = {"a": {"score": 0.0, "second": 1.0}, "b": {"score": 1.0, "second": 1.0}}
    assert reply["figures"] == {option: alone[option] | scored[option] for option in "ab"}
    assert watches.pushes() == []
    tensor.writer("device").set_value("device", "A", "a", "financial", 0.25)
    (push,) = watches.pushes()
    assert (push["body"]["watch"], push["body"]["queue"], push["body"]["revision"]) == ("figured", ["a", "b"], 1)
    assert push["body"]["figures"]["a"] == {"cost": 0.25} | alone["a"] | scored["a"]
    tensor.writer("device").set_value("device", "A", "a", "odd", 1.0)
    tensor.writer("device").set_value("device", "B", "a", "latency", 9.0)
    assert watches.pushes() == []
