"""One pool's account: drawn, reserved, leased and owed, in whole minor units and microseconds (P1, P2, P5).

All of it is integers, so nothing is lost or made by rounding, and Python and the page count alike.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sporewright.pools.calendar import Zone, turn_after
from sporewright.pools.declared import LATEST, MOST, Pool, Turn, is_amount, is_time
from sporewright.pools.price import TICK_US, Price

__all__ = ["AGAIN_US", "SECOND_US", "Account", "micro"]

SECOND_US = 1_000_000
AGAIN_US = 100_000
"""After so long it is asked again for what a call under way may give back."""
DAY_US = 86_400 * SECOND_US
LENGTH_US: Mapping[Turn, int] = {"hour": 3600 * SECOND_US, "day": DAY_US, "week": 7 * DAY_US, "month": 31 * DAY_US}
"""The length of a calendar's window, within an hour or a few days."""
SLACK = 0.75
"""Up to this share of its slots a pool of calls in flight is slack."""
_TURNS = 64
"""So many turns that nobody saw are counted one by one: each takes a cap's worth of what is owed; more forgive it."""


def micro(now: float) -> int:
    """Whole microseconds of a time in seconds."""
    return int(now * 1e6 // 1)


class Account:
    """The state of one pool. `used` counts what was drawn and not yet given again by time, with what is owed.

    A rate is an even refill: what is taken counts at once. A quota is full again when its window turns; what a call is
    to take is reserved until its answer says what it was. Calls in flight are reserved while they last.
    """

    __slots__ = ("leased", "mark", "pool", "price", "reserved", "rest", "shut", "until", "used", "zone")

    def __init__(self, pool: Pool, zone: Zone, now: int) -> None:
        self.pool, self.zone = pool, zone
        self.used = self.reserved = self.leased = 0
        self.mark, self.rest = now, 0
        self.until = self._turn_after(now) if pool.turn else 0
        self.shut = 0
        """Nothing is admitted before this time: the provider said so."""
        self.price = Price(now)

    @property
    def drawn(self) -> int:
        """The part of `used` that the running window bears: with reservations and leases never more than the cap."""
        return min(self.used, max(0, self.pool.cap - self.reserved - self.leased))

    @property
    def debt(self) -> int:
        """The part that does not fit into it: used by calls that took more than was reserved for them."""
        return self.used - self.drawn

    @property
    def left(self) -> int:
        """The amount that may be reserved now, but for what the provider says."""
        return max(0, self.pool.cap - self.used - self.reserved - self.leased)

    def advance(self, now: int) -> None:
        """Let time pass: refill, or turn. A clock that was set back refills nothing and turns nothing."""
        if self.pool.window_us:
            self._refill(now)
        elif self.pool.turn:
            self._turn(now)
        if self.shut > now + DAY_US:
            self.shut = now + DAY_US

    def _refill(self, now: int) -> None:
        passed = now - self.mark
        if passed < 0:
            # Within a window the mark stays, or an interval would be paid for twice; from further on it would be waited
            # for a clock that was wrong.
            if -passed > self.pool.window_us:
                self.mark, self.rest = now, 0
            return
        back, self.rest = divmod(passed * self.pool.cap + self.rest, self.pool.window_us)
        self.mark = now
        if back >= self.used:
            self.used = self.rest = 0
        else:
            self.used -= back

    def _turn(self, now: int) -> None:
        turn = self.pool.turn
        if turn is not None and self.until - now > 2 * LENGTH_US[turn] + DAY_US:
            # The clock was far ahead when this window began: it ends with the true one, and what was drawn stays drawn.
            self.until = self._turn_after(now)
        for _ in range(_TURNS):
            if now < self.until or not self.used:
                break
            self.used = self.debt if self.pool.hard else 0
            self.until = self._turn_after(self.until)
        if self.until <= now:
            self.used, self.until = 0, self._turn_after(now)

    def _turn_after(self, now: int) -> int:
        turn = self.pool.turn or "day"
        return turn_after(now // SECOND_US, turn, self.zone) * SECOND_US

    def when(self, need: int, now: int) -> int | None:
        """The time from which it can cover this much, as far as is known: `now` if it can; None if it never will."""
        if need > self.pool.cap:
            return None
        missing = need + self.used + self.reserved + self.leased - self.pool.cap
        if missing <= 0:
            return max(now, self.shut)
        if self.pool.window_us and missing <= self.used:
            return max(now, self.shut, self._refilled(missing, now))
        # A turn forgives what was drawn; a call under way may have reserved more than it uses.
        until = self.until if self.pool.turn and self.used + self.leased + need > self.pool.cap else now + AGAIN_US
        return max(until, self.shut)

    def _refilled(self, amount: int, now: int) -> int:
        """The time at which so much of what was used is refilled."""
        wait = -(-(amount * self.pool.window_us - self.rest) // self.pool.cap)
        return min(LATEST, max(now, self.mark) + wait) if amount > 0 else now

    def hold(self, amount: int) -> None:
        """A call takes so much, as far as is known before it is sent."""
        if self.pool.window_us:
            self.used += amount
        else:
            self.reserved += amount
        self.price.takes(amount)

    def settle(self, amount: int, used: int, *, is_over: bool = False) -> None:
        """It has used so much of what it held; `is_over`: its hold had lapsed before."""
        if self.pool.window_us or (is_over and self.pool.turn):
            self.used = min(MOST, max(0, self.used + used - amount))
        elif not is_over:
            self.reserved -= amount
            self.used = min(MOST, self.used + used) if self.pool.turn else 0
        self.price.corrects(used - amount)

    def lapse(self, amount: int) -> None:
        """A call's hold ended without a word: it may have used all of it; in flight it is no more."""
        if not self.pool.window_us:
            self.reserved -= amount
            self.used += amount if self.pool.turn else 0

    def lease(self, amount: int) -> None:
        """Somebody may draw so much without asking."""
        self.leased += amount

    def spend(self, amount: int) -> None:
        """So much of a lease was drawn."""
        self.leased -= amount
        if self.pool.unit != "concurrent":
            self.used += amount
            self.price.takes(amount)

    def end_lease(self, amount: int) -> None:
        """A lease ended without a word, so much unreported: of a quota it counts as drawn, else it lapses (P5)."""
        self.leased -= amount
        self.used += amount if self.pool.turn else 0

    def full(self, now: int) -> int:
        """The time at which a rate is full again, if nobody takes anything."""
        return self._refilled(self.used, now)

    def tighten(self, left: int, now: int) -> None:
        """The provider says that no more than this is left: somebody else has drawn the rest."""
        self.used += max(0, self.left - left)
        self.advance(now)

    def close(self, until: int, now: int) -> None:
        """The provider admits nothing before this time, a day from now at most."""
        self.shut = max(self.shut, min(until, now + DAY_US))

    def tick(self, now: int) -> bool:
        """Move the price by the pace, where a tick is due (P7); True if it has moved."""
        return self.price.tick(self._pressure, self.memory_us, now)

    def _pressure(self, pace: float, now: int) -> float:
        """The excess of the pace, in minor units a microsecond, over what lasts; in caps a window."""
        pool = self.pool
        if pool.window_us:
            return pace * pool.window_us / pool.cap - 1.0 - self.left / pool.cap
        if pool.turn:
            length, remains = LENGTH_US[pool.turn], max(1, self.until - now)
            return (pace - self.left / remains) * length / pool.cap
        return (self.reserved + self.leased) / pool.cap - SLACK

    @property
    def _kind(self) -> list[object]:
        """The terms under which the numbers below mean something; another cap is another cap of the same."""
        return [self.pool.unit, self.pool.window_us, self.pool.turn, self.pool.tz]

    @property
    def memory_us(self) -> int:
        """The time over which the pace is smoothed: half a rate's window, an hour of a day."""
        pool = self.pool
        return LENGTH_US[pool.turn] // 24 if pool.turn else max(TICK_US, pool.window_us // 2)

    def data(self) -> dict[str, Any]:
        """The account as JSON data; its holds are the ledger's."""
        return {
            "kind": self._kind,
            "used": self.used,
            "mark": self.mark,
            "rest": self.rest,
            "until": self.until,
            "shut": self.shut,
            "price": self.price.data(),
        }

    def restore(self, data: object) -> bool:
        """Take over what `data` gave; False for another kind of pool's, or what is no such thing: it says nothing."""
        if not isinstance(data, Mapping) or data.get("kind") != self._kind:
            return False
        used, *found = (data.get(name) for name in ("used", "mark", "rest", "until", "shut"))
        if not is_amount(used) or not all(map(is_time, found)):
            return False
        self.used, (self.mark, self.rest, self.until, self.shut) = used, found  # type: ignore[assignment]
        self.rest = min(self.rest, max(0, self.pool.window_us - 1))
        self.price.restore(data.get("price"))
        return True
