"""The order at a cursor as a call's preferences would arrange it, with the reasons."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sporewright.core.tensor import Tensor
from sporewright.device.figures import figures_at
from sporewright.routing.call_size import TokenCount
from sporewright.routing.preferences import (
    CAPS,
    Arranged,
    Figures,
    Preferences,
    Properties,
    arrange,
    checked,
    figures_for,
    why,
)

__all__ = ["arranged_at", "explained_at"]


def arranged_at(
    tensor: Tensor,
    cursor: Mapping[str, str],
    asked: Mapping[str, Any],
    properties: Mapping[str, Properties] | None = None,
) -> Arranged:
    """The order there; ConfigError for what cannot be meant, and for the name of an option that there is not."""
    return _wanted(tensor, cursor, asked, properties)[0] if asked else Arranged(tensor.resolve(cursor), {})


def explained_at(
    tensor: Tensor,
    cursor: Mapping[str, str],
    asked: Mapping[str, Any],
    properties: Mapping[str, Properties] | None = None,
) -> dict[str, Any]:
    """The same as JSON data, with the terms of each option that is left (R8), and why each other one is not."""
    found, wanted, figures = _wanted(tensor, cursor, asked, properties)
    told = tensor.explain(cursor).to_dict()
    place = {option: at for at, option in enumerate(found.queue)}
    ranked = sorted((each for each in told["ranked"] if each["option"] in place), key=lambda it: place[it["option"]])
    skipped = [
        {"option": option, "reason": reason, "why": why(option, reason, wanted, figures)}
        for option, reason in found.skipped.items()
    ]
    return {"ranked": ranked, "dropped": told["dropped"], "skipped": skipped}


def _wanted(
    tensor: Tensor, cursor: Mapping[str, str], asked: Mapping[str, Any], properties: Mapping[str, Properties] | None
) -> tuple[Arranged, Preferences, Mapping[str, Figures]]:
    """The order, what was asked, and the figures of one call to each, where a preference asks for them."""
    queue, wanted = tensor.resolve(cursor), checked(asked, tensor.options(cursor))
    is_judged = wanted.keys() & {*CAPS, "affinity"}
    known = figures_at(tensor, cursor, queue) if is_judged else {}
    figures = figures_for(known, TokenCount(), has_scores="affinity" in wanted)
    return arrange(queue, wanted, figures, properties), wanted, figures
