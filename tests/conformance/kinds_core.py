"""The kinds that need the core alone: resolve, config, median, corroboration."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from sporewright.core.codec import decode_number, decode_value
from sporewright.core.config import TensorConfig
from sporewright.core.tensor import Tensor
from sporewright.errors import SporewrightError

__all__ = ["KINDS", "differ", "load", "same"]


def differ(what: str, expected: object, found: object) -> list[str]:
    """A line if two things are not equal."""
    return [] if expected == found else [f"{what}: expected {expected!r}, found {found!r}"]


def same(what: str, expected: float, found: float | None) -> list[str]:
    """A line if two numbers are not the same float64, sign of zero included; NaN is itself."""
    return (
        []
        if found is not None and repr(float(expected)) == repr(found)
        else [f"{what}: expected {expected!r}, found {found!r}"]
    )


def load(data: Any) -> Tensor:
    """A tensor through its own strict reader."""
    return Tensor.from_json(json.dumps(data))


def _resolve(data: Any) -> list[str]:
    tensor, cursor = load(data["tensor"]), data.get("cursor", {})
    again = Tensor.from_json(tensor.to_json())
    return [
        *differ("resolve", data["expected"], tensor.resolve(cursor)),
        *differ("explain", data["expected"], [each.option for each in tensor.explain(cursor).ranked]),
        *differ("watch", data["expected"], tensor.watch(cursor).order()),
        *differ("resolve after a round trip", data["expected"], again.resolve(cursor)),
    ]


def _config(data: Any) -> list[str]:
    try:
        tensor = TensorConfig.from_dict(data["config"]).build()
    except SporewrightError as why:
        return differ("error", data.get("expected_error"), why.code)
    failures = differ("error", data.get("expected_error"), None)
    if "expected" in data:
        failures += differ("cells", data["expected"], json.loads(tensor.to_json()))
    if "resolve_expected" in data:
        failures += differ("resolve", data["resolve_expected"], tensor.resolve(data.get("cursor", {})))
    return failures


def feed(feeder: Any) -> Tensor:
    """A new tensor with the feeder's writes made in their order."""
    tensor = Tensor(feeder["levels"])
    level = feeder["fromLevel"]
    for write in feeder["writes"]:
        value = decode_value(write["value"], "value")
        writer = tensor.writer(level)
        if isinstance(value, bytes):
            writer.set_document(level, write["inst"], write["option"], write["dim"], value)
        else:
            writer.set_value(level, write["inst"], write["option"], write["dim"], value)
    return tensor


def _median(data: Any) -> list[str]:
    feeder = data["feeder"]
    tensor = feed(feeder)
    tensor.roll_up(feeder["fromLevel"], feeder["toLevel"], feeder["toInst"])
    failures: list[str] = []
    for want in data["expected"]:
        found = tensor.value(data.get("cursor", {}), want["option"], want["dim"])
        failures += same(f"median of {want['option']}/{want['dim']}", decode_number(want["value"], "value"), found)
    return failures


def _corroborate(data: Any) -> list[str]:
    feeder = data["feeder"]
    tensor = feed(feeder)
    tensor.corroborate(
        feeder["fromLevel"], feeder["toLevel"], feeder["toInst"], data.get("quorum", feeder.get("quorum"))
    )
    cursor = data.get("cursor", {})
    failures: list[str] = []
    for want in data["materialized"]:
        found = tensor.value(cursor, want["option"], want["dim"])
        failures += same(f"{want['option']}/{want['dim']}", float(want["value"]), found)
    for absent in data["absent"]:
        found = tensor.value(cursor, absent["option"], absent["dim"])
        failures += differ(f"{absent['option']}/{absent['dim']}", None, found)
    return failures


KINDS: dict[str, Callable[[Any], list[str]]] = {
    "vectors": _resolve,
    "config-vectors": _config,
    "reduce-vectors": _median,
    "corroborate-vectors": _corroborate,
}
