"""The provider's word on its pools: what it says is left tightens the ledger, and what it refuses closes it (P6)."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from sporewright.pools.account import LENGTH_US
from sporewright.pools.declared import Pool, Unit, minor
from sporewright.pools.ledger import Ledger

__all__ = ["Word", "declined", "hear"]


@dataclass(frozen=True, slots=True)
class Word:
    """So much of a unit is left, of a limit where that is said."""

    unit: Unit
    left: float
    limit: float | None = None


def hear(ledger: Ledger, option: str, words: Iterable[Word], now: float) -> None:
    """Take over what an answer of the option says is left. Of words that contradict each other the least counts."""
    for word in words:
        pools = _pools(ledger, option, (word.unit,))
        if pools and math.isfinite(word.left):
            ledger.tighten(_meant(pools, word).name, minor(word.left, word.unit), now)


def declined(ledger: Ledger, option: str, status: int, wait_s: float | None, now: float) -> None:
    """The option refused for its rate (429) or for money (402), for so long; None: it did not say.

    The pool with the shortest window is closed that long; without a time nothing is left of it, and it refills.
    """
    units: tuple[Unit, ...] = ("usd",) if status == 402 else ("requests", "tokens") if status == 429 else ()
    pools = _pools(ledger, option, units)
    if not pools:
        return
    pool = min(pools, key=_length)
    if wait_s is not None and wait_s > 0:
        ledger.close(pool.name, now + wait_s, now)
    elif status == 429:
        ledger.tighten(pool.name, 0, now)


def _pools(ledger: Ledger, option: str, units: tuple[Unit, ...]) -> list[Pool]:
    pools = [ledger.accounts[name].pool for name in ledger.pools_of(option)]
    return [pool for pool in pools if pool.unit in units]


def _length(pool: Pool) -> int:
    return LENGTH_US[pool.turn] if pool.turn else pool.window_us


def _meant(pools: list[Pool], word: Word) -> Pool:
    """The pool that is spoken of: that of the limit which is said, else the one with the shortest window."""
    if word.limit is None or not math.isfinite(word.limit):
        return min(pools, key=_length)
    limit = minor(word.limit, word.unit)
    return min(pools, key=lambda pool: abs(pool.cap - limit))
