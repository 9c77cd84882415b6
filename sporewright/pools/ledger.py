"""The ledger of several pools: calls reserve, are corrected and released; leases are granted and end (P3, P4, P5).

No clock, no chance, no storage: `now` is seconds since the epoch, `data` and `restore` are what a host keeps.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sporewright.errors import ConfigError
from sporewright.jsontext import shown
from sporewright.pools.account import DAY_US, Account, micro
from sporewright.pools.calendar import UTC, Zone
from sporewright.pools.declared import Pool, is_amount, is_time, measures
from sporewright.pools.draws import Asked, Means, Used, drawn, estimated

__all__ = ["Hold", "Ledger", "PoolState", "Refused"]

VERSION = 1
NEWEST = 0.1
"""The share of the newest draw in an option's expected draw."""


@dataclass(frozen=True, slots=True)
class Refused:
    """The pool that cannot cover a draw, and the time from which it can, as far as is known; ∞: it never will."""

    pool: str
    until: float


@dataclass(slots=True)
class Hold:
    """The amounts that a call, or a lease, may still draw: minor units by pool, until a time.

    `turns`: the next turn of each quota as the hold lapsed; None before.
    """

    option: str
    amounts: dict[str, int]
    until: int
    lasts: int
    holder: str = ""
    is_lease: bool = False
    turns: dict[str, int] | None = None

    def data(self) -> list[Any]:
        """The hold as JSON data."""
        turns = None if self.turns is None else dict(self.turns)
        return [self.option, dict(self.amounts), self.until, self.lasts, self.holder, self.is_lease, turns]


@dataclass(frozen=True, slots=True)
class PoolState:
    """A pool as people see it, in its unit: `until` is when a quota turns or a rate is full again, 0 if it is."""

    unit: str
    cap: float
    left: float
    price: float
    until: float


@dataclass(slots=True)
class _Book:
    """The pools of one option, what it is expected to draw on each, in minor units, and its mean answer."""

    pools: list[str] = field(default_factory=list)
    expects: dict[str, float] = field(default_factory=dict)
    means: Means = field(default_factory=Means)

    def expect(self, pool: str, amount: int) -> None:
        """So much was drawn by one more call."""
        before = self.expects.get(pool, float(amount))
        self.expects[pool] = before + (amount - before) * NEWEST


class Ledger:
    """`pools` by name; `zones`: the tables of the time zones that they name, UTC where one is missing."""

    def __init__(self, pools: Mapping[str, Pool], zones: Mapping[str, Zone] | None = None, now: float = 0.0) -> None:
        found = zones or {}
        self.accounts = {
            name: Account(pool, found.get(pool.tz, UTC), micro(now)) for name, pool in sorted(pools.items())
        }
        self.holds: dict[str, Hold] = {}
        self._books: dict[str, _Book] = {}
        for name, account in self.accounts.items():
            for option in account.pool.options:
                self._books.setdefault(option, _Book()).pools.append(name)
        self._last = 0
        self._due: float = math.inf

    def pools_of(self, option: str) -> list[str]:
        """The pools that the option draws on, by name."""
        book = self._books.get(option)
        return [] if book is None else book.pools

    def estimate(self, option: str, asked: Asked) -> dict[str, int]:
        """The draw of a call there, by pool, in minor units (P2)."""
        book = self._books.get(option)
        return {} if book is None else estimated(self._pools(book), asked, book.means)

    def learn(self, option: str, tokens_out: float | None, seconds: float | None) -> None:
        """An answer of that option had so many tokens and took so long."""
        if option in self._books:
            self._books[option].means.learn(tokens_out, seconds)

    def _pools(self, book: _Book) -> list[Pool]:
        return [self.accounts[name].pool for name in book.pools]

    # --- calls ------------------------------------------------------------------------------------------------------

    def admits(self, option: str, needs: Mapping[str, int], now: float) -> Refused | None:
        """None if every pool of the option covers the draw now; else the one that does so last."""
        at = self._advance(now)
        refused: Refused | None = None
        for name in self.pools_of(option):
            found = self.accounts[name].when(needs.get(name, 0), at)
            until = math.inf if found is None else found / 1e6
            if (found is None or found > at) and (refused is None or until > refused.until):
                refused = Refused(name, until)
        return refused

    def reserve(
        self, key: str, option: str, needs: Mapping[str, int], now: float, lasts_s: float, holder: str = ""
    ) -> Refused | None:
        """Reserve the draw of one call on all pools of its option, or on none; the key names it from here on.

        It lapses after `lasts_s` unless it is renewed: what it may have used of a quota then counts as drawn.
        """
        refused = self.admits(option, needs, now)
        if refused is not None:
            return refused
        self._fresh(key)
        amounts = {name: self._whole(needs.get(name, 0), name) for name in self.pools_of(option)}
        for name, amount in amounts.items():
            self.accounts[name].hold(amount)
            self._books[option].expects.setdefault(name, float(amount))
        self._add(key, Hold(option, amounts, 0, micro(lasts_s), holder), now)
        return None

    def renew(self, key: str, now: float) -> None:
        """The call or the lease goes on: its time begins anew. One that has lapsed stays so."""
        self._advance(now)
        hold = self.holds.get(key)
        if hold is not None and hold.turns is None:
            hold.until = micro(now) + hold.lasts

    def settle(self, key: str, used: Mapping[str, int] | Used, now: float) -> None:
        """The call is over and drew so much; of a pool that is not named, what was reserved. Said twice it counts once.

        After its time it corrects what was counted for it, unless the window has turned since.
        """
        hold, actual = self._take(key, now), dict[str, int]()
        if hold is None:
            return
        book = self._books.get(hold.option, _Book())
        told = drawn(self._pools(book), used) if isinstance(used, Used) else used
        for name, amount in hold.amounts.items():
            actual[name] = self._whole(told.get(name, amount), name)
            book.expect(name, actual[name])
        self._settle(hold, actual)

    def release(self, key: str, now: float) -> None:
        """The call was never sent: it has drawn nothing, and teaches nothing of what calls draw."""
        hold = self._take(key, now)
        if hold is not None:
            self._settle(hold, dict.fromkeys(hold.amounts, 0))

    def _take(self, key: str, now: float) -> Hold | None:
        self._advance(now)
        hold = self.holds.get(key)
        return None if hold is None or hold.is_lease else self.holds.pop(key)

    def _settle(self, hold: Hold, actual: Mapping[str, int]) -> None:
        for name, amount in hold.amounts.items():
            account = self.accounts[name]
            if hold.turns is None or hold.turns.get(name, account.until) == account.until:
                account.settle(amount, actual[name], is_over=hold.turns is not None)

    # --- leases -----------------------------------------------------------------------------------------------------

    def lease(self, key: str, pool: str, amount: int, now: float, lasts_s: float, holder: str) -> Refused | None:
        """Grant a holder this much of a pool, to be drawn without asking until the lease ends; all of it or nothing."""
        at = self._advance(now)
        found = self.accounts[pool].when(amount, at)
        if found is None or found > at:
            return Refused(pool, math.inf if found is None else found / 1e6)
        self._fresh(key)
        self.accounts[pool].lease(self._whole(amount, pool))
        self._add(key, Hold("", {pool: amount}, 0, micro(lasts_s), holder, is_lease=True), now)
        return None

    def spend(self, key: str, amount: int, now: float) -> int:
        """The holder has drawn so much of its lease; the part that the lease covers, which counts.

        Of a quota's lease that ended without a word all counts as drawn, until what is left of it is given back.
        """
        self._advance(now)
        hold = self.holds.get(key)
        if hold is None or not hold.is_lease:
            return 0
        ((pool, rest),) = hold.amounts.items()
        counted = min(rest, self._whole(amount, pool))
        hold.amounts[pool] = rest - counted
        account = self.accounts[pool]
        if hold.turns is None:
            account.spend(counted)
        elif account.pool.window_us:
            account.hold(counted)
        return counted

    def give_back(self, key: str, now: float) -> None:
        """The holder needs no more: what it has not drawn is free again, also after its time, in the same window."""
        self._advance(now)
        hold = self.holds.get(key)
        if hold is None or not hold.is_lease:
            return
        del self.holds[key]
        ((pool, rest),) = hold.amounts.items()
        account = self.accounts[pool]
        if hold.turns is None:
            account.leased -= rest
        elif account.pool.turn and hold.turns[pool] == account.until:
            account.settle(rest, 0, is_over=True)

    # --- what is said of pools --------------------------------------------------------------------------------------

    def tighten(self, pool: str, left: int, now: float) -> None:
        """The provider says that no more than this is left; more than was thought changes nothing (P6)."""
        self._advance(now)
        account = self.accounts[pool]
        if account.pool.unit != "concurrent":
            account.tighten(self._whole(left, pool), micro(now))

    def close(self, pool: str, until: float, now: float) -> None:
        """The provider admits nothing before this time (P6); at most a day counts."""
        self._advance(now)
        self.accounts[pool].close(micro(until), micro(now))

    def tick(self, now: float) -> bool:
        """Move the prices that are due (P7); True if one has moved."""
        at = self._advance(now)
        moved = [account.tick(at) for account in self.accounts.values()]
        return any(moved)

    def prices(self) -> dict[str, float]:
        """The price of one unit of each pool."""
        return {name: account.price.each * account.pool.scale for name, account in self.accounts.items()}

    def draws(self) -> dict[str, dict[str, float]]:
        """The draw expected of each option on each of its pools, in their units; 0 where nothing is known (D2)."""
        return {
            option: {name: book.expects.get(name, 0.0) / self.accounts[name].pool.scale for name in book.pools}
            for option, book in self._books.items()
        }

    def state(self, now: float) -> dict[str, PoolState]:
        """Each pool as people see it."""
        at = self._advance(now)
        return {name: _state(account, at) for name, account in self.accounts.items()}

    # --- time -------------------------------------------------------------------------------------------------------

    def _advance(self, now: float) -> int:
        at = micro(now)
        if at >= self._due or at < self._last:
            self._lapse(at)
        self._last = at
        for account in self.accounts.values():
            account.advance(at)
        return at

    def _lapse(self, at: int) -> None:
        """End what is over, oldest first, each as of its own time: before any window that has turned since."""
        due: float = math.inf
        for key, hold in sorted(self.holds.items(), key=lambda each: each[1].until):
            hold.until = min(hold.until, at + hold.lasts)  # the clock may have been set back
            if hold.turns is None and hold.until <= at:
                self._end(hold)
            if hold.turns is not None and at - hold.until >= DAY_US:
                del self.holds[key]
                continue
            due = min(due, hold.until if hold.turns is None else hold.until + DAY_US)
        self._due = due

    def _end(self, hold: Hold) -> None:
        """The time of a call or a lease is over, without a word."""
        hold.turns = {}
        for name, amount in hold.amounts.items():
            account = self.accounts[name]
            if account.pool.turn:
                account.advance(hold.until)
                hold.turns[name] = account.until
            if hold.is_lease:
                account.end_lease(amount)
            else:
                account.lapse(amount)

    def _add(self, key: str, hold: Hold, now: float) -> None:
        hold.until = micro(now) + hold.lasts
        self.holds[key] = hold
        self._due = min(self._due, hold.until)

    def _fresh(self, key: str) -> None:
        if key in self.holds:
            raise ConfigError(f"pools: {shown(key)} is reserved already")

    @staticmethod
    def _whole(amount: int, pool: str) -> int:
        if not is_amount(amount):
            raise ConfigError(f"pools.{pool}: {shown(amount)} is not a whole number of minor units")
        return amount

    # --- as data ----------------------------------------------------------------------------------------------------

    def data(self) -> dict[str, Any]:
        """All of it as JSON data."""
        return {
            "version": VERSION,
            "accounts": {name: account.data() for name, account in self.accounts.items()},
            "holds": {key: hold.data() for key, hold in self.holds.items()},
            "options": {option: [dict(book.expects), book.means.data()] for option, book in self._books.items()},
        }

    def restore(self, data: object) -> None:
        """Take over what `data` gave, of pools that are still declared alike; what is no such thing is passed over."""
        if not isinstance(data, dict) or data.get("version") != VERSION:
            return
        kept = {name: self.accounts[name] for name, said in _items(data, "accounts") if self._restore(name, said)}
        for key, said in _items(data, "holds"):
            hold = _hold(said, kept)
            if hold is None:
                continue
            self.holds[key] = hold
            self._due = 0
            for name, amount in hold.amounts.items() if hold.turns is None else ():
                account = kept[name]
                account.leased += amount if hold.is_lease else 0
                account.reserved += 0 if hold.is_lease or account.pool.window_us else amount
        for option, said in _items(data, "options"):
            if option in self._books and isinstance(said, list) and len(said) == 2 and isinstance(said[0], dict):
                book = self._books[option]
                book.expects |= {name: x for name, x in said[0].items() if name in kept and measures(x)}
                book.means.restore(said[1])

    def _restore(self, name: str, data: object) -> bool:
        return name in self.accounts and self.accounts[name].restore(data)


def _items(data: dict[str, Any], key: str) -> list[tuple[str, Any]]:
    found = data.get(key)
    return list(found.items()) if isinstance(found, dict) else []


def _hold(data: object, accounts: Mapping[str, Account]) -> Hold | None:
    """A hold from its data, of the pools that are left; None if it is none."""
    if not isinstance(data, list) or len(data) != 7:
        return None
    option, amounts, until, lasts, holder, is_lease, turns = data
    texts, flags = isinstance(option, str) and isinstance(holder, str), isinstance(is_lease, bool)
    tables = [amounts] if turns is None else [amounts, turns]
    if not texts or not flags or not all(isinstance(table, dict) for table in tables):
        return None
    times = [until, lasts, *({} if turns is None else turns).values()]
    if not all(map(is_amount, amounts.values())) or not all(map(is_time, times)):
        return None
    left = {name: amount for name, amount in amounts.items() if name in accounts}
    whole = not is_lease or len(left) == 1
    return Hold(option, left, until, lasts, holder, is_lease, turns) if left and whole else None


def _state(account: Account, at: int) -> PoolState:
    pool = account.pool
    until = account.shut
    if pool.turn:
        until = max(until, account.until)
    elif pool.window_us:
        until = max(until, account.full(at))
    return PoolState(
        pool.unit,
        pool.cap / pool.scale,
        (0 if account.shut > at else account.left) / pool.scale,
        account.price.each * pool.scale,
        until / 1e6 if until > at else 0.0,
    )
