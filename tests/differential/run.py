"""Many cases of one kind, in rounds: each is Hypothesis with a seed of its own, so that memory stays bounded."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

__all__ = ["ROUND", "rounds"]

ROUND = 2500
"""Examples of one round: what Hypothesis remembers of them takes some 50 MB."""


def rounds(
    what: st.SearchStrategy[Any],
    compare: Callable[[Any], None],
    count: int,
    seeded: int,
    *,
    is_told: Callable[[int], None] = lambda _: None,
) -> None:
    """Compare `count` of them; the same `seeded` draws the same ones. Raises what `compare` says of the smallest."""

    def one(each: Any) -> None:
        compare(each)

    for number, done in enumerate(range(0, count, ROUND)):
        size = min(ROUND, count - done)
        configured = settings(
            max_examples=size,
            database=None,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            phases=[Phase.generate, Phase.shrink],
            report_multiple_bugs=False,
        )
        seed(seeded * 1_000_003 + number)(configured(given(what)(one)))()
        is_told(done + size)
