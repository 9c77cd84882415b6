"""The engine as text: JSON in, JSON out, never an exception; independent of the browser (docs/reference/bridge.md)."""

from __future__ import annotations

import json
import math
from typing import Any, TypedDict

from sporewright import jsontext
from sporewright.core.codec import decode_number
from sporewright.device.engine import Engine
from sporewright.device.link import as_data
from sporewright.device.shapes import check
from sporewright.errors import InternalError, SporewrightError

__all__ = ["Bridge"]


class _Request(TypedDict):
    now: float
    event: dict[str, Any]


class Bridge:
    """One engine behind `handle`, with a hot path beside it whose arguments are plain values."""

    def __init__(self) -> None:
        self._engine = Engine()

    def handle(self, text: str) -> str:
        """`{"now", "event"}` → `{"ok": true, "effects"}` or `{"ok": false, "error": {code, message}}`, nothing else."""
        try:
            request = jsontext.parse(text, "request")
            check("request", _Request, request)
            answer = {"ok": True, "effects": self._engine.step(float(request["now"]), request["event"])}
            return jsontext.compact(answer)
        except SporewrightError as why:
            return json.dumps({"ok": False, "error": as_data(why)})
        except Exception as why:  # a defect of ours: the other side gets an answer all the same
            return json.dumps({"ok": False, "error": as_data(InternalError(f"{type(why).__name__}: {why}"))})

    def observe(self, option: str, dimension: str, value: float) -> str:
        """A measurement: "" if it was taken, else the error as JSON; its effects come with the next `handle`."""
        try:
            if not isinstance(value, float) or math.isfinite(value):
                value = decode_number(value, "observe.value")
            check("observe", _Names, {"option": option, "dimension": dimension})
            self._engine.observe(option, dimension, value)
        except SporewrightError as why:
            return json.dumps(as_data(why))
        return ""

    def head(self) -> str:
        """The head of the first watch as a JSON list; "[]" before the start."""
        try:
            return json.dumps(self._engine.head())
        except SporewrightError:
            return "[]"


class _Names(TypedDict):
    option: str
    dimension: str
