"""A decision written down so that others can check it later (L9)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sporewright import jsontext
from sporewright.core.checks import instance_of, mapping, name, names
from sporewright.core.display import first
from sporewright.core.resolve import Resolution
from sporewright.errors import BadValueKindError, DecodeError
from sporewright.policy.decision import Decision

__all__ = ["Receipt", "receipt_of", "receipt_of_queue"]


@dataclass(frozen=True, slots=True)
class Receipt:
    """A decision on record: its inputs (`revision`, `address`, `policy`), its ranking, and what was taken.

    `ranked` and `dropped` are JSON data with their traces, best first. It never holds a credential or a body.
    """

    revision: str
    address: Mapping[str, str]
    policy: Mapping[str, Any]
    ranked: tuple[Mapping[str, Any], ...]
    dropped: tuple[Mapping[str, Any], ...]
    selection: tuple[str, ...]

    def __post_init__(self) -> None:
        name(self.revision, "revision")
        mapping(self.address, "address")
        mapping(self.policy, "policy")
        names(self.selection, "selection")
        for place, entries in (("ranked", self.ranked), ("dropped", self.dropped)):
            for at, entry in enumerate(instance_of(tuple, entries, place)):
                mapping(entry, f"{place}[{at}]")

    def __repr__(self) -> str:
        order = first([str(each.get("option")) for each in self.ranked])
        taken = list(self.selection)
        return f"<Receipt at {dict(self.address)}: took {taken} of {order}, {len(self.dropped)} dropped>"

    def to_json(self) -> str:
        """The receipt as JSON text with sorted keys: equal receipts are equal texts.

        BadValueKindError for what would not be read back as it is: no JSON, too deep, too large an integer.
        """
        body = {
            "revision": self.revision,
            "address": dict(self.address),
            "policy": dict(self.policy),
            "ranked": [dict(each) for each in self.ranked],
            "dropped": [dict(each) for each in self.dropped],
            "selection": list(self.selection),
        }
        try:
            text = _written(body)
            if _written(jsontext.parse(text, "receipt")) == text:
                return text
        except (TypeError, ValueError, RecursionError) as why:
            raise BadValueKindError(f"receipt {self.revision!r}: not JSON data: {why}") from None
        raise BadValueKindError(f"receipt {self.revision!r}: an integer is too large to be read back exactly")

    @classmethod
    def from_json(cls, text: str | bytes) -> Receipt:
        """A receipt from its JSON, strictly: DecodeError that says where."""
        data = jsontext.parse(text, "receipt")
        if not isinstance(data, dict):
            raise DecodeError(f"receipt: expected an object, got {jsontext.shown(data)}")
        revision, address, policy = data.get("revision"), data.get("address"), data.get("policy")
        if not isinstance(revision, str):
            raise DecodeError(f"receipt.revision: {jsontext.shown(revision)} is not a string")
        for key, each in (("address", address), ("policy", policy)):
            if not isinstance(each, dict):
                raise DecodeError(f"receipt.{key}: {jsontext.shown(each)} is not an object")
        ranked, dropped = (_list(data, key, dict) for key in ("ranked", "dropped"))
        return cls(revision, address or {}, policy or {}, ranked, dropped, _list(data, "selection", str))


def _written(body: object) -> str:
    return json.dumps(body, sort_keys=True, separators=(",", ":"), allow_nan=False)


def _list(data: Mapping[str, Any], key: str, kind: type) -> tuple[Any, ...]:
    entries = data.get(key)
    if not isinstance(entries, list):
        raise DecodeError(f"receipt.{key}: {jsontext.shown(entries)} is not a list")
    for at, entry in enumerate(entries):
        if not isinstance(entry, kind):
            raise DecodeError(f"receipt.{key}[{at}]: {jsontext.shown(entry)} is not {kind.__name__}")
    return tuple(entries)


def receipt_of(decision: Decision, revision: str, selection: Sequence[str]) -> Receipt:
    """The receipt of a field's decision; gated options are the dropped ones."""
    alternatives = instance_of(Decision, decision, "decision").to_dict()["alternatives"]
    return Receipt(
        revision,
        dict(decision.address),
        {"temperature": decision.temperature},
        tuple(each for each in alternatives if each["viable"]),
        tuple(each for each in alternatives if not each["viable"]),
        names(selection, "selection"),
    )


def receipt_of_queue(
    resolution: Resolution, cursor: Mapping[str, str], revision: str, selection: Sequence[str]
) -> Receipt:
    """The receipt of a tensor's queue, from its explanation: the address is the cursor, the policy is `resolve`."""
    found = instance_of(Resolution, resolution, "resolution").to_dict()
    ranked, dropped = tuple(found["ranked"]), tuple(found["dropped"])
    address = dict(mapping(cursor, "cursor"))
    return Receipt(revision, address, {"operator": "resolve"}, ranked, dropped, names(selection, "selection"))
