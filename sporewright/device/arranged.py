"""The order at a cursor as a call's preferences would arrange it, with the reasons."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sporewright.core.tensor import Tensor
from sporewright.routing.preferences import Arranged, arrange, checked, why

__all__ = ["arranged_at", "explained_at"]


def arranged_at(tensor: Tensor, cursor: Mapping[str, str], asked: Mapping[str, Any]) -> Arranged:
    """The order there; ConfigError for what cannot be meant, and for the name of an option that there is not."""
    queue = tensor.resolve(cursor)
    wanted = checked(asked)
    return arrange(queue, checked(asked, tensor.options(cursor)) if wanted else wanted)


def explained_at(tensor: Tensor, cursor: Mapping[str, str], asked: Mapping[str, Any]) -> dict[str, Any]:
    """The same as JSON data, with the terms of each option that is left (R8), and why each other one is not."""
    found, told = arranged_at(tensor, cursor, asked), tensor.explain(cursor).to_dict()
    place = {option: at for at, option in enumerate(found.queue)}
    ranked = sorted((each for each in told["ranked"] if each["option"] in place), key=lambda it: place[it["option"]])
    skipped = [
        {"option": option, "reason": reason, "why": why(option, reason, checked(asked), {})}
        for option, reason in found.skipped.items()
    ]
    return {"ranked": ranked, "dropped": told["dropped"], "skipped": skipped}
