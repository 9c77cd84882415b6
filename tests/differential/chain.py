"""The attempt chain, its queue and the health of options: a trace through both, compared step by step."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from sporewright.errors import DecodeError
from sporewright.routing.replay import replay
from tests.differential.page import Page
from tests.differential.traces import Made, made

__all__ = ["TRACES", "compare"]

ENDS = {"DELIVERED": "answered", "EXHAUSTED": "failed", "BROKEN": "failed", "ABORTED": "aborted"}
SETTING, PAST, EVENT = 56, 12, 24
"""Bytes for the setting of a trace, each of at most five earlier attempts, each of its ten events."""


def _cut(data: bytes) -> Made:
    past, events = SETTING + 5 * PAST, len(data)
    return made(
        data[:SETTING],
        [data[at + 1 : at + PAST] for at in range(SETTING, past, PAST) if data[at] & 1],
        [data[at : at + EVENT] for at in range(past, events, EVENT)],
    )


# One draw of a fixed size: several times as fast as lists of draws, and what shrinks to zeros is left out.
SIZE = SETTING + 5 * PAST + 10 * EVENT
TRACES: st.SearchStrategy[Made] = st.binary(min_size=SIZE, max_size=SIZE).map(_cut)


def compare(page: Page, made: Made) -> None:
    """AssertionError with the trace, the first step that differs, and what each of them says there."""
    trace, there = made.trace, page.ask("trace", made.trace)
    assert "threw" not in there, (trace, there["threw"])
    for number, (here, other) in enumerate(zip(made.steps, there["steps"], strict=True)):
        assert here == other, _told(trace, number, here, other)
    assert made.seen == there["seen"], (trace, "end", made.seen, there["seen"])
    assert made.budgets == there["budgets"], (trace, "budgets", made.budgets, there["budgets"])
    for receipt in there["receipts"][-1:]:
        _replays(trace, receipt)


def _replays(trace: dict[str, Any], receipt: dict[str, Any]) -> None:
    """A page's record of a call is enough for Python to decide it again."""
    state = receipt.pop("state")
    try:
        found = replay({**receipt, "end": ENDS.get(state, "open")})
    except DecodeError as why:
        raise AssertionError((trace, "receipt", receipt, str(why))) from None
    skipped = {each["option"]: each["reason"] for each in receipt["skipped"]}
    assert (skipped, state) == (found.skipped, found.end), (trace, receipt, found)


def _told(trace: dict[str, Any], step: int, here: list[Any], there: list[Any]) -> str:
    first = next(at for at, (one, other) in enumerate(zip(here, there, strict=True)) if one != other)
    return f"{trace}\nstep {step}, field {first}:\n  Python {here}\n  page   {there}"
