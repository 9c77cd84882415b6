"""The attempt chain, its queue and the health of options: a trace through both, compared step by step."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from tests.differential.page import Page
from tests.differential.traces import Made, made

__all__ = ["TRACES", "compare"]

SETTING, PAST, EVENT = 48, 12, 24
"""Bytes for the setting of a trace, each of its five earlier attempts, each of its twelve events."""


def _cut(data: bytes) -> Made:
    past, events = SETTING + 5 * PAST, len(data)
    return made(
        data[:SETTING],
        [data[at : at + PAST] for at in range(SETTING, past, PAST) if data[at]],
        [data[at : at + EVENT] for at in range(past, events, EVENT)],
    )


# One draw of a fixed size: several times as fast as lists of draws, and what shrinks to zeros is left out.
SIZE = SETTING + 5 * PAST + 12 * EVENT
TRACES: st.SearchStrategy[Made] = st.binary(min_size=SIZE, max_size=SIZE).map(_cut)


def compare(page: Page, made: Made) -> None:
    """AssertionError with the trace, the first step that differs, and what each of them says there."""
    trace, there = made.trace, page.ask("trace", made.trace)
    assert "threw" not in there, (trace, there["threw"])
    for number, (here, other) in enumerate(zip(made.steps, there["steps"], strict=True)):
        assert here == other, _told(trace, number, here, other)
    assert made.seen == there["seen"], (trace, "end", made.seen, there["seen"])
    assert made.budgets == there["budgets"], (trace, "budgets", made.budgets, there["budgets"])


def _told(trace: dict[str, Any], step: int, here: list[Any], there: list[Any]) -> str:
    first = next(at for at, (one, other) in enumerate(zip(here, there, strict=True)) if one != other)
    return f"{trace}\nstep {step}, field {first}:\n  Python {here}\n  page   {there}"
