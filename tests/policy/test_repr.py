"""The display of policies and receipts in a REPL."""

from __future__ import annotations

from sporewright import AddressedField, Budget, Device, Norm, Tensor, TokenBucket
from sporewright.policy.receipt import receipt_of_queue


def test_each_says_what_it_is() -> None:
    """Its kind and its state, on one line."""
    budget = Budget()
    assert repr(budget) == "<Budget without pools>"
    budget.add_pool("free-tier", cap=80)
    assert repr(budget) == "<Budget 'free-tier' cap 80 price 0>"
    bucket = TokenBucket(5, 0.5, now=0.0)
    bucket.admit(0.0)
    assert repr(bucket) == "<TokenBucket 4 of 5 tokens, 0.5 per second>"
    assert repr(Norm().with_scale("latency", 2)) == "<Norm {'latency': 2.0}>"
    assert repr(Device(Tensor(["device"]), "device", "A")) == "<Device 'A' at level 'device'>"


def test_a_field_and_its_writers() -> None:
    """The layers and how many places hold something; where a writer may write."""
    field = AddressedField(["site", "page"])
    field.root_writer().observe({"site": "news"}, "fetch", "latency", 1.0, 1.0)

    assert repr(field) == "<AddressedField ['site', 'page'], 2 places>"
    assert repr(field.root_writer()) == "<FieldWriter anywhere>"
    assert repr(field.writer("page")) == "<FieldWriter at layer 'page' and finer>"


def test_a_receipt() -> None:
    """The steps taken, and the cursor of the order they were taken from."""
    tensor = Tensor(["global"])
    tensor.writer("global").set_value("global", "", "groq", "latency", 1.0)
    tensor.writer("global").set_value("global", "", "tab", "reach", float("inf"))

    receipt = receipt_of_queue(tensor.explain({}), {}, "7", ["groq"])

    assert repr(receipt) == "<Receipt at {}: took ['groq'] of ['groq'], 1 dropped>"
