"""The display of a native device and of a call's receipt in a REPL."""

from __future__ import annotations

from sporewright.device.call_receipt import Attempt, Receipt
from sporewright.device.native import NativeDevice


def test_a_receipt() -> None:
    """The option that answered, the end of each attempt, and the options that were passed over."""
    attempts = [Attempt("groq", "overloaded", "HTTP 503"), Attempt("openai", "ok", "HTTP 200")]

    receipt = Receipt(["groq", "tab", "openai"], "openai", attempts, {"tab": "no-upstream"})

    assert repr(receipt) == "<Receipt answered by openai: groq overloaded, openai ok; tab skipped: no-upstream>"
    assert repr(Receipt([])) == "<Receipt not answered: no attempt>"


def test_a_device() -> None:
    """Its cursor, the state of its connection, and its order."""
    device = NativeDevice({"levels": ["global", "workspace", "device"]}, {"workspace": "acme"})

    assert repr(device) == "<NativeDevice at {'workspace': 'acme'}, sync off: []>"
