"""The draw of a call: estimated before it is sent, and what its answer says it was (P2)."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sporewright.pools.declared import Pool, measures, minor

__all__ = ["Asked", "Means", "Used", "drawn", "estimated"]

FIRST_ANSWER = 512.0
"""Tokens that an answer is taken to have before the first one was counted, unless its request says how many at most."""
FIRST_SECONDS = 1.0
NEWEST = 0.1
"""The share of the newest answer in the mean."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A request: its tokens, the most that its answer may have, and US dollars per million tokens of its option."""

    tokens_in: float = 0.0
    max_tokens: float | None = None
    price_in: float = 0.0
    price_out: float = 0.0


@dataclass(frozen=True, slots=True)
class Used:
    """The use that a call made; None: its answer did not say, and the estimate stands. `refused`: it was not served.

    A refusal counts as a request, and its time as time; no provider charges tokens or money for it.
    """

    tokens: float | None = None
    usd: float | None = None
    seconds: float | None = None
    refused: bool = False


@dataclass(slots=True)
class Means:
    """The learned mean answer of one option."""

    answer: float = FIRST_ANSWER
    seconds: float = FIRST_SECONDS

    def learn(self, tokens_out: float | None, seconds: float | None) -> None:
        """One more answer, of so many tokens, in so many seconds; None where that is not known."""
        if tokens_out is not None and measures(tokens_out):
            self.answer += (tokens_out - self.answer) * NEWEST
        if seconds is not None and measures(seconds):
            self.seconds += (seconds - self.seconds) * NEWEST

    def data(self) -> list[float]:
        """The means as JSON data."""
        return [self.answer, self.seconds]

    def restore(self, data: Any) -> None:
        """Take over what `data` gave; anything else is passed over."""
        if isinstance(data, list) and len(data) == 2 and all(measures(x) for x in data):
            self.answer, self.seconds = map(float, data)


def estimated(pools: Iterable[Pool], asked: Asked, means: Means) -> dict[str, int]:
    """The draw of a call on each pool, in minor units; at least one of each, or an empty pool would cover it."""
    answer = means.answer if asked.max_tokens is None else asked.max_tokens
    amounts: Mapping[str, float] = {
        "requests": 1.0,
        "concurrent": 1.0,
        "tokens": asked.tokens_in + answer,
        "usd": (asked.tokens_in * asked.price_in + answer * asked.price_out) / 1e6,
        "seconds": means.seconds,
    }
    return {pool.name: max(1, minor(amounts[pool.unit], pool.unit)) for pool in pools}


def drawn(pools: Iterable[Pool], used: Used) -> dict[str, int]:
    """The draw of a call that is over, on each pool of which that is known."""
    refused = 0.0 if used.refused else None
    amounts: Mapping[str, float | None] = {
        "tokens": refused if used.tokens is None else used.tokens,
        "usd": refused if used.usd is None else used.usd,
        "seconds": used.seconds,
    }
    return {
        pool.name: minor(amount, pool.unit)
        for pool in pools
        if (amount := amounts.get(pool.unit)) is not None and math.isfinite(amount)
    }
