"""What a REPL shows of a native device and of a call's receipt."""

from __future__ import annotations

from sporewright.device.native import NativeDevice
from sporewright.device.responses import Attempt, Receipt


def test_a_receipt() -> None:
    """Who answered, what became of each attempt, and who was passed over."""
    attempts = [Attempt("groq", "overloaded", "HTTP 503"), Attempt("openai", "ok", "HTTP 200")]

    receipt = Receipt(["groq", "tab", "openai"], "openai", attempts, {"tab": "no-upstream"})

    assert repr(receipt) == "<Receipt answered by openai: groq overloaded, openai ok; tab skipped: no-upstream>"
    assert repr(Receipt([])) == "<Receipt not answered: no attempt>"


def test_a_device() -> None:
    """Where it is, how its line stands, and its order."""
    device = NativeDevice({"levels": ["global", "workspace", "device"]}, {"workspace": "acme"})

    assert repr(device) == "<NativeDevice at {'workspace': 'acme'}, sync off: []>"
