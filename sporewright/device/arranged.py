"""The order at a cursor as a call's preferences would arrange it, with the reasons."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sporewright.core.tensor import Tensor
from sporewright.device.figures import figures_at
from sporewright.routing.call_size import TokenCount
from sporewright.routing.preferences import (
    Arranged,
    Figures,
    Preferences,
    Properties,
    arrange,
    checked,
    figures_for,
    why,
)

__all__ = ["arranged_at", "explained_at", "known_at"]


def arranged_at(
    tensor: Tensor,
    cursor: Mapping[str, str],
    asked: Mapping[str, Any],
    properties: Mapping[str, Properties] | None = None,
) -> Arranged:
    """The order there; ConfigError for what cannot be meant, and for the name of an option that there is not."""
    queue = tensor.resolve(cursor)
    if not checked(asked):
        return arrange(queue, {})
    wanted = checked(asked, tensor.options(cursor))
    return arrange(queue, wanted, known_at(tensor, cursor, wanted, queue), properties)


def known_at(
    tensor: Tensor, cursor: Mapping[str, str], asked: Preferences, options: Sequence[str]
) -> dict[str, Figures]:
    """The figures of one call to each, whatever its size; nothing where no preference asks for it."""
    if "max_cost" not in asked and "max_latency" not in asked:
        return {}
    return figures_for(figures_at(tensor, cursor, options), TokenCount())


def explained_at(
    tensor: Tensor,
    cursor: Mapping[str, str],
    asked: Mapping[str, Any],
    properties: Mapping[str, Properties] | None = None,
) -> dict[str, Any]:
    """The same as JSON data, with the terms of each option that is left (R8), and why each other one is not."""
    found, told = arranged_at(tensor, cursor, asked, properties), tensor.explain(cursor).to_dict()
    figures = known_at(tensor, cursor, checked(asked), list(found.skipped))
    place = {option: at for at, option in enumerate(found.queue)}
    ranked = sorted((each for each in told["ranked"] if each["option"] in place), key=lambda it: place[it["option"]])
    skipped = [
        {"option": option, "reason": reason, "why": why(option, reason, checked(asked), figures)}
        for option, reason in found.skipped.items()
    ]
    return {"ranked": ranked, "dropped": told["dropped"], "skipped": skipped}
