"""The amounts that a response's headers say are left of the provider's limits, by the plan's table (P6)."""

from __future__ import annotations

import re
from collections.abc import Callable

from sporewright.pools import Word
from sporewright.routing.plan import PLAN
from sporewright.routing.terms import Plan

__all__ = ["words_of"]

_NUMBER = r"\d{1,12}(?:\.\d{1,12})?"
_BLANK = " \t"


def words_of(get: Callable[[str], str | None], plan: Plan = PLAN) -> list[Word]:
    """Each header of the table that can be read; `get` looks a header up by its lower-case name."""
    words = []
    for row in plan["allowance_headers"]:
        text = (get(row["left"]) or "").strip(_BLANK)
        if row.get("structured", False):
            left, limit = _field(text, "r|remaining"), _field(text, "q|limit")
        else:
            left, limit = _whole(text), _whole((get(row["limit"]) or "").strip(_BLANK)) if "limit" in row else None
        if left is not None:
            words.append(Word(row["unit"], left, limit))
    return words


def _whole(text: str) -> float | None:
    return float(text) if re.fullmatch(_NUMBER, text, re.ASCII) else None


def _field(text: str, names: str) -> float | None:
    """The last field of these names in `"policy";r=0;t=30`, or in the older `limit=10, remaining=0`."""
    found = re.findall(rf"\b(?:{names})[ \t]*=[ \t]*({_NUMBER})(?![\w.])", text, re.ASCII)
    return float(found[-1]) if found else None
