"""The kinds that need the addressed field: declare, observe, maintain, ask."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sporewright.policy.decision import Decision
from sporewright.policy.field import AddressedField
from sporewright.policy.field_writer import FieldWriter

from .kinds_core import differ

__all__ = ["KINDS", "declared", "maintain"]

TOLERANCE = 1e-10


def _declare(writer: FieldWriter, each: Any) -> None:
    place = (each["address"], each["option"], each["dimension"])
    if each["kind"] == "prior":
        writer.set_prior(*place, each["value"])
    elif each["kind"] == "gate":
        writer.set_gate(*place, is_open=each["value"] > 0)
    elif each["option"]:
        writer.set_option_weight(*place, each["value"])
    else:
        writer.set_weight(each["address"], each["dimension"], each["value"])


def maintain(writer: FieldWriter, each: Any) -> None:
    """One step of maintenance."""
    place = (each["address"], each["option"], each["dimension"])
    if each["kind"] == "compact":
        writer.compact(*place)
    else:
        writer.discount(*place, each["factor"])


def declared(data: Any) -> AddressedField:
    """The field after its declarations, observations and maintenance, all by one root writer."""
    field = AddressedField(data["layers"])
    writer = field.root_writer()
    for each in data["declarations"]:
        _declare(writer, each)
    for each in data["observations"]:
        writer.observe(each["address"], each["option"], each["dimension"], each["value"], each["variance"])
    for each in data.get("maintenance", ()):
        maintain(writer, each)
    return field


def _field(data: Any) -> list[str]:
    failures: list[str] = []
    field = declared(data)
    for name, each in (("field", field), ("field after a round trip", AddressedField.from_json(field.to_json()))):
        for at, query in enumerate(data["queries"]):
            decision = each.decide(query["address"], query["temperature"], query.get("allowed"))
            failures += _asked(f"{name}, query {at}", query, decision)
    return failures


def _asked(what: str, query: Any, decision: Decision) -> list[str]:
    failures = differ(what, query["expected"], decision.order)
    for key in ("mean", "variance", "weight"):
        for option, wanted in query.get(f"{key}s", {}).items():
            for dimension, want in wanted.items():
                found = getattr(decision.alternative(option).trace(dimension), key)
                if not abs(found - want) < TOLERANCE:
                    failures.append(f"{what}: {key} of {option}/{dimension}: expected {want!r}, found {found!r}")
    for option, want in query.get("scores", {}).items():
        found = decision.alternative(option).score
        if not abs(found - want) < TOLERANCE:
            failures.append(f"{what}: score of {option}: expected {want!r}, found {found!r}")
    return failures


KINDS: dict[str, Callable[[Any], list[str]]] = {"field-vectors": _field}
